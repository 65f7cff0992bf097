// Holds back what must not leave before a hard state is on disk [Raft §5.1: persistent state is updated before
// responding to RPCs]. Writes of one replica become durable in order, so one number, the sequence of the last hard
// state, tells everything.
import type { HardState, Message } from '@zhumq/raft';

interface Held {
  readonly sequence: number;
  readonly message: Message;
}

export class SyncGate {
  private readonly unsynced: { sequence: number; hardState: HardState }[] = [];
  private held: Held[] = [];
  private closed = false;

  constructor(private readonly release: (message: Message) => void) {}

  saved(sequence: number, hardState: HardState): void {
    this.unsynced.push({ sequence, hardState });
  }

  /** Sends at once when every hard state saved so far is durable, otherwise after the last of them is. */
  hold(message: Message): void {
    if (this.closed) return;
    const last = this.unsynced.at(-1);
    if (last === undefined) this.release(message);
    else this.held.push({ sequence: last.sequence, message });
  }

  /** Returns the newest hard state that is durable now; undefined when this told nothing new. */
  durable(sequence: number): HardState | undefined {
    let newest: HardState | undefined;
    while (this.unsynced.length > 0 && this.unsynced[0].sequence <= sequence)
      newest = this.unsynced.shift()?.hardState;
    const ready = this.held.filter((entry) => entry.sequence <= sequence);
    this.held = this.held.filter((entry) => entry.sequence > sequence);
    for (const entry of ready) this.release(entry.message);
    return newest;
  }

  /** Nothing leaves any more: what was saved last may never become durable. */
  close(): void {
    this.closed = true;
    this.unsynced.length = 0;
    this.held = [];
  }
}
