// Moves leaderships in mode fetch to replicas in sync, although their leaders are alive: because somebody asks for it,
// and back to the preferred leaders from time to time, so that a broker that was restarted gets its share again.
import type { Clock, Logger, Timer } from '@zhumq/base';
import { isError, zhumqError } from '@zhumq/model';
import type { ClusterView } from '../view/cluster-view.js';
import { judgeElection } from './elect-leaders.js';
import type { Verdict } from './elect-leaders.js';
import type { ElectorOptions } from './elector.js';
import type { Election, PartitionKey } from './events.js';
import {
  fetchPartitionFinder,
  fetchPartitionsOf,
  hasLiveLeader,
  isAvailable,
  nameOf,
} from './fetch-partitions.js';
import type { FetchPartition } from './fetch-partitions.js';
import type { Question } from './replica-ends.js';

export interface LeaderMoverOptions extends Pick<
  ElectorOptions,
  'ends' | 'submit' | 'onElection' | 'isAwaited'
> {
  readonly clock: Clock;
  readonly logger: Logger;
  /** 0: leaderships are not moved back. */
  readonly balanceIntervalMs: number;
  readonly view: () => ClusterView | undefined;
}

export interface Move extends PartitionKey {
  /** Broker. */
  readonly to: number;
}

/** Moved in one step, so that few partitions pause at once. */
const MOVES_AT_ONCE = 10;

export class LeaderMover {
  private readonly stopping = new AbortController();
  private timer: Timer | undefined;

  constructor(private readonly options: LeaderMoverOptions) {
    this.balanceLater();
  }

  stop(): void {
    this.stopping.abort(new Error('the mover of leaders was stopped'));
    this.timer?.cancel();
  }

  /** Throws when the partition stays with its leader. */
  async move(move: Move): Promise<void> {
    const [error] = await this.moveAll([move]);
    if (error !== undefined) throw error;
  }

  /** The errors of the moves that were not made, in order. */
  private async moveAll(moves: readonly Move[]): Promise<readonly (Error | undefined)[]> {
    const { ends, submit, clock, onElection } = this.options;
    const view = this.options.view();
    const groups = ends.ask(view ? questionsOf(view, moves) : [], this.stopping.signal);
    const elections = (await Promise.all(groups)).flat();
    this.stopping.signal.throwIfAborted();
    const after = await submit({ kind: 'leaders-elected', elections, atMs: clock.wallMs() });
    const find = fetchPartitionFinder(after);
    return moves.map((move) => {
      const election = elections.find((one) => isOf(one, move));
      const partition = find(move);
      if (partition === undefined || election === undefined) return notFound(move);
      const { record, version } = partition;
      if (record.leader?.broker !== move.to || !hasLiveLeader(after, record)) {
        const { isAwaited } = this.options;
        const verdict = judgeElection(after, partition, election, { atMs: 0, isAwaited });
        return notMoved(partition, election, verdict);
      }
      if (version !== election.version) onElection('moved');
      return undefined;
    });
  }

  private balanceLater(): void {
    const { clock, balanceIntervalMs, logger } = this.options;
    if (balanceIntervalMs === 0) return;
    this.timer = clock.after(balanceIntervalMs, () => {
      this.balance()
        .catch((error: unknown) => {
          if (isError(error, 'STALE_CONTROLLER') || this.stopping.signal.aborted) return;
          logger.warn({ err: error }, 'leaderships could not be moved back; trying again later');
        })
        .finally(() => {
          if (!this.stopping.signal.aborted) this.balanceLater();
        });
    });
  }

  private async balance(): Promise<void> {
    const misplaced = misplacedLeaders(this.options.view());
    for (let at = 0; at < misplaced.length; at += MOVES_AT_ONCE) {
      const moves = misplaced.slice(at, at + MOVES_AT_ONCE);
      const errors = await this.moveAll(moves);
      const moved = errors.filter((error) => error === undefined).length;
      if (moved > 0) this.options.logger.info({ moved }, 'leaderships were moved back');
    }
  }
}

/** Partitions whose preferred leader is in sync and alive, and does not lead. */
export function misplacedLeaders(view: ClusterView | undefined): readonly Move[] {
  if (view === undefined) return [];
  return fetchPartitionsOf(view).flatMap(({ topic, partition, record }) => {
    const [preferred] = record.replicas;
    if (record.transition !== undefined || !hasLiveLeader(view, record)) return [];
    if (record.leader?.broker === preferred.broker || !isAvailable(view, preferred)) return [];
    if (view.knownBrokers.get(preferred.broker)?.value.draining === true) return [];
    if (!record.isr.includes(preferred.replicaId)) return [];
    return [{ topicId: topic.record.topicId, partition, to: preferred.broker }];
  });
}

function questionsOf(view: ClusterView, moves: readonly Move[]): readonly Question[] {
  const find = fetchPartitionFinder(view);
  return moves.flatMap((move) => {
    const partition = find(move);
    if (partition === undefined) return [];
    const broker = view.liveBrokers.get(move.to);
    const brokers = broker === undefined ? [] : [broker];
    return [{ partition, brokers, resigned: undefined, wanted: move.to }];
  });
}

function notMoved(partition: FetchPartition, election: Election, verdict: Verdict): Error {
  const [code, reason] =
    verdict.kind === 'none'
      ? [verdict.code, verdict.reason]
      : (['STALE_EPOCH', 'its record has changed meanwhile'] as const);
  const message = `the leader of ${nameOf(partition)} stays: ${reason}`;
  return zhumqError(code, message, { topic: partition.topic.name, broker: election.wanted ?? -1 });
}

function notFound({ topicId, partition }: Move): Error {
  const message = `partition ${partition} of the topic is gone, or not in mode fetch`;
  return zhumqError('UNKNOWN_PARTITION', message, { topicId, partition });
}

function isOf({ topicId, partition }: Election, move: Move): boolean {
  return topicId === move.topicId && partition === move.partition;
}
