// One leadership of a state machine's partition: loads what is committed, then serves, until the epoch ends. What it is
// told after its end changes nothing.
//
//   loading -> serving <-> draining (a snapshot is due) -> writing a snapshot -> serving
import type { Clock } from '@zhumq/base';
import type { Partition } from '../partition/partition.js';
import { Applier } from './applier.js';
import { SLICE_BYTES, nextTurn } from './committed-batches.js';
import { Proposals } from './proposals.js';
import type { ProposalLimits } from './proposals.js';
import type { SnapshotScan } from './snapshot-scan.js';
import { SnapshotWriter } from './snapshot-writer.js';
import type { StateMachine, StateRecord } from './state-machine.js';

export interface OfficeLimits extends ProposalLimits {
  /** Bytes of log after which a snapshot is due, unless the last one was larger. */
  readonly snapshotBytes: number;
}

export interface OfficeOptions {
  readonly epoch: number;
  readonly partition: Partition;
  readonly machine: StateMachine;
  readonly scan: SnapshotScan;
  readonly clock: Clock;
  readonly limits: OfficeLimits;
  /** Everything that was committed before is applied. */
  readonly onServing: () => void;
  /** The state machine, or what it is to be told, is broken. */
  readonly onFailed: (error: Error) => void;
}

interface Waiter {
  readonly end: number;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

export class Office {
  private readonly proposals: Proposals;
  private applier: Applier | undefined;
  private isServing = false;
  private isApplying = false;
  private flushing = false;
  /** A snapshot is due or being appended: proposals wait. */
  private isPaused = false;
  private isWriting = false;
  /** After the last snapshot of this office, which need not be committed yet. */
  private snapshotEnd = -1;
  private waiters: Waiter[] = [];
  private ended = false;

  constructor(private readonly options: OfficeOptions) {
    const { partition, clock, limits } = options;
    this.proposals = new Proposals(partition, clock, limits);
    void this.load();
  }

  get epoch(): number {
    return this.options.epoch;
  }

  get serves(): boolean {
    return this.isServing && this.isCurrent;
  }

  /** Checked again after every wait, and before every append: the epoch may have ended without a word yet. */
  private get isCurrent(): boolean {
    return !this.ended && this.options.partition.servedEpoch === this.epoch;
  }

  /** While it serves. What is proposed in one turn is appended together. */
  propose(records: readonly StateRecord[], deadlineMs: number): Promise<readonly number[]> {
    const applied = this.proposals.add(records, deadlineMs);
    if (!this.flushing) {
      this.flushing = true;
      setImmediate(() => this.flush());
    }
    return applied;
  }

  /** Resolves when everything below `end` is applied. */
  reached(end: number): Promise<void> {
    if (this.applier !== undefined && this.applier.position >= end) return Promise.resolve();
    return new Promise((resolve, reject) => this.waiters.push({ end, resolve, reject }));
  }

  /** More is committed. */
  wake(): void {
    void this.applyAll();
  }

  end(notAppended: Error, inDoubt: Error): void {
    if (this.ended) return;
    this.ended = true;
    this.proposals.fail(notAppended, inDoubt);
    const { waiters } = this;
    this.waiters = [];
    for (const { reject } of waiters) reject(notAppended);
  }

  private async load(): Promise<void> {
    const { scan, machine, partition } = this.options;
    await this.guarded(async () => {
      const base = await scan.latest(() => this.isCurrent);
      if (!this.isCurrent) return;
      this.applier = new Applier(machine, base, partition.log.logStart);
      await this.applyAll();
    });
  }

  /** In this turn as long as memory gives the bytes and a slice is enough. */
  private async applyAll(): Promise<void> {
    const { applier, isApplying } = this;
    if (applier !== undefined && !isApplying) await this.guarded(() => this.applyWith(applier));
  }

  private async applyWith(applier: Applier): Promise<void> {
    const { partition } = this.options;
    this.isApplying = true;
    try {
      while (this.isCurrent) {
        if (applier.position < partition.highWatermark) {
          const read = partition.log.read(applier.position, partition.highWatermark, SLICE_BYTES);
          const slice = read instanceof Promise ? await read : read;
          if (!this.isCurrent) return;
          applier.apply(slice);
        }
        this.handleApplied(applier);
        if (applier.position >= partition.highWatermark) return;
        await nextTurn();
      }
    } finally {
      // In the turn in which it was seen that nothing is left, or a wake in between would be lost.
      this.isApplying = false;
    }
  }

  private handleApplied(applier: Applier): void {
    const { partition, onServing } = this.options;
    const { position } = applier;
    this.proposals.applied(position);
    const reached = this.waiters.filter(({ end }) => end <= position);
    this.waiters = this.waiters.filter(({ end }) => end > position);
    for (const { resolve } of reached) resolve();
    if (!this.isServing && position >= partition.highWatermark) {
      this.isServing = true;
      onServing();
    }
    this.maybeSnapshot(applier);
  }

  private flush(): void {
    this.flushing = false;
    if (!this.isPaused && this.serves) this.proposals.flush();
  }

  /** Not smaller than the last one: then what is written for snapshots is never more than what is written for itself. */
  private maybeSnapshot(applier: Applier): void {
    const { position, bytesSinceSnapshot, snapshotBytes } = applier;
    const { limits, partition } = this.options;
    if (!this.isServing || this.isWriting || position < this.snapshotEnd) return;
    if (bytesSinceSnapshot < Math.max(limits.snapshotBytes, snapshotBytes)) return;
    this.isPaused = true;
    // The state is that of the begin's offset: nothing may stand before it that is not applied.
    if (position < partition.log.logEnd) return;
    this.isWriting = true;
    void this.guarded(() => this.writeSnapshot());
  }

  private async writeSnapshot(): Promise<void> {
    const { partition, machine, clock, limits } = this.options;
    const { maxBatchBytes } = limits;
    const isCurrent = (): boolean => this.isCurrent;
    const writer = new SnapshotWriter({ partition, machine, clock, maxBatchBytes, isCurrent });
    const end = await writer.write();
    if (end === undefined || !this.isCurrent) return;
    this.snapshotEnd = end;
    this.isWriting = false;
    this.isPaused = false;
    this.flush();
  }

  /** Errors of an office that has ended are nobody's business: its log may be closed, its machine another's. */
  private async guarded(action: () => Promise<void>): Promise<void> {
    try {
      await action();
    } catch (error) {
      if (this.isCurrent) this.options.onFailed(error as Error);
    }
  }
}
