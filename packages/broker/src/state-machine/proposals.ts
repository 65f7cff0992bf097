// Records on their way into a state machine: gathered to batches, appended, committed, applied. Each proposal settles
// once: with its offsets when it is applied, or with what is known of its fate. Bounded in number and bytes.
import { assert } from '@zhumq/base';
import type { Clock, Timer } from '@zhumq/base';
import { BATCH_HEADER_BYTES, BatchBuilder, singleBatchBytes, zhumqError } from '@zhumq/model';
import type { ErrorContext } from '@zhumq/base';
import type { Partition, ProduceResult } from '../partition/partition.js';
import type { StateRecord } from './state-machine.js';

export interface ProposalLimits {
  readonly maxBatchBytes: number;
  /** Of all proposals that are not applied yet. */
  readonly maxProposals: number;
  readonly maxProposalBytes: number;
}

interface Proposal {
  readonly records: readonly StateRecord[];
  readonly timestamp: number;
  readonly bytes: number;
  readonly timer: Timer;
  readonly resolve: (offsets: readonly number[]) => void;
  readonly reject: (error: Error) => void;
  isAppended: boolean;
}

interface Batch {
  readonly proposals: readonly Proposal[];
  readonly baseOffset: number;
  readonly lastOffset: number;
}

export class Proposals {
  private queue: Proposal[] = [];
  /** Committed and not applied yet, by offset. */
  private committed: Batch[] = [];
  /** Handed to the partition, outcome not known. */
  private readonly appended = new Set<readonly Proposal[]>();
  private count = 0;
  private bytes = 0;
  private appliedEnd = -1;

  constructor(
    private readonly partition: Partition,
    private readonly clock: Clock,
    private readonly limits: ProposalLimits,
  ) {}

  /** Rejects with MESSAGE_TOO_LARGE, OVERLOADED, TIMEOUT, and with what the partition refuses the batch with. */
  add(records: readonly StateRecord[], deadlineMs: number): Promise<readonly number[]> {
    assert(records.length > 0, 'a proposal has a record at least');
    const { clock, limits } = this;
    const timestamp = clock.wallMs();
    const bytes = records.reduce((sum, record) => sum + roomFor(record, timestamp), 0);
    if (bytes + BATCH_HEADER_BYTES > limits.maxBatchBytes) {
      return Promise.reject(this.tooLarge(bytes));
    }
    if (this.count >= limits.maxProposals || this.bytes + bytes > limits.maxProposalBytes) {
      return Promise.reject(
        this.error('OVERLOADED', `has ${this.count} proposals (${this.bytes} bytes) waiting`),
      );
    }
    return new Promise((resolve, reject) => {
      const waitMs = Math.max(deadlineMs - clock.monotonicMs(), 0);
      const timer = clock.after(waitMs, () => this.expire(proposal));
      const state = { isAppended: false, timer, resolve, reject };
      const proposal: Proposal = { records, timestamp, bytes, ...state };
      this.count++;
      this.bytes += bytes;
      this.queue.push(proposal);
    });
  }

  /** Appends what waits, in as few batches as hold it. */
  flush(): void {
    while (this.queue.length > 0) {
      let bytes = BATCH_HEADER_BYTES;
      let taken = 0;
      for (; taken < this.queue.length; taken++) {
        bytes += this.queue[taken].bytes;
        if (taken > 0 && bytes > this.limits.maxBatchBytes) break;
      }
      this.append(this.queue.splice(0, taken), bytes);
    }
  }

  /** Everything below `position` is applied. */
  applied(position: number): void {
    this.appliedEnd = position;
    while (this.committed.length > 0 && this.committed[0].lastOffset < position) {
      const { proposals, baseOffset } = this.committed.shift() as Batch;
      let next = baseOffset;
      for (const proposal of proposals) {
        const offsets = proposal.records.map(() => next++);
        this.release(proposal).resolve(offsets);
      }
    }
  }

  /** Nothing of it will be applied here any more. */
  fail(notAppended: Error, inDoubt: Error): void {
    const waiting = this.queue;
    const doubtful = [...this.appended, ...this.committed.map(({ proposals }) => proposals)].flat();
    this.queue = [];
    this.committed = [];
    this.appended.clear();
    for (const proposal of waiting) this.release(proposal).reject(notAppended);
    for (const proposal of doubtful) this.release(proposal).reject(inDoubt);
  }

  private append(proposals: readonly Proposal[], initialBytes: number): void {
    const builder = new BatchBuilder({ initialBytes });
    for (const { records, timestamp } of proposals) {
      for (const { key, value } of records) builder.append({ timestamp, key, value });
    }
    for (const proposal of proposals) proposal.isAppended = true;
    this.appended.add(proposals);
    // The deadlines are the proposals' own: one that waits no longer leaves the others of its batch alone.
    this.partition.produce(builder.finishSync(), -1, Infinity, (error, result) => {
      if (!this.appended.delete(proposals)) return;
      if (error === undefined) this.handleCommitted(proposals, result as ProduceResult);
      else for (const proposal of proposals) this.release(proposal).reject(error);
    });
  }

  private handleCommitted(proposals: readonly Proposal[], { baseOffset }: ProduceResult): void {
    const count = proposals.reduce((sum, { records }) => sum + records.length, 0);
    this.committed.push({ proposals, baseOffset, lastOffset: baseOffset + count - 1 });
    this.applied(this.appliedEnd);
  }

  private expire(proposal: Proposal): void {
    if (!proposal.isAppended) {
      this.queue = this.queue.filter((one) => one !== proposal);
      this.release(proposal);
    }
    const fate = proposal.isAppended ? 'it is in the log and may be committed later' : 'it is not';
    proposal.reject(this.error('TIMEOUT', `did not commit a proposal in time; ${fate}`));
  }

  private release(proposal: Proposal): Proposal {
    proposal.timer.cancel();
    this.count--;
    this.bytes -= proposal.bytes;
    return proposal;
  }

  private tooLarge(bytes: number): Error {
    const limit = this.limits.maxBatchBytes;
    const message = `takes at most ${limit} bytes at once, not ${bytes}`;
    return this.error('MESSAGE_TOO_LARGE', message, { bytes, limit });
  }

  private error(
    code: 'OVERLOADED' | 'TIMEOUT' | 'MESSAGE_TOO_LARGE',
    predicate: string,
    context: ErrorContext = {},
  ): Error {
    const { topic, partition } = this.partition.name;
    const about = { topic, partition, ...context };
    return zhumqError(code, `partition ${topic}-${partition} ${predicate}`, about);
  }
}

/** Bytes of a record in a batch, at most: its time and offset are written as differences to the first one's. */
function roomFor({ key, value }: StateRecord, timestamp: number): number {
  const DELTAS = 16;
  return singleBatchBytes({ timestamp, key, value }) - BATCH_HEADER_BYTES + DELTAS;
}
