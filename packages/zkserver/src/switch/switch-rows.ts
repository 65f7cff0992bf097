// Where the switch of a partition stands, in the words of the wire.
import type { PartitionRecord, ReplicationMode as Mode } from '@zhumq/model';
import { ReplicationMode } from '@zhumq/rpc';
import type { PartitionSwitch } from '@zhumq/rpc';
import { partitionsOf } from '../view/cluster-view.js';
import type { ClusterView, Topic } from '../view/cluster-view.js';
import { isSettled, refusalOf } from './begin-switch.js';

/** Of one partition, or of all when it is -1. */
export function switchRows(
  view: ClusterView,
  topic: Topic,
  partition: number,
  wanted?: Mode,
): PartitionSwitch[] {
  const whole = view.topicSwitches.get(topic.record.topicId)?.value;
  return wantedOf(topic, partition).map(([number, record]) => {
    if (whole?.waiting.includes(number) === true) {
      const reason = record.transition === undefined ? '' : 'another transition is under way';
      return rowOf(number, record, { to: whole.to, state: 'waiting', reason, id: '' });
    }
    return rowOf(number, record, standing(record, wanted));
  });
}

/** What asking for that mode would do. */
export function checkedRows(
  view: ClusterView,
  topic: Topic,
  partition: number,
  to: Mode,
): PartitionSwitch[] {
  return wantedOf(topic, partition).map(([number, record]) => {
    if (isSettled(record, to)) return rowOf(number, record, standing(record, to));
    const reason = refusalOf(view, record, to);
    const state = reason === undefined ? 'waiting' : 'refused';
    return rowOf(number, record, { to, state, reason: reason ?? '', id: '' });
  });
}

interface Standing {
  readonly to: Mode;
  readonly state: string;
  readonly reason: string;
  readonly id: string;
}

function standing({ mode, transition, lastSwitch }: PartitionRecord, wanted?: Mode): Standing {
  if (transition !== undefined) {
    const { id, to, phase } = transition;
    const reason = lastSwitch?.id === id ? lastSwitch.reason : '';
    return { to, state: phase, reason, id };
  }
  const isAsked = wanted === undefined || lastSwitch?.to === wanted;
  if (lastSwitch === undefined || !isAsked || lastSwitch.to === mode) {
    return { to: mode, state: 'done', reason: '', id: lastSwitch?.done ? lastSwitch.id : '' };
  }
  const { id, to, reason } = lastSwitch;
  return { to, state: id === '' ? 'refused' : 'given-up', reason, id };
}

function wantedOf(
  topic: Topic,
  partition: number,
): readonly (readonly [number, PartitionRecord])[] {
  const all = partitionsOf(topic);
  return partition === -1 ? all : all.filter(([number]) => number === partition);
}

function rowOf(partition: number, record: PartitionRecord, standing: Standing): PartitionSwitch {
  const { to, state, reason, id } = standing;
  const { generation } = record;
  return {
    partition,
    to: wireMode(to),
    state,
    reason,
    mode: wireMode(record.mode),
    generation,
    id,
  };
}

function wireMode(mode: Mode): ReplicationMode {
  return mode === 'raft' ? ReplicationMode.RAFT : ReplicationMode.FETCH;
}
