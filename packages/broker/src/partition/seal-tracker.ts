// Whether a replica's log is sealed in its generation, and by which intent. A function of the log and of nothing else, so
// that a delayed order, a restart or another leader can not change it (rule 17): after a seal only the first batches of
// later epochs can follow in its generation, so the last batches tell. What an older generation left there means nothing
// (rule 13).
import type { LogSlice, ReplicaLog } from '@zhumq/log';
import { batchSizeAt, isControlBatch, parseControlBatch, readBatchHeader } from '@zhumq/model';
import type { ControlRecord } from '@zhumq/model';

export interface Seal {
  readonly transitionId: string;
  /** Epoch of the seal's batch, and the offset after it. */
  readonly epoch: number;
  readonly endOffset: number;
}

/** `unknown`: nobody has looked yet, or the look at a cold log is under way. */
export type SealState = Seal | undefined | 'unknown';

/** What a batch at the end of the log says of it. */
type Verdict = Seal | 'unsealed' | 'look before';

export class SealTracker {
  private current: SealState = 'unknown';
  /** Counts what makes a look that is under way worthless. */
  private looks = 0;
  private looking = false;

  constructor(
    private readonly log: ReplicaLog,
    private readonly generation: number,
    /** The state has changed. Called synchronously; must not throw. */
    private readonly onChange: () => void,
  ) {}

  get state(): SealState {
    return this.current;
  }

  /** Undefined also while it is not known. */
  get seal(): Seal | undefined {
    return this.current === 'unknown' ? undefined : this.current;
  }

  /**
   * Looks at the last batches unless it is known what they say. Whoever becomes leader calls it; a follower need not
   * know, and ten thousand of them would read their disks at every start.
   */
  find(): void {
    if (this.current !== 'unknown' || this.looking) return;
    this.look(this.log.logEnd, ++this.looks);
  }

  /** Whole batches were appended: those of a leader with offsets and epoch stamped. */
  appended(batches: Buffer): void {
    let position = 0;
    while (position < batches.length) {
      const bytes = batchSizeAt(batches, position) ?? 0;
      if (bytes <= 0) return;
      // Of records it suffices to know that they are none of a leader change's or a seal's.
      const verdict = isControlAt(batches, position)
        ? this.verdict(batches.subarray(position, position + bytes))
        : 'unsealed';
      if (verdict === 'unsealed') this.become(undefined);
      else if (verdict !== 'look before') this.become(verdict);
      position += bytes;
    }
  }

  /** The log was cut at `from`: a seal that is gone seals nothing (rule 17). */
  truncated(from: number): void {
    if (this.current === 'unknown') {
      if (this.looking) this.replaced();
    } else if (this.current !== undefined && from < this.current.endOffset) {
      // Of one generation a log holds one seal at most: before it stands none.
      this.become(undefined);
    }
  }

  /** Another log took the place of this one: a copy of the leader's segments. */
  replaced(): void {
    const wasSought = this.current !== 'unknown' || this.looking;
    this.looks++;
    this.looking = false;
    this.current = 'unknown';
    this.onChange();
    if (wasSought) this.find();
  }

  private look(end: number, look: number): void {
    this.looking = true;
    let at = end;
    while (at > this.log.logStart) {
      const read = this.log.read(at - 1, at, 1);
      if (read instanceof Promise) {
        void this.lookAfter(read, look);
        return;
      }
      const verdict = this.verdictOf(read);
      if (verdict !== 'look before') {
        this.settle(verdict, look);
        return;
      }
      at = read.firstOffset;
    }
    this.settle('unsealed', look);
  }

  private async lookAfter(read: Promise<LogSlice>, look: number): Promise<void> {
    try {
      const slice = await read;
      if (look !== this.looks) return;
      const verdict = this.verdictOf(slice);
      if (verdict === 'look before') this.look(slice.firstOffset, look);
      else this.settle(verdict, look);
    } catch {
      // The log is closed or failed, and its owner was told; until then the leader goes on taking no records.
      if (look === this.looks) this.looking = false;
    }
  }

  private settle(verdict: Seal | 'unsealed', look: number): void {
    if (look === this.looks) this.become(verdict === 'unsealed' ? undefined : verdict);
  }

  private become(state: Seal | undefined): void {
    const before = this.current;
    if (before === state) return;
    this.looks++;
    this.looking = false;
    this.current = state;
    this.onChange();
  }

  private verdictOf({ buffers }: LogSlice): Verdict {
    const batch = buffers.length === 1 ? buffers[0] : Buffer.concat(buffers);
    return isControlAt(batch, 0) ? this.verdict(batch) : 'unsealed';
  }

  private verdict(batch: Buffer): Verdict {
    const record = parse(batch);
    if (record?.kind === 'leaderChange' && record.body.generation === this.generation)
      return 'look before';
    if (record?.kind !== 'modeSeal' || record.body.generation !== this.generation)
      return 'unsealed';
    const { epoch, lastOffset } = readBatchHeader(batch);
    return { transitionId: record.body.transitionId, epoch, endOffset: lastOffset + 1 };
  }
}

function isControlAt(batches: Buffer, position: number): boolean {
  return isControlBatch(readBatchHeader(batches, position));
}

/** Undefined for one that can not be read: then it is none of ours. */
function parse(batch: Buffer): ControlRecord | undefined {
  try {
    return parseControlBatch(batch);
  } catch {
    return undefined;
  }
}
