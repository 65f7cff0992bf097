// Decides whether a partition may be switched now, and records the intent: from here on any zkserver carries it on.
import { zhumqError } from '@zhumq/model';
import type { PartitionRecord, ReplicationMode } from '@zhumq/model';
import type { StoreOperation } from '@zhumq/metadata';
import { hasLiveLeader, isAvailable } from '../election/fetch-partitions.js';
import { unknownTopic } from '../controller/delete-topic.js';
import { refuseInternal } from '../controller/internal-topics.js';
import type { Decide } from '../controller/decision.js';
import { findTopic } from '../view/cluster-view.js';
import type { ClusterView } from '../view/cluster-view.js';
import { changeRecord, majorityOf, partitionIn } from './switched-partition.js';
import type { SwitchedPartition } from './switched-partition.js';

export const beginSwitch: Decide<'switch-wanted'> = (view, event, input) => {
  refuseInternal(event.topic, 'be switched to another mode');
  const found = findPartition(view, event.topic, event.partition);
  if (isSettled(found.record, event.to)) return [];
  const reason = refusalOf(view, found.record, event.to);
  if (reason !== undefined) throw refused(event.topic, event.partition, reason);
  return [[recordIntent(found, event.to, input.newId())]];
};

export function findPartition(view: ClusterView, name: string, number: number): SwitchedPartition {
  const topic = findTopic(view, name);
  if (topic === undefined) throw unknownTopic(name);
  const found = partitionIn(topic, number);
  if (found !== undefined) return found;
  const message = `topic ${name} has no partition ${number}, only 0 to ${topic.partitions.size - 1}`;
  throw zhumqError('UNKNOWN_PARTITION', message, { topic: name, partition: number });
}

/** Nothing is to be begun: it is in that mode, or on the way to it. */
export function isSettled({ mode, transition }: PartitionRecord, to: ReplicationMode): boolean {
  if (transition === undefined) return mode === to;
  return transition.to === to && transition.phase !== 'abort' && mode !== to;
}

/** Why a switch can not begin now, for a person; undefined when it can. */
export function refusalOf(
  view: ClusterView,
  record: PartitionRecord,
  to: ReplicationMode,
): string | undefined {
  const { transition } = record;
  if (transition !== undefined) {
    const what = transition.to === record.mode ? 'a recovery' : `a switch to mode ${transition.to}`;
    return `${what} is under way (phase ${transition.phase}); wait until it has ended`;
  }
  return to === 'raft' ? refusalToRaft(view, record) : refusalToFetch(view, record);
}

export function recordIntent(
  partition: SwitchedPartition,
  to: ReplicationMode,
  id: string,
): StoreOperation {
  return changeRecord(partition, { transition: { id, to, phase: 'seal' } });
}

/** The seal must reach a majority of the replicas, and only what is in sync is sure to have everything (rule 12). */
function refusalToRaft(view: ClusterView, record: PartitionRecord): string | undefined {
  const { isr, replicas } = record;
  const needed = majorityOf(replicas.length);
  if (isr.length < needed) {
    return `only ${isr.length} of ${replicas.length} replicas are in sync and ${needed} must be; wait until they caught up`;
  }
  if (!hasLiveLeader(view, record)) {
    return 'nobody leads it at present; wait for the election';
  }
  return undefined;
}

function refusalToFetch(view: ClusterView, record: PartitionRecord): string | undefined {
  const { voters, replicas, learners } = record;
  if (learners.length > 0) return 'its set of voters is being changed; wait until that has ended';
  const needed = majorityOf(voters.length);
  const alive = replicas.filter(
    (replica) => voters.includes(replica.replicaId) && isAvailable(view, replica),
  );
  if (alive.length >= needed) return undefined;
  return `only ${alive.length} of its ${voters.length} voters are on live brokers and ${needed} must be; start the others`;
}

/** `partition` -1: the topic as a whole. */
export function refused(topic: string, partition: number, reason: string): Error {
  const what = partition === -1 ? `topic ${topic}` : `${topic}-${partition}`;
  const message = `${what} can not be switched now: ${reason}`;
  return zhumqError('SWITCH_REFUSED', message, { topic, partition, reason });
}
