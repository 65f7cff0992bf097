// What servers say of the cluster, as plain data for programs.
import type { BrokerInfo, PartitionInfo, ReplicaStatus, TopicInfo } from '@zhumq/rpc';
import type {
  BrokerDescription,
  PartitionDescription,
  PartitionDetails,
  ReplicaDetails,
  TopicDescription,
} from '../api/admin.js';
import { leadingOf, mayBeLed } from './leading.js';
import { modeName } from '../replication-mode.js';

export function describeBroker(info: BrokerInfo): BrokerDescription {
  const { endpoint, rack, weight, alive, incarnation, directoryId } = info;
  return { ...endpoint, rack, weight, alive, incarnation, directoryId };
}

export function describeTopic(info: TopicInfo, brokers: readonly BrokerInfo[]): TopicDescription {
  return {
    topic: info.name,
    topicId: info.topicId,
    replicas: info.replicationFactor,
    config: { ...info.config },
    partitions: info.partitions.map((one) => describePartition(one, brokers)),
  };
}

export function describePartition(
  info: PartitionInfo,
  brokers: readonly BrokerInfo[],
): PartitionDescription {
  const { partition, epoch, generation, replicas, isr } = info;
  const { seal, transition, lastSwitch, possibleLoss } = info;
  const mode = modeName(info.mode);
  const holders = (ids: readonly string[]): number[] =>
    replicas.filter(({ replicaId }) => ids.includes(replicaId)).map(({ broker }) => broker);
  const leaderAlive = mayBeLed(info, brokers);
  // One that is alive, but without a majority, leads no more; who is dead may only seem so, and is named.
  const isAlone = brokers.some(({ endpoint, alive }) => endpoint.id === info.leader && alive);
  const leader = isAlone && !leaderAlive ? -1 : info.leader;
  return {
    partition,
    leader,
    leaderAlive,
    epoch,
    mode,
    generation,
    replicas: replicas.map(({ broker }) => broker),
    inSync: holders(isr),
    eligible: holders(info.elr ?? []),
    voters: mode === 'raft' ? replicas.map(({ broker }) => broker) : [],
    ...(seal && { seal: { epoch: seal.epoch, offset: seal.offset } }),
    ...(transition && { transition: { ...transition, to: modeName(transition.to) } }),
    ...(lastSwitch && { lastSwitch: { ...lastSwitch, to: modeName(lastSwitch.to) } }),
    ...(possibleLoss !== undefined && { possibleLoss }),
  };
}

/** A partition together with what each replica says of itself; `failures` are brokers that did not answer, and why. */
export function describeDetails(
  topic: string,
  info: PartitionInfo,
  brokers: readonly BrokerInfo[],
  statuses: ReadonlyMap<string, ReplicaStatus>,
  failures: ReadonlyMap<number, string>,
): PartitionDetails {
  const present = info.replicas.flatMap(({ replicaId }) => statuses.get(replicaId) ?? []);
  const learners = present.filter(({ role }) => role === 'learner').map(({ broker }) => broker);
  const leading = leadingOf(present);
  const best = leading ?? present.toSorted((a, b) => b.highWatermark - a.highWatermark).at(0);
  const description = describePartition(info, brokers);
  // Who answers and does not say that it leads, leads no more, whatever was recorded.
  const isOusted = present.some(({ broker }) => broker === description.leader);
  const leader = leading?.broker ?? (isOusted ? -1 : description.leader);
  return {
    ...description,
    topic,
    leader,
    leaderAlive:
      leading !== undefined || (leader >= 0 && description.leaderAlive && !failures.has(leader)),
    epoch: Math.max(description.epoch, leading?.epoch ?? 0),
    logStart: best?.logStart ?? -1,
    highWatermark: best?.highWatermark ?? -1,
    voters: description.voters.filter((broker) => !learners.includes(broker)),
    sealed: leading?.sealedBy !== undefined || leading?.role === 'sealed',
    replicaDetails: info.replicas.map(({ broker, replicaId }) => {
      const status = statuses.get(replicaId);
      return status === undefined
        ? absentReplica(broker, replicaId, failures.get(broker))
        : replicaDetails(status, leading);
    }),
  };
}

function replicaDetails(status: ReplicaStatus, leading: ReplicaStatus | undefined): ReplicaDetails {
  const { broker, replicaId, role, epoch, logStart, logEnd, durableEnd, bytes, problem } = status;
  const lag = leading === undefined ? -1 : Math.max(0, leading.logEnd - logEnd);
  const mode = status.mode && modeName(status.mode);
  return {
    ...{ broker, replicaId, role, ...(mode && { mode }), generation: status.generation ?? -1 },
    ...{ epoch, logStart, logEnd, durableEnd },
    ...{ highWatermark: status.highWatermark, lag, bytes, problem },
  };
}

function absentReplica(
  broker: number,
  replicaId: string,
  failure: string | undefined,
): ReplicaDetails {
  return {
    ...{ broker, replicaId, role: 'offline', generation: -1 },
    ...{ epoch: -1, logStart: -1, logEnd: -1, durableEnd: -1 },
    ...{ highWatermark: -1, lag: -1, bytes: 0 },
    problem: failure ?? `broker ${broker} does not hold the replica (yet)`,
  };
}
