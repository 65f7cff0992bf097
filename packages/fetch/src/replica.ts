// What a replica is in every role: its identity, the newest state, its log, high watermark, taint, and the effects it
// owes its driver.
import { assert } from '@zhumq/base';
import { LogView } from './log-view.js';
import { Outbox } from './outbox.js';
import type { Epoch, FetchConfig, LogReader, Offset, PartitionState, ReplicaId } from './types.js';

export class Replica {
  readonly outbox = new Outbox();
  readonly log: LogView;
  /** As the zkserver last said. */
  state: PartitionState | undefined = undefined;
  /** Invariant: never falls. */
  epoch: Epoch = 0;
  leader: ReplicaId | undefined = undefined;
  /** End of the seal that the log holds; who leads matters nothing to it (rule 17). */
  seal: Offset | undefined = undefined;
  rejectedMessages = 0;
  /** Nothing goes in or out any more: a fatal state or a failed disk. */
  halted = false;
  private committed: Offset;
  /** The high watermark that the driver's log remembers; it may be above what a tainted replica believes. */
  private remembered: Offset;
  private marked: boolean;
  private proposals = 0;

  constructor(
    readonly config: FetchConfig,
    reader: LogReader,
  ) {
    checkConfig(config);
    this.log = new LogView(reader, config);
    this.marked = config.tainted;
    this.remembered = config.highWatermark;
    // What retention cut was committed. Of the rest a tainted replica believes nothing: its disk may have lost a cut, and
    // hold other records where it once knew of a commit.
    const known = config.tainted ? 0 : Math.min(config.highWatermark, reader.logEnd);
    this.committed = Math.max(known, reader.logStart);
  }

  get self(): ReplicaId {
    return this.config.self;
  }

  get tainted(): boolean {
    return this.marked;
  }

  /** Invariant: at most the log end, and never falls but in a reported possible loss. */
  get highWatermark(): Offset {
    return this.committed;
  }

  /** Whether even committed records may have to be given up: nothing of the log is from after the last possible loss. */
  get mayLoseCommitted(): boolean {
    return this.log.lastEpoch < (this.state?.lossEpoch ?? 0);
  }

  nextProposal(): number {
    this.proposals += 1;
    return this.proposals;
  }

  /** False when it is nothing new. */
  raiseHighWatermark(to: Offset): boolean {
    if (to <= this.committed) return false;
    this.committed = to;
    this.remembered = Math.max(this.remembered, to);
    this.outbox.add({ kind: 'highWatermark', highWatermark: to });
    return true;
  }

  truncate(from: Offset): void {
    this.outbox.add({ kind: 'truncate', from, belowHighWatermark: from < this.remembered });
    this.log.truncated(from);
    this.remembered = Math.min(this.remembered, from);
    if (this.seal !== undefined && from < this.seal) this.seal = undefined;
    this.lowerHighWatermark(from);
  }

  /** A copy took the place of the log. */
  replaced(): void {
    this.log.replaced();
    this.remembered = this.log.logEnd;
    this.lowerHighWatermark(this.log.logEnd);
    this.raiseHighWatermark(this.log.logStart);
  }

  clearTaint(): void {
    this.marked = false;
    this.outbox.add({ kind: 'clearTaint' });
  }

  private lowerHighWatermark(to: Offset): void {
    if (to >= this.committed) return;
    this.committed = to;
    this.outbox.add({ kind: 'highWatermark', highWatermark: to });
  }
}

function checkConfig(config: FetchConfig): void {
  const { self, incarnation, lagTicks, retryTicks } = config;
  assert(self.length > 0, 'self is empty');
  assert(incarnation >= 0, `incarnation is ${incarnation}, must be at least 0`);
  assert(lagTicks >= 1, `lagTicks is ${lagTicks}, must be at least 1`);
  assert(retryTicks >= 1, `retryTicks is ${retryTicks}, must be at least 1`);
}
