// Decides what leaders of partitions in mode fetch want as their ISR. A change counts only on the very record on which
// it is based: the version settles all earlier proposals, and a deposed leader changes nothing (rules 2 and 10).
import type { ErrorCode, PartitionRecord } from '@zhumq/model';
import type { Decide } from '../controller/decision.js';
import { inMultis } from '../controller/multi-chunks.js';
import type { ClusterView } from '../view/cluster-view.js';
import type { IsrWish } from './events.js';
import {
  fetchPartitionFinder,
  hasLiveLeader,
  isAvailable,
  minInsyncOf,
  withIsr,
  writeRecord,
} from './fetch-partitions.js';
import type { FetchPartition } from './fetch-partitions.js';

export interface IsrRefusal {
  readonly code: ErrorCode;
  readonly reason: string;
}

/** Of two wishes on one record the first is taken. */
export const changeIsr: Decide<'isr-changes-wanted'> = (view, { changes }) => {
  const find = fetchPartitionFinder(view);
  const changed = new Set<PartitionRecord>();
  return inMultis(
    changes.flatMap((wish) => {
      const partition = find(wish);
      if (partition === undefined || changed.has(partition.record)) return [];
      if (refusalOf(view, partition, wish) !== undefined) return [];
      changed.add(partition.record);
      const ids = wish.isr.map(({ replicaId }) => replicaId);
      return [writeRecord(partition, withIsr(partition.record, ids, minInsyncOf(partition)))];
    }),
  );
};

/** Whether the record is what the wish made of the one before. */
export function wasCarriedOut({ record, version }: FetchPartition, wish: IsrWish): boolean {
  return (
    version === wish.version + 1 &&
    record.generation === wish.generation &&
    record.epoch === wish.epoch &&
    record.isr.length === wish.isr.length &&
    wish.isr.every(({ replicaId }) => record.isr.includes(replicaId))
  );
}

/** undefined: the change may be made. */
export function refusalOf(
  view: ClusterView,
  partition: FetchPartition,
  wish: IsrWish,
): IsrRefusal | undefined {
  const { record, version } = partition;
  const { broker, incarnation } = wish;
  if (record.generation !== wish.generation) {
    const reason = `generation ${wish.generation} is over, the present one is ${record.generation}`;
    return { code: 'STALE_GENERATION', reason };
  }
  const isLeader = record.leader?.broker === broker && record.leader.incarnation === incarnation;
  if (record.epoch !== wish.epoch || !isLeader) {
    const reason = `broker ${broker} (incarnation ${incarnation}) does not lead in epoch ${wish.epoch}; the record has ${leaderText(record)}`;
    return { code: 'STALE_EPOCH', reason };
  }
  if (!hasLiveLeader(view, record)) {
    const reason = `broker ${broker} is not registered at present; another leader is being elected`;
    return { code: 'STALE_EPOCH', reason };
  }
  if (version !== wish.version) {
    const reason = `it is based on version ${wish.version} of the record, the present one is ${version}`;
    return { code: 'STALE_EPOCH', reason };
  }
  return membersRefusal(view, record, wish);
}

function membersRefusal(
  view: ClusterView,
  record: PartitionRecord,
  { broker, isr }: IsrWish,
): IsrRefusal | undefined {
  const ids = new Set(isr.map(({ replicaId }) => replicaId));
  const replicas = record.replicas.filter(({ replicaId }) => ids.has(replicaId));
  if (ids.size !== isr.length || replicas.length !== isr.length) {
    return {
      code: 'INVALID_REQUEST',
      reason: 'it names a member twice, or one that is no replica',
    };
  }
  if (!replicas.some((replica) => replica.broker === broker)) {
    return { code: 'INVALID_REQUEST', reason: `its leader, broker ${broker}, is not among it` };
  }
  for (const replica of replicas) {
    if (record.isr.includes(replica.replicaId)) continue;
    const claimed = isr.find(({ replicaId }) => replicaId === replica.replicaId)?.incarnation;
    const present = view.liveBrokers.get(replica.broker)?.incarnation;
    // What another life of the broker fetched says nothing of this one (rule 11).
    if (isAvailable(view, replica) && present === claimed) continue;
    const state = present === undefined ? 'not alive' : `alive in incarnation ${present}`;
    const reason = `broker ${replica.broker} can not join in incarnation ${claimed}: it is ${state}`;
    return { code: 'STALE_INCARNATION', reason };
  }
  return undefined;
}

function leaderText({ leader, epoch }: PartitionRecord): string {
  if (leader === undefined) return `no leader since epoch ${epoch}`;
  return `broker ${leader.broker} (incarnation ${leader.incarnation}) in epoch ${epoch}`;
}
