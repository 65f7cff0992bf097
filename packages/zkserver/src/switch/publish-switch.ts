// Decides the write that is the switch: the partition in its new mode, with a larger generation and an epoch above every
// one in which anyone can have appended. One operation on one node, so it is there as a whole or not at all.
import type { PartitionRecord } from '@zhumq/model';
import type { Decide, Write } from '../controller/decision.js';
import { closedGroup, furthestOf } from './close-answers.js';
import type { ClosedGroup } from './close-answers.js';
import type { CloseAnswer } from './switch-events.js';
import { changeRecord, majorityOf, underWay } from './switched-partition.js';
import type { UnderWay } from './switched-partition.js';

/** The seal is committed: nothing may be closed before that is recorded, because there is no way back then (rule 17). */
export const beginClose: Decide<'group-sealed'> = (view, { saga }) => {
  const found = underWay(view, saga);
  if (found?.record.mode !== 'raft' || found.transition.phase !== 'seal') return [];
  return [[changeRecord(found, { transition: { ...found.transition, phase: 'close' } })]];
};

/**
 * fetch -> raft. The seal, and the first batch of the present epoch if that is a later one, are the newest (epoch, offset)
 * on a durable majority (rule 12). Based on the very version on which the leader sealed: an election or a change of the
 * ISR in between makes another call necessary.
 */
export const publishRaft: Decide<'isr-sealed'> = (view, { saga, version, seal, replicas }) => {
  const found = underWay(view, saga);
  if (found?.record.mode !== 'fetch' || found.version !== version) return [];
  if (found.transition.to !== 'raft' || found.transition.phase !== 'seal') return [];
  const { record, transition } = found;
  const ids = record.replicas.map(({ replicaId }) => replicaId);
  const synced = ids.filter((id) => replicas.includes(id));
  const isDurable =
    synced.length >= majorityOf(ids.length) && record.isr.every((id) => synced.includes(id));
  if (!isDurable || seal.epoch > record.epoch) return [];
  const change: Partial<PartitionRecord> = {
    ...{ mode: 'raft', generation: record.generation + 1, epoch: record.epoch + 1 },
    ...{ voters: ids, isr: [], elr: [], seal, transition: undefined },
    lastSwitch: { id: transition.id, to: 'raft', done: true, reason: '' },
  };
  return [[changeRecord(found, change)]];
};

/** Closed voters answered: on to mode fetch, or to another generation of mode raft. */
export const publishClosed: Decide<'group-closed'> = (view, { saga, answers, at }) => {
  const found = underWay(view, saga);
  if (found?.record.mode !== 'raft') return [];
  const { record, transition } = found;
  const group = closedGroup(record.voters, record.epoch, answers);
  if (!group.hasMajority) return [];
  if (transition.phase === 'abort') return publish(found, group, { transition: undefined });
  if (transition.phase !== 'close') return [];
  if (transition.to === 'raft') return publishRecovered(found, group, at);
  if (group.furthest.length >= majorityOf(record.voters.length)) return publishFetch(found, group);
  // Raft brings the stragglers to the same end, and then it is sealed again (decision 14).
  return publish(found, group, { transition: { ...transition, phase: 'seal' } });
};

/** raft -> fetch (rule 1). What is beyond the seal elsewhere, was never committed and is cut by epoch lookup. */
function publishFetch(found: UnderWay, group: ClosedGroup): readonly Write[] {
  const { record, transition } = found;
  const leader = preferred(record, group.furthest) as CloseAnswer;
  return publish(found, group, {
    mode: 'fetch',
    isr: group.furthest.map(({ replicaId }) => replicaId),
    voters: [],
    seal: leader.end,
    transition: undefined,
    lastSwitch: { id: transition.id, to: 'fetch', done: true, reason: '' },
  });
}

/** Rule 16: the largest end wins. It is a loss only if those without a taint are no majority by now. */
function publishRecovered(found: UnderWay, group: ClosedGroup, at: string): readonly Write[] {
  if (group.hasUntaintedMajority) return publish(found, group, { transition: undefined });
  const { record } = found;
  const [{ end }] = furthestOf(group.answers);
  const possibleLoss =
    `${at}: most replicas had lost what was not on disk; recovered from ${group.answers.length} of ` +
    `${record.voters.length} voters, the largest end being ${end.offset} in epoch ${end.epoch}`;
  const change = { transition: undefined, possibleLoss, lossEpoch: group.nextEpoch };
  return publish(found, { ...group, furthest: furthestOf(group.answers) }, change);
}

/**
 * The next generation; mode raft unless the change says otherwise. Without a seal, replicas keep the commit index that
 * they know: a largest end that is on few of them may never have been committed (rule 18).
 */
function publish(
  found: UnderWay,
  group: ClosedGroup,
  change: Partial<PartitionRecord>,
): readonly Write[] {
  const { record } = found;
  const first = preferred(record, group.furthest);
  const leader = first && { broker: first.broker, incarnation: first.incarnation };
  const next = { generation: record.generation + 1, epoch: group.nextEpoch, leader };
  return [[changeRecord(found, { ...next, isr: [], elr: [], seal: undefined, ...change })]];
}

/** The present leader if it is among the furthest. */
function preferred(
  { leader, replicas }: PartitionRecord,
  furthest: readonly CloseAnswer[],
): CloseAnswer | undefined {
  const inOrder = replicas.flatMap(({ replicaId }) =>
    furthest.filter((answer) => answer.replicaId === replicaId),
  );
  return inOrder.find(({ broker }) => broker === leader?.broker) ?? inOrder.at(0);
}
