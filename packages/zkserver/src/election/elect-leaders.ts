// Decides elections in mode fetch by the answers that were gathered (elector.ts). A partition whose record has changed
// since the brokers were asked is left alone: what they said was about another state.
import { MAX_EPOCH } from '@zhumq/model';
import type { ErrorCode, PartitionRecord } from '@zhumq/model';
import type { Decide } from '../controller/decision.js';
import { inMultis } from '../controller/multi-chunks.js';
import type { ClusterView } from '../view/cluster-view.js';
import { chooseLeader, chooseWanted } from './choose-leader.js';
import { withoutDead } from './dead-members.js';
import type { IsAwaited } from './dead-members.js';
import type { Election, ReplicaAnswer } from './events.js';
import {
  configOf,
  fetchPartitionFinder,
  hasLiveLeader,
  isAvailable,
  minInsyncOf,
  writeRecord,
} from './fetch-partitions.js';
import type { FetchPartition } from './fetch-partitions.js';

export type Verdict =
  | { readonly kind: 'elected'; readonly record: PartitionRecord }
  | { readonly kind: 'none'; readonly code: ErrorCode; readonly reason: string };

export const electLeaders: Decide<'leaders-elected'> = (
  view,
  { elections, atMs },
  { isAwaited },
) => {
  const find = fetchPartitionFinder(view);
  return inMultis(
    elections.flatMap((election) => {
      const partition = find(election);
      if (partition === undefined) return [];
      const verdict = judgeElection(view, partition, election, { atMs, isAwaited });
      return verdict.kind === 'elected' ? [writeRecord(partition, verdict.record)] : [];
    }),
  );
};

export interface ElectionCircumstances {
  /** Since 1970; for the report of a possible loss. */
  readonly atMs: number;
  readonly isAwaited: IsAwaited;
}

export function judgeElection(
  view: ClusterView,
  partition: FetchPartition,
  election: Election,
  { atMs, isAwaited }: ElectionCircumstances,
): Verdict {
  const { record } = partition;
  const { wanted } = election;
  if (partition.version !== election.version) {
    return none('STALE_EPOCH', 'its record has changed meanwhile');
  }
  if (hasLiveLeader(view, record) && (wanted ?? record.leader?.broker) === record.leader?.broker) {
    return none('STALE_EPOCH', 'its leader is alive');
  }
  if (wanted !== undefined && record.transition !== undefined) {
    return none('PARTITION_SEALED', 'it is being switched to another mode; try again afterwards');
  }
  const answers = election.answers.filter((answer) => isOfPresentLife(view, record, answer));
  const candidates = {
    answers,
    outOfService: election.outOfService,
    resigned: election.resigned,
    isAvailable: (replica: PartitionRecord['replicas'][number]) => isAvailable(view, replica),
  };
  const choice =
    wanted === undefined
      ? chooseLeader(record, candidates, rulesOf(partition))
      : chooseWanted(record, candidates, wanted);
  if (choice.kind === 'none') return none('LEADER_NOT_AVAILABLE', choice.reason);
  // Above whatever anybody has seen: an epoch is granted once (rule 1).
  const epoch = 1 + Math.max(record.epoch, ...answers.map((answer) => answer.epoch));
  if (epoch > MAX_EPOCH) {
    const reason = `epoch ${epoch - 1} is the last one that a record batch can hold; copy the topic to a new one`;
    return none('TERM_LIMIT', reason);
  }
  const { broker, incarnation } = choice.winner;
  const winners = { ...choice.record, leader: { broker, incarnation }, epoch };
  const led = withoutDead(view, partition, winners, isAwaited);
  if (choice.loss === undefined) return { kind: 'elected', record: led };
  const possibleLoss = `${new Date(atMs).toISOString()} epoch ${epoch}, broker ${broker} leads: ${choice.loss}`;
  return { kind: 'elected', record: { ...led, possibleLoss, lossEpoch: epoch } };
}

function rulesOf(partition: FetchPartition) {
  const { uncleanLeaderElection } = configOf(partition.topic);
  return {
    minInsync: minInsyncOf(partition),
    uncleanLeaderElection: uncleanLeaderElection === 'true',
  };
}

/** Another life of the broker may have lost what this one had (rules 3 and 11). */
function isOfPresentLife(
  view: ClusterView,
  { replicas }: PartitionRecord,
  { replicaId, broker, incarnation }: ReplicaAnswer,
): boolean {
  const replica = replicas.find((one) => one.replicaId === replicaId && one.broker === broker);
  return (
    replica !== undefined &&
    isAvailable(view, replica) &&
    view.liveBrokers.get(broker)?.incarnation === incarnation
  );
}

function none(code: ErrorCode, reason: string): Verdict {
  return { kind: 'none', code, reason };
}
