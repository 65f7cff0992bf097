// What a core of either mode wants written, and what the log's last batches then say of a seal. All of it is unsynced; the order of
// the calls is the order in the log.
import type { Clock, Logger } from '@zhumq/base';
import type { ReplicaLog } from '@zhumq/log';
import { leaderChangeBatch, modeSealBatch, readBatchHeader } from '@zhumq/model';
import type { Effect } from '@zhumq/raft';
import type { SealTracker } from '../partition/seal-tracker.js';
import type { GroupAddress } from './raft/raft-messages.js';

export interface LogWritesOptions {
  readonly group: GroupAddress;
  readonly log: ReplicaLog;
  readonly seals: SealTracker;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Called in a later turn. */
  readonly onRefused: (error: Error) => void;
}

export class LogWrites {
  constructor(private readonly options: LogWritesOptions) {}

  received({
    payload,
    batches,
  }: Pick<Extract<Effect, { kind: 'append' }>, 'payload' | 'batches'>): void {
    const { log, seals } = this.options;
    const bytes = payload as Buffer;
    // The effect's batches are the last ones of the request: those before were here already.
    let missing = 0;
    for (const span of batches) missing += span.bytes;
    const tail = bytes.subarray(bytes.length - missing);
    this.guard(() => {
      log.appendAsFollower(tail);
      seals.appended(tail);
    });
  }

  truncate(from: number): void {
    const { log, seals } = this.options;
    this.guard(() => {
      log.truncate(from);
      seals.truncated(from);
    });
  }

  leaderChange(term: number, voters: readonly string[]): void {
    const { group, log, clock } = this.options;
    const { replicaId } = log.identity;
    const body = { generation: group.generation, replicaId, voters };
    this.guard(() => this.append(leaderChangeBatch(body, clock.wallMs()), term));
  }

  /** Throws what the log refuses with. */
  seal(
    term: number,
    transitionId: string,
  ): { readonly lastOffset: number; readonly bytes: number } {
    const { group, clock } = this.options;
    const batch = modeSealBatch({ generation: group.generation, transitionId }, clock.wallMs());
    return { lastOffset: this.append(batch, term), bytes: batch.length };
  }

  private append(batch: Buffer, term: number): number {
    const { log, seals } = this.options;
    const { lastOffset } = log.appendAsLeader(batch, readBatchHeader(batch), term);
    seals.appended(batch);
    return lastOffset;
  }

  /** A refused write leaves log and core of different minds: the replica must not go on. */
  private guard(write: () => void): void {
    const { group, logger, onRefused } = this.options;
    try {
      write();
    } catch (error) {
      logger.error({ err: error, ...group }, 'write refused by the log');
      queueMicrotask(() => onRefused(error as Error));
    }
  }
}
