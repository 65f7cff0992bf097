// What waits for a write to be durable: reports of hard states, and work that goes on afterwards.
interface Waiter {
  readonly sequence: number;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

export class PendingStates {
  private reports: number[] = [];
  private waiters: Waiter[] = [];
  private completed = 0;

  /** The write with that sequence is reported when it is durable. */
  reportAt(sequence: number): void {
    this.reports.push(sequence);
  }

  /** Resolves when every write up to `sequence` is durable. */
  durable(sequence: number): Promise<void> {
    if (sequence <= this.completed) return Promise.resolve();
    return new Promise((resolve, reject) => this.waiters.push({ sequence, resolve, reject }));
  }

  complete(sequence: number, report: (sequence: number) => void): void {
    this.completed = Math.max(this.completed, sequence);
    while (this.reports.length > 0 && this.reports[0] <= sequence)
      report(this.reports.shift() as number);
    if (this.waiters.length === 0) return;
    const ready = this.waiters.filter((waiter) => waiter.sequence <= sequence);
    this.waiters = this.waiters.filter((waiter) => waiter.sequence > sequence);
    for (const waiter of ready) waiter.resolve();
  }

  fail(error: Error): void {
    const { waiters } = this;
    this.waiters = [];
    for (const waiter of waiters) waiter.reject(error);
  }
}
