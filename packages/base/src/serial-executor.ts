// One task at a time, in order. What a partition decides before an await may be stale after it; running its tasks
// through one executor is what makes them safe to write.

export class SerialExecutor {
  private tail: Promise<unknown> = Promise.resolve();
  private waiting = 0;

  constructor(private readonly limit: number) {}

  /** Tasks that run or wait. */
  get size(): number {
    return this.waiting;
  }

  /** Runs the task after all earlier ones; undefined when `limit` tasks wait already. A failed task does not stop later ones. */
  run<T>(task: () => Promise<T> | T): Promise<T> | undefined {
    if (this.waiting >= this.limit) return undefined;
    this.waiting++;
    const result = this.tail.then(task);
    this.tail = result.then(
      () => void this.waiting--,
      () => void this.waiting--,
    );
    return result;
  }

  /** Resolves when everything given so far has ended. */
  async drained(): Promise<void> {
    await this.tail;
  }
}
