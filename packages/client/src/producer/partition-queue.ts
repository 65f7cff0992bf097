// The batches of one partition in their order: one that is being filled, those that wait, those under way. A pure state
// machine; the dispatcher sends what take() gives and tells what became of it.
//
// Invariants: batches are taken in the order of sealing; from the oldest one without an answer on, at most maxInFlight were
// ever sent, answered or not, because the broker recognises only so many (answers come in any order, so counting those
// under way is not enough); after a failure that is to be retried nothing is taken until all that was under way has its
// answer, so what failed goes again in order; a partition that is being switched is asked again with one batch alone.
// A fresh producer epoch begins only when nothing is under way (rule 26), and only when the first batch to go is
// certainly not stored: then nothing behind it is either, because the broker takes sequence numbers without gaps.
import type { Random, ZhumqError } from '@zhumq/base';
import { NO_PRODUCER } from '@zhumq/model';
import type { ReplicationMode, UsableCodec } from '@zhumq/model';
import { asZhumqError, errorWithOutcome, withOutcome } from '../errors.js';
import { RetrySchedule } from '../retry-schedule.js';
import type { OutgoingRecord } from './outgoing-record.js';
import { PendingBatch, sequenceAfter } from './pending-batch.js';
import type { PendingSend } from './pending-send.js';

export interface PartitionQueueOptions {
  readonly codec: UsableCodec;
  readonly maxInFlight: number;
  readonly idempotent: boolean;
  readonly lingerMs: number;
  readonly deliveryTimeoutMs: number;
  /** Gives back what the messages of a settled batch counted. */
  readonly release: (costBytes: number) => void;
}

/** Identity under which a partition's sequence numbers run. */
export interface QueueIdentity {
  readonly producerId: number;
  readonly producerEpoch: number;
}

const RETRY = { minMs: 20, maxMs: 500 };
const MAX_EPOCH = 0x7fff;
const MIN_ROOM_BYTES = 1024;
const SEQUENCE_ERRORS: ReadonlySet<string> = new Set(['OUT_OF_ORDER_SEQUENCE', 'UNKNOWN_PRODUCER']);
/** A batch takes records for this share of the delivery timeout, because its first one decides when it ends. */
const FILL_SHARE = 1 / 8;

export class PartitionQueue {
  /** Nothing is taken before this moment. */
  notBeforeMs = -Infinity;
  /** Broker of the last failure; -1 after a success. */
  failedBroker = -1;
  /** Why batches wait: the failure of the last try, or that nobody can be asked. */
  private problem = '';
  private draft: PendingBatch | undefined;
  private ready: PendingBatch[] = [];
  private inFlight: PendingBatch[] = [];
  /** Orders of batches that were acknowledged before an older one was. */
  private passed: number[] = [];
  private retrying = false;
  /** The broker takes nothing for a moment: one batch asks whether it does again, the others wait behind it. */
  private probing = false;
  private sealed = 0;
  private identity: QueueIdentity | undefined;
  /** A producer id that can not be used any more: fenced, or out of epochs. */
  spentProducerId = -1;
  private nextSequence = 0;
  /** Sequence numbers were used of which the broker may not know. */
  private gap = false;
  private lastBatchBytes = 0;
  private readonly schedule: RetrySchedule;
  /** Batches that were under way together are one try: they share one wait. */
  private sharedWaitMs: number | undefined;

  constructor(
    readonly topic: string,
    readonly partition: number,
    private readonly options: PartitionQueueOptions,
    random: Random,
  ) {
    // Several tries fit into the delivery timeout, however short.
    const maxMs = Math.max(RETRY.minMs, Math.min(RETRY.maxMs, options.deliveryTimeoutMs / 10));
    this.schedule = new RetrySchedule({ ...RETRY, maxMs }, random);
  }

  get hasDraft(): boolean {
    return this.draft !== undefined;
  }

  get empty(): boolean {
    return this.draft === undefined && this.ready.length === 0 && this.inFlight.length === 0;
  }

  get healthy(): boolean {
    return this.failedBroker < 0 && this.problem === '';
  }

  /** Why its messages wait; empty when there are none, or nothing is in their way. */
  get trouble(): string {
    return this.empty ? '' : this.problem;
  }

  /** The identity is used up or refused: another producer id is needed. */
  get needsProducerId(): boolean {
    return this.identity === undefined;
  }

  /** When the batch being filled is to leave although it is not full; Infinity when there is none. */
  get lingerUntilMs(): number {
    return this.draft === undefined ? Infinity : this.draft.createdAtMs + this.options.lingerMs;
  }

  /** True when there is something new to take: a first record, or a batch that became full. */
  append(
    record: OutgoingRecord,
    send: PendingSend,
    slot: number,
    maxBytes: number,
    nowMs: number,
  ): boolean {
    const { costBytes } = record;
    const { deliveryTimeoutMs, codec } = this.options;
    let { draft } = this;
    if (draft !== undefined) {
      const open = nowMs - draft.createdAtMs <= deliveryTimeoutMs * FILL_SHARE;
      if (open && draft.append(record, costBytes, send, slot, maxBytes, 0)) {
        if (draft.sizeBytes < maxBytes) return false;
        this.sealDraft();
        return true;
      }
      this.sealDraft();
    }
    draft = new PendingBatch(this.topic, this.partition, codec, nowMs, nowMs + deliveryTimeoutMs);
    // A record that is larger than a batch should be goes alone.
    draft.append(record, costBytes, send, slot, Infinity, this.firstBytes(maxBytes));
    this.draft = draft;
    if (draft.sizeBytes >= maxBytes) this.sealDraft();
    return true;
  }

  /** The next batch to send, if one may go now. `force`: what is being filled goes, too. */
  take(nowMs: number, force: boolean): { batch: PendingBatch; bytes: Buffer } | undefined {
    this.prunePassed();
    const sent = this.inFlight.length + this.passed.length;
    if (nowMs < this.notBeforeMs || sent >= this.options.maxInFlight) return undefined;
    if ((this.retrying || this.gap || this.probing) && this.inFlight.length > 0) return undefined;
    this.retrying = false;
    this.sharedWaitMs = undefined;
    if (this.ready.length === 0 && this.draftIsDue(nowMs, force)) this.sealDraft();
    this.dropBroken();
    const batch = this.ready.at(0);
    if (batch === undefined || !batch.packed) return undefined;
    const bytes = this.stamp(batch);
    if (bytes === undefined) return undefined;
    this.ready.shift();
    this.inFlight.push(batch);
    batch.attempts++;
    this.lastBatchBytes = Math.max(this.lastBatchBytes >>> 1, batch.sizeBytes);
    return { batch, bytes };
  }

  /** The compression that the next batch waits for. */
  get packing(): Promise<void> | undefined {
    return this.ready[0]?.packing;
  }

  /** Sequence numbers begin anew under this identity; called while nothing is under way. */
  adopt(identity: QueueIdentity): void {
    this.identity = identity;
    this.nextSequence = 0;
  }

  succeeded(
    batch: PendingBatch,
    baseOffset: number,
    duplicate: boolean,
    mode: ReplicationMode,
  ): void {
    this.forget(batch);
    this.passed.push(batch.order);
    this.failedBroker = -1;
    this.probing = false;
    this.problem = '';
    this.notBeforeMs = -Infinity;
    this.schedule.reset();
    this.settle(batch, () => batch.succeed(baseOffset, duplicate, mode));
  }

  /** `moved`: another broker leads now, so the next try need not wait. */
  failed(
    batch: PendingBatch,
    error: ZhumqError,
    broker: number,
    moved: boolean,
    nowMs: number,
  ): void {
    const first = this.isFirst(batch);
    this.forget(batch);
    batch.lastError = error;
    if (error.retriable) this.problem = error.message;
    this.failedBroker = broker;
    this.probing = error.code === 'PARTITION_SEALED';
    const sequenceError = SEQUENCE_ERRORS.has(error.code);
    if (error.outcome === 'unknown' && !sequenceError) batch.maybeStored = true;
    if (batch.settled) {
      this.markGap(batch);
      return;
    }
    if (error.code === 'MESSAGE_TOO_LARGE' && batch.recordsCount > 1) {
      this.retry(batch.split(), error, true, nowMs);
    } else if (this.options.idempotent && sequenceError && (!first || !batch.maybeStored)) {
      if (first) this.gap = true;
      // The batch before it decides how long to wait.
      this.retry([batch], error, moved || !first, nowMs);
    } else if (error.retriable) {
      this.retry([batch], error, moved, nowMs);
    } else {
      this.markGap(batch);
      if (error.code === 'PRODUCER_FENCED') this.spendIdentity();
      this.reject(batch, error);
    }
  }

  /** Nobody can be asked at present: waits a little. */
  postpone(nowMs: number, problem: string): void {
    this.problem = problem;
    this.notBeforeMs = nowMs + this.schedule.nextMs('LEADER_NOT_AVAILABLE');
  }

  /** Rejects what is out of time; `nameless` is why there is no producer id, for what waits for one. */
  expire(nowMs: number, nameless = ''): void {
    for (const batch of this.batches()) {
      if (batch.settled || batch.deadlineMs > nowMs) continue;
      const last = batch.lastError?.message ?? (this.problem || nameless);
      const why = last === '' ? '' : `; the last failure was: ${last}`;
      const { recordsCount } = batch;
      const what = recordsCount === 1 ? '1 message' : `${recordsCount} messages`;
      const was = recordsCount === 1 ? 'was' : 'were';
      const text = `${what} for ${this.topic}-${this.partition} ${was} not acknowledged within the delivery timeout of ${this.options.deliveryTimeoutMs} ms${why}`;
      this.drop(batch, 'TIMEOUT', text);
    }
  }

  /** Rejects everything: the producer is closed. */
  abandon(): void {
    for (const batch of this.batches()) {
      if (!batch.settled)
        this.drop(batch, 'CLOSED', 'the producer was closed before the message was acknowledged');
    }
  }

  *batches(): IterableIterator<PendingBatch> {
    yield* [...this.inFlight];
    yield* [...this.ready];
    if (this.draft !== undefined) yield this.draft;
  }

  /** Room for a batch like the last ones. */
  private firstBytes(maxBytes: number): number {
    return Math.max(MIN_ROOM_BYTES, Math.min(this.lastBatchBytes, maxBytes));
  }

  private draftIsDue(nowMs: number, force: boolean): boolean {
    if (this.draft === undefined) return false;
    if (force) return true;
    return this.options.lingerMs > 0 ? nowMs >= this.lingerUntilMs : this.inFlight.length === 0;
  }

  /** They never had sequence numbers, so nothing is missing. */
  private dropBroken(): void {
    for (let batch = this.ready.at(0); batch?.broken !== undefined; batch = this.ready.at(0)) {
      this.ready.shift();
      this.reject(batch, withOutcome(asZhumqError(batch.broken), 'rejected'));
    }
  }

  private sealDraft(): void {
    const { draft } = this;
    if (draft === undefined) return;
    this.draft = undefined;
    draft.order = this.sealed++;
    draft.seal();
    this.ready.push(draft);
  }

  /** The batch's bytes with its place in the sequence; undefined while that can not be said. */
  private stamp(batch: PendingBatch): Buffer | undefined {
    if (!this.options.idempotent) return batch.stamped(NO_PRODUCER);
    if (this.gap && !(batch.producer !== undefined && batch.maybeStored)) this.beginEpoch();
    if (this.identity === undefined) return undefined;
    if (batch.producer !== undefined) return batch.stamped(batch.producer);
    const bytes = batch.stamped({ ...this.identity, baseSequence: this.nextSequence });
    this.nextSequence = sequenceAfter(this.nextSequence, batch.recordsCount);
    return bytes;
  }

  private beginEpoch(): void {
    this.gap = false;
    const { identity } = this;
    if (identity !== undefined && identity.producerEpoch < MAX_EPOCH) {
      this.identity = { ...identity, producerEpoch: identity.producerEpoch + 1 };
    } else this.spendIdentity();
    this.nextSequence = 0;
    for (const batch of this.ready) {
      batch.producer = undefined;
      batch.maybeStored = false;
    }
  }

  private spendIdentity(): void {
    this.spentProducerId = this.identity?.producerId ?? this.spentProducerId;
    this.identity = undefined;
  }

  private retry(
    batches: readonly PendingBatch[],
    error: ZhumqError,
    moved: boolean,
    nowMs: number,
  ): void {
    this.retrying = true;
    const place = this.ready.findIndex(({ order }) => order > batches[0].order);
    this.ready.splice(place < 0 ? this.ready.length : place, 0, ...batches);
    if (moved && batches[0].attempts <= 1) return;
    if (this.sharedWaitMs !== undefined) return;
    this.sharedWaitMs = this.schedule.nextMs(error.code);
    this.notBeforeMs = Math.max(this.notBeforeMs, nowMs + this.sharedWaitMs);
  }

  private drop(batch: PendingBatch, code: 'TIMEOUT' | 'CLOSED', text: string): void {
    const underWay = this.inFlight.includes(batch);
    if (batch === this.draft) this.draft = undefined;
    else if (!underWay) {
      this.ready = this.ready.filter((one) => one !== batch);
      this.markGap(batch);
    }
    const outcome = underWay || batch.maybeStored ? 'unknown' : 'rejected';
    const context = { topic: this.topic, partition: this.partition };
    const error = errorWithOutcome(outcome, code, text, context, batch.lastError);
    this.settle(batch, () => batch.fail(error));
  }

  private reject(batch: PendingBatch, error: ZhumqError): void {
    const told = batch.maybeStored
      ? withOutcome(error, 'unknown')
      : SEQUENCE_ERRORS.has(error.code)
        ? withOutcome(error, 'rejected')
        : error;
    this.settle(batch, () => batch.fail(told));
  }

  /** The memory is free before anybody learns of it, so that who waited for room comes before who sends next. */
  private settle(batch: PendingBatch, tell: () => void): void {
    if (!batch.settled) this.options.release(batch.costBytes);
    tell();
  }

  /** A batch with sequence numbers leaves without the broker's word that it has it. */
  private markGap(batch: PendingBatch): void {
    if (this.options.idempotent && batch.producer !== undefined) this.gap = true;
  }

  private isFirst(batch: PendingBatch): boolean {
    return ![...this.inFlight, ...this.ready].some(({ order }) => order < batch.order);
  }

  private forget(batch: PendingBatch): void {
    this.inFlight = this.inFlight.filter((one) => one !== batch);
  }

  private prunePassed(): void {
    if (this.passed.length === 0) return;
    let oldest = this.ready.at(0)?.order ?? Infinity;
    for (const { order } of this.inFlight) oldest = Math.min(oldest, order);
    this.passed = this.passed.filter((order) => order > oldest);
  }
}
