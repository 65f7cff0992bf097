// A history in memory, and what records into one. Recording is a push: nothing is formatted, checked or written there.
import type { EventKind, HistoryEvent, Unstamped } from './events.js';

export interface Recorder {
  /** Takes the event over: the caller does not change it any more. */
  record(event: Unstamped): void;
}

export class History implements Recorder {
  readonly events: HistoryEvent[] = [];

  /** `now`: milliseconds that never fall. */
  constructor(private readonly now: () => number) {}

  record(event: Unstamped): void {
    this.events.push(stamp(event, this.now()));
  }

  of<K extends EventKind>(kind: K): Extract<HistoryEvent, { kind: K }>[] {
    return this.events.filter(
      (event): event is Extract<HistoryEvent, { kind: K }> => event.kind === kind,
    );
  }
}

/** Stamps the object itself: an event is recorded once. */
export function stamp(event: Unstamped, at: number): HistoryEvent {
  return Object.assign(event, { at });
}
