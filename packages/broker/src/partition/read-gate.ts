// Long polls that wait for something to read. One request may wait on many partitions; it is woken once.

/** Called once when something may be readable. */
export type Wake = () => void;

export class ReadGate {
  private waiting = new Set<Wake>();

  /** Returns what takes the waiter away again. */
  wait(wake: Wake): () => void {
    this.waiting.add(wake);
    return () => void this.waiting.delete(wake);
  }

  open(): void {
    if (this.waiting.size === 0) return;
    const woken = this.waiting;
    this.waiting = new Set();
    for (const wake of woken) wake();
  }
}
