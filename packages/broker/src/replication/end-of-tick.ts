// Groups that have something to send at the end of this turn of the event loop. Everything that arrived in the turn
// leaves together: this, not a timer, is where appends are batched.

/** Called once at the end of the turn in which it was added. */
export interface TickFlusher {
  flush(): void;
}

export class EndOfTick {
  private waiting: TickFlusher[] = [];
  private readonly members = new Set<TickFlusher>();
  private scheduled = false;

  /** `last` runs after all groups: the transport hands its queues to the sockets. */
  constructor(private readonly last: () => void) {}

  add(flusher: TickFlusher): void {
    if (!this.members.has(flusher)) {
      this.members.add(flusher);
      this.waiting.push(flusher);
    }
    this.schedule();
  }

  /** Makes sure that `last` runs at the end of this turn. */
  schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    setImmediate(() => this.run());
  }

  private run(): void {
    this.scheduled = false;
    const flushers = this.waiting;
    this.waiting = [];
    this.members.clear();
    for (const flusher of flushers) flusher.flush();
    this.last();
  }
}
