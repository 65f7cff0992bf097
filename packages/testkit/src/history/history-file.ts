// Writes a history to a file while it is recorded, for runs that are too long for memory, or that may be killed.
import { closeSync, openSync, writeSync } from 'node:fs';
import type { HistoryEvent, Unstamped } from './events.js';
import { stamp } from './history.js';
import type { Recorder } from './history.js';

/** Events that wait to be written; with more of them recording writes by itself. */
const PENDING = 8_192;

export class HistoryFile implements Recorder {
  private readonly descriptor: number;
  private pending: HistoryEvent[] = [];
  private scheduled: NodeJS.Immediate | undefined;

  /** Begins the file anew. `now`: milliseconds that never fall. */
  constructor(
    file: string,
    private readonly now: () => number,
  ) {
    this.descriptor = openSync(file, 'w');
  }

  record(event: Unstamped): void {
    this.pending.push(stamp(event, this.now()));
    this.scheduled ??= setImmediate(() => this.flush());
    if (this.pending.length >= PENDING) this.flush();
  }

  /** Hands everything recorded to the system. Throws when the disk refuses. */
  flush(): void {
    clearImmediate(this.scheduled);
    this.scheduled = undefined;
    if (this.pending.length === 0) return;
    const bytes = Buffer.from(formatEvents(this.pending));
    this.pending = [];
    for (let at = 0; at < bytes.length;) at += writeSync(this.descriptor, bytes, at);
  }

  close(): void {
    this.flush();
    closeSync(this.descriptor);
  }
}

/** As they stand in a file. */
export function formatEvents(events: readonly HistoryEvent[]): string {
  return events.map((event) => `${JSON.stringify(event)}\n`).join('');
}
