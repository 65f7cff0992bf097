// Sees to it that every partition in mode fetch has a leader that is alive. Level-triggered by each new view: whatever
// has none is asked for, and what the brokers answer is decided as an event (elect-leaders.ts). The asking happens here,
// beside the controller's turns, so that a broker that is slow delays nothing but its own partitions.
//
//   leaderless -> asking -> elected, or resting (nobody may lead) -> asking again after a while, or when a broker comes
import { Backoff } from '@zhumq/base';
import type { Clock, Logger, Random, Timer } from '@zhumq/base';
import { isError } from '@zhumq/model';
import type { ClusterView } from '../view/cluster-view.js';
import type { IsAwaited } from './dead-members.js';
import { judgeElection } from './elect-leaders.js';
import type { Election, LeadersElected, PartitionKey, Resignation } from './events.js';
import {
  configOf,
  electableMembers,
  fetchPartitionFinder,
  hasLiveLeader,
  isAvailable,
  leaderlessPartitions,
} from './fetch-partitions.js';
import type { FetchPartition } from './fetch-partitions.js';
import { OfflinePartitions } from './offline-partitions.js';
import type { Question, ReplicaEnds } from './replica-ends.js';

export interface ElectorOptions {
  readonly ends: ReplicaEnds;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** The view after what the elections demand was written. */
  readonly submit: (event: LeadersElected) => Promise<ClusterView>;
  readonly onElection: (outcome: ElectionOutcome) => void;
  readonly isAwaited: IsAwaited;
}

export type ElectionOutcome = 'elected' | 'moved' | 'possible-loss' | 'none';

const BACKOFF = { minMs: 50, maxMs: 2000 };

export class Elector {
  private readonly stopping = new AbortController();
  private readonly backoff: Backoff;
  private readonly offline: OfflinePartitions;
  /** Keys (partition and version) for which brokers are being asked. */
  private readonly asking = new Set<string>();
  /** Keys for which they were asked in vain. */
  private resting = new Set<string>();
  /** Who resigned where nobody leads yet. Lost with this zkserver, it costs an election more. */
  private readonly resigned = new Map<string, Resignation>();
  private timer: Timer | undefined;
  private view: ClusterView | undefined;
  private brokersKey = '';

  constructor(private readonly options: ElectorOptions) {
    this.backoff = new Backoff(BACKOFF, options.random);
    this.offline = new OfflinePartitions(options.logger);
  }

  /** To be called with every new view. */
  follow(view: ClusterView): void {
    if (this.stopping.signal.aborted) return;
    this.view = view;
    this.offline.follow(view);
    this.forgetResigned(view);
    const brokersKey = brokersKeyOf(view);
    if (brokersKey !== this.brokersKey) {
      this.brokersKey = brokersKey;
      this.backoff.reset();
      this.endRest();
    }
    this.ask(view);
  }

  /** To be called before they are written down. */
  expectResigned(resignations: readonly Resignation[]): void {
    for (const one of resignations) this.resigned.set(partitionKey(one), one);
  }

  /** Nothing is asked or decided any more once it returns. */
  stop(): void {
    this.stopping.abort(new Error('the elector was stopped'));
    this.timer?.cancel();
  }

  private ask(view: ClusterView): void {
    const leaderless = leaderlessPartitions(view).filter((one) => !this.isAwaited(view, one));
    const keys = new Set(leaderless.map(keyOf));
    this.resting = new Set([...this.resting].filter((key) => keys.has(key)));
    const questions = leaderless
      .filter((one) => !this.asking.has(keyOf(one)) && !this.resting.has(keyOf(one)))
      .map((partition) => this.questionOf(view, partition));
    for (const { partition } of questions) this.asking.add(keyOf(partition));
    for (const group of this.options.ends.ask(questions, this.stopping.signal)) {
      void group.then((elections) => this.decide(elections));
    }
  }

  /** Never rejects. */
  private async decide(elections: readonly Election[]): Promise<void> {
    const { clock, submit, logger } = this.options;
    const { signal } = this.stopping;
    if (signal.aborted) return;
    let open = elections;
    try {
      const view = await submit({ kind: 'leaders-elected', elections, atMs: clock.wallMs() });
      open = this.report(view, elections);
    } catch (error) {
      if (isError(error, 'STALE_CONTROLLER') || signal.aborted) return;
      logger.warn({ err: error }, 'an election was not written down; trying again');
    }
    for (const election of elections) this.asking.delete(electionKey(election));
    for (const election of open) this.resting.add(electionKey(election));
    if (open.length > 0) this.restAWhile();
  }

  /** Tells what came of it; gives the elections that have to be tried again. */
  private report(view: ClusterView, elections: readonly Election[]): readonly Election[] {
    const find = fetchPartitionFinder(view);
    return elections.filter((election) => {
      const partition = find(election);
      if (partition === undefined) return false;
      if (partition.version !== election.version) {
        this.reportElected(view, partition);
        return false;
      }
      const verdict = judgeElection(view, partition, election, this.circumstances());
      if (verdict.kind === 'elected' || hasLiveLeader(view, partition.record)) return false;
      this.options.onElection('none');
      this.offline.add(partition, verdict.code, verdict.reason);
      return true;
    });
  }

  private reportElected(view: ClusterView, { topic, partition, record }: FetchPartition): void {
    if (!hasLiveLeader(view, record)) return;
    const { logger, onElection } = this.options;
    const { epoch, lossEpoch, possibleLoss } = record;
    const context = { topic: topic.name, partition, epoch, leader: record.leader?.broker };
    onElection(lossEpoch === epoch ? 'possible-loss' : 'elected');
    if (lossEpoch !== epoch) logger.info(context, 'a leader was elected');
    else logger.error({ ...context, possibleLoss }, 'acknowledged records may be lost');
  }

  /** To those who may lead without a loss; to all replicas where the topic allows one. */
  private questionOf(view: ClusterView, partition: FetchPartition): Question {
    const { topic, record } = partition;
    const isUnclean = configOf(topic).uncleanLeaderElection === 'true';
    const brokers = (isUnclean ? record.replicas : electableMembers(record))
      .filter((replica) => isAvailable(view, replica))
      .map(({ broker }) => view.liveBrokers.get(broker))
      .filter((broker) => broker !== undefined);
    const key = partitionKey({ topicId: topic.record.topicId, partition: partition.partition });
    return { partition, brokers, resigned: this.resigned.get(key)?.broker, wanted: undefined };
  }

  /** Its leader is not registered, and may be so again in a moment. */
  private isAwaited({ liveBrokers }: ClusterView, { record: { leader } }: FetchPartition): boolean {
    if (leader === undefined || liveBrokers.has(leader.broker)) return false;
    return this.options.isAwaited(leader.broker);
  }

  /** Only the reason is wanted here: no loss is reported, so its time does not matter. */
  private circumstances() {
    return { atMs: 0, isAwaited: this.options.isAwaited };
  }

  private forgetResigned(view: ClusterView): void {
    if (this.resigned.size === 0) return;
    const find = fetchPartitionFinder(view);
    for (const [key, resignation] of this.resigned) {
      const record = find(resignation)?.record;
      if (record?.epoch !== resignation.epoch) this.resigned.delete(key);
    }
  }

  private restAWhile(): void {
    if (this.stopping.signal.aborted) return;
    this.timer ??= this.options.clock.after(this.backoff.nextMs(), () => {
      this.endRest();
      if (this.view !== undefined) this.ask(this.view);
    });
  }

  private endRest(): void {
    this.resting.clear();
    this.timer?.cancel();
    this.timer = undefined;
  }
}

function keyOf({ topic, partition, version }: FetchPartition): string {
  return electionKey({ topicId: topic.record.topicId, partition, version });
}

function electionKey(election: PartitionKey & Pick<Election, 'version'>): string {
  return `${partitionKey(election)} ${election.version}`;
}

function partitionKey({ topicId, partition }: PartitionKey): string {
  return `${topicId} ${partition}`;
}

function brokersKeyOf({ liveBrokers }: ClusterView): string {
  return Array.from(liveBrokers.values(), ({ id, incarnation }) => `${id}:${incarnation}`).join(
    ' ',
  );
}
