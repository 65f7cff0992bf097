// The seal of a replica in mode fetch: appended once by the leader, looked for by every later one, and answered when the
// core says that it is synced on all of the ISR and a majority of the replicas (rule 12).
import type { Clock } from '@zhumq/base';
import type { ReplicaLog } from '@zhumq/log';
import { zhumqError } from '@zhumq/model';
import type { ErrorCode } from '@zhumq/model';
import { SealTracker } from '../../partition/seal-tracker.js';
import type { SealedEnd } from '../replicator.js';

export interface FetchSealOptions {
  readonly log: ReplicaLog;
  readonly generation: number;
  readonly clock: Clock;
  /** The log holds a seal that ends there; undefined: none (any more). The core is to be told. */
  readonly onSealed: (end: number | undefined) => void;
  /** The log holds no seal, and this replica leads: it is to append one. */
  readonly append: (transitionId: string) => void;
}

interface Order {
  readonly transitionId: string;
  readonly deadlineMs: number;
  readonly resolve: (sealed: SealedEnd) => void;
  readonly reject: (error: Error) => void;
}

export class FetchSeal {
  readonly tracker: SealTracker;
  private orders: Order[] = [];

  constructor(private readonly options: FetchSealOptions) {
    const { log, generation } = options;
    this.tracker = new SealTracker(log, generation, () => this.onChange());
  }

  get sealedBy(): string | undefined {
    return this.tracker.seal?.transitionId;
  }

  /** Whether the end of the log was looked at: before, a leader does not know whether it may take records. */
  get isKnown(): boolean {
    return this.tracker.state !== 'unknown';
  }

  /** Only while this replica leads. */
  order(transitionId: string, deadlineMs: number): Promise<SealedEnd> {
    if (this.orders.length >= MAX_ORDERS)
      return Promise.reject(
        this.error('OVERLOADED', `has ${MAX_ORDERS} calls waiting for its seal already`),
      );
    return new Promise((resolve, reject) => {
      this.orders.push({ transitionId, deadlineMs, resolve, reject });
      if (this.isKnown) this.onChange();
      else this.tracker.find();
    });
  }

  /** The core: everything through the seal is safe on these. */
  synced(replicas: readonly string[]): void {
    const { seal } = this.tracker;
    if (seal === undefined) return;
    const { transitionId, epoch, endOffset } = seal;
    for (const order of this.take()) order.resolve({ transitionId, epoch, endOffset, replicas });
  }

  /** Ends the waiting of those whose time is over. */
  tick(): void {
    if (this.orders.length === 0) return;
    const nowMs = this.options.clock.monotonicMs();
    const late = this.orders.filter(({ deadlineMs }) => deadlineMs <= nowMs);
    this.orders = this.orders.filter(({ deadlineMs }) => deadlineMs > nowMs);
    const error = this.error(
      'TIMEOUT',
      'has its seal not on all of the ISR and a majority of the replicas yet; it may be sealed all the same',
    );
    for (const order of late) order.reject(error);
  }

  /** `predicate`: what the partition does or is, as in "lost its leader". */
  failAll(code: ErrorCode, predicate: string): void {
    if (this.orders.length === 0) return;
    const error = this.error(code, predicate);
    for (const order of this.take()) order.reject(error);
  }

  private onChange(): void {
    const { seal } = this.tracker;
    // Told again to whoever asks again: it is answered anew when it is safe.
    this.options.onSealed(seal?.endOffset);
    const [first] = this.orders;
    if (seal === undefined && this.isKnown && first !== undefined)
      this.options.append(first.transitionId);
  }

  private take(): readonly Order[] {
    const { orders } = this;
    this.orders = [];
    return orders;
  }

  private error(code: ErrorCode, predicate: string): Error {
    const { topic, partition } = this.options.log.identity;
    return zhumqError(code, `partition ${topic}-${partition} ${predicate}`, { topic, partition });
  }
}

/** Calls of zkservers that may wait at once. */
const MAX_ORDERS = 100;
