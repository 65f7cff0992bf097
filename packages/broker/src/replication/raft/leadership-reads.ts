// Questions "do I still lead?" that wait for a quorum round (ReadIndex, [Raft §6.4]).

interface Waiting {
  readonly resolve: (offset: number) => void;
  readonly reject: (error: Error) => void;
}

export class LeadershipReads {
  private readonly waiting = new Map<number, Waiting>();
  private nextId = 1;

  begin(): { id: number; confirmed: Promise<number> } {
    const id = this.nextId++;
    const confirmed = new Promise<number>((resolve, reject) =>
      this.waiting.set(id, { resolve, reject }),
    );
    return { id, confirmed };
  }

  confirm(id: number, offset: number): void {
    this.take(id)?.resolve(offset);
  }

  fail(id: number, error: Error): void {
    this.take(id)?.reject(error);
  }

  failAll(error: Error): void {
    for (const id of [...this.waiting.keys()]) this.fail(id, error);
  }

  private take(id: number): Waiting | undefined {
    const waiting = this.waiting.get(id);
    this.waiting.delete(id);
    return waiting;
  }
}
