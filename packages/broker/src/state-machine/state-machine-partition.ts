// A state machine on a partition of an internal topic. On every replica the log is looked through for snapshots; on the
// leader, once it has committed in its epoch, the state is loaded and served until it leads no more (rule 20).
import { assert } from '@zhumq/base';
import type { Clock, Logger } from '@zhumq/base';
import { zhumqError } from '@zhumq/model';
import type { ErrorCode } from '@zhumq/model';
import type { Partition } from '../partition/partition.js';
import { Office } from './office.js';
import type { OfficeLimits } from './office.js';
import { SnapshotScan } from './snapshot-scan.js';
import type { StateMachine, StateRecord } from './state-machine.js';

export interface StateMachineEvents<M extends StateMachine> {
  /** Loaded; `epoch` is the term in which it is served. Called before anything can be proposed. */
  onServing?(one: StateMachinePartition<M>, epoch: number): void;
  /** The state was dropped; what was granted in that epoch is another's to confirm. */
  onLost?(one: StateMachinePartition<M>, epoch: number): void;
  /** Out of service on this broker until it starts again. Logged before. */
  onFailed?(one: StateMachinePartition<M>, error: Error): void;
}

export interface StateMachinePartitionOptions<M extends StateMachine> {
  readonly partition: Partition;
  readonly machine: M;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly limits?: Partial<OfficeLimits>;
  readonly events?: StateMachineEvents<M>;
}

export class StateMachinePartition<M extends StateMachine> {
  readonly partition: Partition;
  private readonly machine: M;
  private readonly limits: OfficeLimits;
  private readonly scan: SnapshotScan;
  private office: Office | undefined;
  private failed: Error | undefined;
  private closed = false;
  private isWoken = false;
  private cancelWait: () => void = () => undefined;

  constructor(private readonly options: StateMachinePartitionOptions<M>) {
    this.partition = options.partition;
    this.machine = options.machine;
    this.limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.scan = new SnapshotScan(options.partition, options.logger);
    this.wait();
    this.wake();
  }

  /** Why it is out of service on this broker. */
  get failure(): Error | undefined {
    return this.failed;
  }

  /** Whether this broker serves the state. */
  get serves(): boolean {
    return this.office?.serves === true;
  }

  /**
   * The state as of everything that is applied, and the term in which it is served. Good for this turn only. Throws
   * NOT_LEADER, LEADER_NOT_AVAILABLE (it is being loaded), REPLICA_FAILED, STOPPING.
   */
  serving(): { readonly epoch: number; readonly machine: M } {
    return { epoch: this.servingOffice().epoch, machine: this.machine };
  }

  /**
   * Appends the records, all or none, and resolves with their offsets when they are committed and applied; proposals
   * resolve in the order in which they were made. Rejects as `serving` throws, with MESSAGE_TOO_LARGE and OVERLOADED, and
   * with the outcome unknown with LEADERSHIP_LOST and TIMEOUT. `deadlineMs`: monotonic time.
   */
  async propose(records: readonly StateRecord[], deadlineMs: number): Promise<readonly number[]> {
    return this.servingOffice().propose(records, deadlineMs);
  }

  /**
   * Resolves when a quorum has confirmed, after this call, that this broker leads, and everything committed before is
   * applied: what `serving` gives right then is not behind what any other broker has acknowledged. Rejects as `propose`.
   */
  async confirm(): Promise<void> {
    const office = this.servingOffice();
    const lastOffset = await this.partition.replicator.confirmLeadership();
    if (this.servingOffice() !== office)
      throw this.error('NOT_LEADER', 'was led by another broker meanwhile');
    await office.reached(lastOffset + 1);
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.cancelWait();
    this.leaveOffice();
  }

  private servingOffice(): Office {
    if (this.failed !== undefined)
      throw this.error(
        'REPLICA_FAILED',
        `has a state machine that failed here: ${this.failed.message}`,
      );
    if (this.closed) throw this.error('STOPPING', 'is closed on this broker');
    this.partition.checkLeads();
    const { office } = this;
    if (office?.serves === true) return office;
    throw this.error('LEADER_NOT_AVAILABLE', 'is being loaded by its new leader');
  }

  /** The gate opens whenever anything changes; what changed is found out by looking, later in the same turn. */
  private wait(): void {
    this.cancelWait = this.partition.gate.wait(() => {
      this.wait();
      this.wake();
    });
  }

  private wake(): void {
    if (this.isWoken) return;
    this.isWoken = true;
    queueMicrotask(() => {
      this.isWoken = false;
      this.look();
    });
  }

  private look(): void {
    if (this.closed) return;
    if (!this.partition.isOpen) {
      this.close();
      return;
    }
    this.scan.wake();
    const epoch = this.partition.servedEpoch;
    if (this.office !== undefined && this.office.epoch !== epoch) this.leaveOffice();
    if (this.office === undefined && epoch !== undefined && this.failed === undefined) {
      this.takeOffice(epoch);
    }
    this.office?.wake();
  }

  private takeOffice(epoch: number): void {
    const { machine, limits, scan, partition, options } = this;
    this.office = new Office({
      ...{ epoch, partition, machine, scan, limits, clock: options.clock },
      onServing: () => options.events?.onServing?.(this, epoch),
      onFailed: (error) => this.fail(error),
    });
  }

  private leaveOffice(): void {
    const { office } = this;
    if (office === undefined) return;
    this.office = undefined;
    const why =
      this.failed === undefined ? '' : `: its state machine failed (${this.failed.message})`;
    office.end(
      this.error('NOT_LEADER', `is not served by this broker any more${why}`),
      this.error('LEADERSHIP_LOST', `lost its leader after the records were appended${why}`),
    );
    this.machine.reset();
    this.options.events?.onLost?.(this, office.epoch);
  }

  /**
   * Said loudly, and not tried again: what is wrong with the records or the program would be wrong again. Another replica
   * may do better; where it does not, it fails there, too, and leadership rests with the last one.
   */
  private fail(error: Error): void {
    assert(this.office !== undefined, 'a state machine failed that nobody served');
    this.failed = error;
    const { logger, events } = this.options;
    logger.error(
      { err: error, ...this.partition.name },
      'state machine failed: it is out of service on this broker',
    );
    this.leaveOffice();
    events?.onFailed?.(this, error);
    this.partition.replicator.handOver();
  }

  private error(code: ErrorCode, predicate: string): Error {
    const { topic, partition } = this.partition.name;
    const message = `partition ${topic}-${partition} ${predicate}`;
    return zhumqError(code, message, { topic, partition });
  }
}

const MIB = 2 ** 20;

const DEFAULT_LIMITS: OfficeLimits = {
  // What an internal topic takes (its max.message.bytes is the default).
  maxBatchBytes: MIB,
  maxProposals: 10_000,
  maxProposalBytes: 16 * MIB,
  snapshotBytes: 4 * MIB,
};
