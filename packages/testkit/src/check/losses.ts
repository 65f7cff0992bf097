// Losses that the cluster reported by itself (rule 29): what they took may be missing, and its offsets may be given away
// again, in a higher epoch. Nothing else is excused.

export interface Loss {
  /** First epoch after it. */
  readonly epoch: number;
  /** First offset that may be lost. */
  readonly offset: number;
  readonly line: number;
}

export class LossList {
  private readonly losses: Loss[] = [];

  add(loss: Loss): void {
    this.losses.push(loss);
  }

  /** The loss that may have taken a record, which was certainly there in line `seenSince`. */
  of(record: {
    readonly offset: number;
    /** -1: unknown. */
    readonly epoch: number;
    readonly seenSince: number;
  }): Loss | undefined {
    return this.losses.find(
      (loss) =>
        loss.offset <= record.offset &&
        record.seenSince < loss.line &&
        (record.epoch === -1 || record.epoch < loss.epoch),
    );
  }

  /** Something at or above this offset may have changed; a report may come long after that. */
  since(offset: number, line: number): boolean {
    return this.losses.some((loss) => loss.offset <= offset && line < loss.line);
  }

  /** What says that this offset was reached may be lower, in this epoch if it is known. */
  frees(offset: number, epoch = Infinity): boolean {
    return this.losses.some((loss) => loss.offset <= offset && loss.epoch <= epoch);
  }
}
