// The cell: one replica of one partition on this broker. Knows what is committed, who may write, who waits; how the
// replicas are kept equal is the replicator's business, bytes are the log's.
//
// All state changes are synchronous, so nothing read here can be stale before it is used; the only awaits are cold
// reads, and they check again what they rely on.
import type { LogSlice, ReplicaLog } from '@zhumq/log';
import { checkProducedBatch, readBatchHeader, zhumqError } from '@zhumq/model';
import type { ErrorCode } from '@zhumq/model';
import type { ErrorContext, ZhumqError } from '@zhumq/base';
import type { AppendedRange, Replicator, ReplicatorListener } from '../replication/replicator.js';
import { OffsetWaiters } from './offset-waiters.js';
import { ReadGate } from './read-gate.js';

export interface PartitionName {
  readonly topic: string;
  readonly topicId: string;
  readonly partition: number;
  readonly generation: number;
}

/** What a partition must be told from outside. */
export interface PartitionSurroundings {
  /** Largest batch that a producer may send, in bytes. */
  maxMessageBytes(): number;
  diskFull(): boolean;
  /** The disk is too far behind for more records. */
  diskBehind(): boolean;
  /** Where the broker of a replica is, for NOT_LEADER; empty when unknown. */
  leaderContext(replicaId: string | undefined): ErrorContext;
  /** Leads and has committed in its epoch: what the cluster's metadata may say. */
  onEstablished(partition: Partition): void;
  onFailed(partition: Partition, error: Error): void;
  /** Needs ticks again. */
  onAwake(partition: Partition): void;
}

export interface ProduceResult {
  readonly baseOffset: number;
  readonly duplicate: boolean;
}

/** Called exactly once: with an error, or with the result. */
export type ProduceCallback = (error: Error | undefined, result: ProduceResult | undefined) => void;

export class Partition implements ReplicatorListener {
  readonly gate = new ReadGate();
  private readonly commitWaiters = new OffsetWaiters();
  private readonly durableWaiters = new OffsetWaiters();
  private replicatorOrNone: Replicator | undefined;
  private ledEpoch = -1;
  private establishedEpoch = -1;
  private highWatermarkValue: number;
  private closed = false;

  constructor(
    readonly name: PartitionName,
    readonly log: ReplicaLog,
    private readonly surroundings: PartitionSurroundings,
  ) {
    // Of what its log remembers a tainted replica believes nothing, until a leader says it again.
    const isTainted = log.hardState?.tainted === true;
    this.highWatermarkValue = isTainted ? log.logStart : Math.min(log.highWatermark, log.logEnd);
  }

  /** Called right after construction, a replicator needs its listener first; and when the replica begins with an empty log. */
  attach(replicator: Replicator): void {
    this.replicatorOrNone = replicator;
    this.onAwake();
    this.onRoleChanged();
  }

  get replicator(): Replicator {
    if (this.replicatorOrNone === undefined)
      throw this.error('LEADER_NOT_AVAILABLE', 'is being opened');
    return this.replicatorOrNone;
  }

  get leads(): boolean {
    return this.replicatorOrNone?.role === 'leader';
  }

  /** Needs no ticks: its group sleeps, and nobody waits here. */
  get isDormant(): boolean {
    const waiting = this.commitWaiters.size + this.durableWaiters.size;
    return waiting === 0 && this.replicatorOrNone?.asleep === true;
  }

  /** False once it was closed: another one may stand in its place. */
  get isOpen(): boolean {
    return !this.closed;
  }

  /** The epoch in which it leads and has committed; undefined while it does not, or is closed. */
  get servedEpoch(): number | undefined {
    const { replicatorOrNone: replicator } = this;
    return this.leads && !this.closed && replicator?.established ? replicator.epoch : undefined;
  }

  /** First offset that is not known to be committed; only grows, but for a reported possible loss. */
  get highWatermark(): number {
    // What retention cut was committed, whatever a tainted replica has heard so far.
    return Math.max(this.highWatermarkValue, this.log.logStart);
  }

  /** Appends a batch as a producer sent it. `acks` is -1, 1 or 0 (0: nobody listens, the callback still comes). */
  produce(batch: Buffer, acks: number, deadlineMs: number, callback: ProduceCallback): void {
    try {
      this.tryProduce(batch, acks, deadlineMs, callback);
    } catch (error) {
      callback(error as Error, undefined);
    }
  }

  private tryProduce(
    batch: Buffer,
    acks: number,
    deadlineMs: number,
    callback: ProduceCallback,
  ): void {
    this.checkOpen();
    const refusal = this.replicator.refusal(acks);
    if (refusal !== undefined)
      throw this.error(refusal.code, refusal.message, this.leaderContext());
    const header = checkProducedBatch(batch, {
      maxBatchBytes: this.surroundings.maxMessageBytes(),
    });
    if (this.surroundings.diskFull()) {
      throw this.error(
        'DISK_FULL',
        "keeps the broker's reserve of disk space free and takes no more records; reads go on",
      );
    }
    if (this.surroundings.diskBehind()) {
      throw this.error('OVERLOADED', 'is on a broker whose disk is behind; try again in a moment');
    }
    const verdict = this.log.checkProducer(header);
    if (verdict.kind === 'append') {
      const { baseOffset, lastOffset } = this.replicator.append(batch, header);
      this.await(lastOffset, acks, deadlineMs, callback, { baseOffset, duplicate: false });
    } else if (verdict.kind === 'duplicate') {
      // A duplicate is acknowledged by the rules of a first attempt, or a batch that nobody else has would be (rule 15).
      const { baseOffset, lastOffset } = verdict;
      this.await(lastOffset, acks, deadlineMs, callback, { baseOffset, duplicate: true });
    } else {
      throw this.error(
        VERDICT_CODES[verdict.kind],
        `refuses the batch of producer ${header.producerId}`,
        {
          producerId: header.producerId,
          producerEpoch: header.producerEpoch,
          sequence: header.baseSequence,
          expected: verdict.expectedSequence,
        },
      );
    }
  }

  private await(
    lastOffset: number,
    acks: number,
    deadlineMs: number,
    callback: ProduceCallback,
    result: ProduceResult,
  ): void {
    if (acks === 0) return callback(undefined, result);
    const waiters = acks === 1 ? this.durableWaiters : this.commitWaiters;
    const passed = acks === 1 ? this.log.durableEnd : this.highWatermark;
    if (lastOffset < passed) return callback(undefined, result);
    waiters.add({
      lastOffset,
      deadlineMs,
      settle: (error) => callback(error, error === undefined ? result : undefined),
    });
  }

  /** Appends a control batch of the broker's own, or throws why it can not. Nothing tells when it is committed. */
  appendControl(batch: Buffer): AppendedRange {
    this.checkLeads();
    const refusal = this.replicator.refusal(-1);
    if (refusal !== undefined)
      throw this.error(refusal.code, refusal.message, this.leaderContext());
    return this.replicator.append(batch, readBatchHeader(batch));
  }

  /**
   * Committed batches from `offset` on. `lastEpoch` is the epoch of the record before it as the reader knows it, -1 when
   * it knows none (rule 29).
   */
  read(
    offset: number,
    maxBytes: number,
    lastEpoch: number,
  ): LogSlice | Promise<LogSlice> | undefined {
    this.checkReadable(offset, lastEpoch);
    if (offset === this.highWatermark) return undefined;
    return this.log.read(offset, this.highWatermark, maxBytes);
  }

  /** Throws why there can be no reading from `offset` on. */
  checkReadable(offset: number, lastEpoch: number): void {
    this.checkLeads();
    if (offset < this.log.logStart || offset > this.highWatermark) throw this.outOfRange(offset);
    if (lastEpoch >= 0 && offset > this.log.logStart) this.checkContinuity(offset, lastEpoch);
  }

  private checkContinuity(offset: number, lastEpoch: number): void {
    const here = this.log.epochAt(offset - 1);
    if (here === undefined || here === lastEpoch) return;
    const agreed = this.log.endOfEpoch(Math.min(lastEpoch, here))?.endOffset ?? this.log.logStart;
    throw this.error(
      'TRUNCATED',
      `has another record before offset ${offset} than the one that was read`,
      {
        offset,
        lastEpoch,
        epoch: here,
        agreed: Math.min(agreed, offset),
      },
    );
  }

  private outOfRange(offset: number): ZhumqError {
    const context = { offset, logStart: this.log.logStart, highWatermark: this.highWatermark };
    if (offset > this.highWatermark && offset <= this.log.logEnd && !this.replicator.established) {
      return this.error(
        'NOT_COMMITTED_YET',
        `has a new leader that does not know yet whether ${offset} is committed`,
        context,
      );
    }
    const range = `${this.log.logStart} to ${this.highWatermark}`;
    return this.error(
      'OFFSET_OUT_OF_RANGE',
      `holds offsets ${range}; ${offset} was asked for`,
      context,
    );
  }

  /** Throws STOPPING or REPLICA_FAILED. */
  checkServes(): void {
    this.checkOpen();
    if (this.replicator.role === 'failed')
      throw this.error('REPLICA_FAILED', 'is out of service on this broker');
  }

  /** Throws NOT_LEADER (or what is the matter) unless consumers may be served here. */
  checkLeads(): void {
    this.checkServes();
    if (!this.leads)
      throw this.error('NOT_LEADER', 'is not led by this broker', this.leaderContext());
  }

  onHighWatermark(highWatermark: number): void {
    if (highWatermark <= this.highWatermarkValue) return;
    this.highWatermarkValue = highWatermark;
    this.commitWaiters.passed(highWatermark);
    this.gate.open();
    this.maybeEstablished();
  }

  onDurableEnd(durableEnd: number): void {
    if (this.leads && this.replicator.epoch === this.ledEpoch)
      this.durableWaiters.passed(durableEnd);
  }

  onCommittedLost(end: number): void {
    this.highWatermarkValue = Math.min(this.highWatermarkValue, end);
  }

  onRoleChanged(): void {
    const epoch = this.leads ? this.replicator.epoch : -1;
    if (epoch !== this.ledEpoch) {
      this.ledEpoch = epoch;
      // What was appended in the old office is in doubt: the next leader may have it or not.
      const lost = this.error(
        'LEADERSHIP_LOST',
        'lost its leader after the batch was appended',
        this.leaderContext(),
      );
      this.commitWaiters.failFrom(0, lost);
      this.durableWaiters.failFrom(0, lost);
      this.gate.open();
    }
    this.maybeEstablished();
  }

  private maybeEstablished(): void {
    if (
      !this.leads ||
      !this.replicator.established ||
      this.establishedEpoch === this.replicator.epoch
    )
      return;
    this.establishedEpoch = this.replicator.epoch;
    this.gate.open();
    this.surroundings.onEstablished(this);
  }

  onAwake(): void {
    this.surroundings.onAwake(this);
  }

  onFailed(error: Error): void {
    this.failWaiters(
      this.error('REPLICA_FAILED', `is out of service on this broker: ${error.message}`),
    );
    this.surroundings.onFailed(this, error);
  }

  /** Ends waiting whose time is over. */
  expire(nowMs: number): void {
    const errorOf = (waiter: { lastOffset: number }): Error =>
      this.error(
        'TIMEOUT',
        `did not commit offset ${waiter.lastOffset} in time; the batch is in the log and may be committed later`,
      );
    this.commitWaiters.expire(nowMs, errorOf);
    this.durableWaiters.expire(nowMs, errorOf);
  }

  close(): void {
    this.closed = true;
    this.replicatorOrNone?.stop();
    // Appended, and perhaps committed by the others or in the next generation.
    this.failWaiters(
      this.error('LEADERSHIP_LOST', 'was closed on this broker after the batch was appended'),
    );
    this.gate.open();
  }

  private failWaiters(error: Error): void {
    this.commitWaiters.failFrom(0, error);
    this.durableWaiters.failFrom(0, error);
  }

  private checkOpen(): void {
    if (this.closed) throw this.error('STOPPING', 'is closed on this broker');
  }

  private leaderContext(): ErrorContext {
    return this.surroundings.leaderContext(this.replicatorOrNone?.leaderReplica);
  }

  private error(code: ErrorCode, predicate: string, context: ErrorContext = {}): ZhumqError {
    const { topic, partition } = this.name;
    return zhumqError(code, `partition ${topic}-${partition} ${predicate}`, {
      topic,
      partition,
      ...context,
    });
  }
}

const VERDICT_CODES = {
  outOfOrder: 'OUT_OF_ORDER_SEQUENCE',
  unknownProducer: 'UNKNOWN_PRODUCER',
  fenced: 'PRODUCER_FENCED',
} as const;
