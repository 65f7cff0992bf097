// Takes replicas whose broker is gone out of ISRs at once, so that producers need not wait until the leader finds them
// lagging. Who is back with its data directory keeps its place, also in another incarnation: if it stopped uncleanly it
// says so itself, and the leader takes it out (decision 13); if cleanly it has all that it acknowledged.
import type { PartitionRecord } from '@zhumq/model';
import type { DecisionInput, Write } from '../controller/decision.js';
import { inMultis } from '../controller/multi-chunks.js';
import type { ClusterView } from '../view/cluster-view.js';
import {
  fetchPartitionsOf,
  hasLiveLeader,
  isAvailable,
  minInsyncOf,
  withIsr,
  writeRecord,
} from './fetch-partitions.js';
import type { FetchPartition } from './fetch-partitions.js';

/** Whether a broker that is not registered may be about to register again, and counts as alive until then. */
export type IsAwaited = DecisionInput['isAwaited'];

/**
 * Of partitions with a leader; where there is none, an election asks all members first. The new version settles whatever
 * the leader has proposed; until it hears of it, it counts the larger ISR (rule 10).
 */
export function removeDeadMembers(view: ClusterView, isAwaited: IsAwaited): readonly Write[] {
  return inMultis(
    fetchPartitionsOf(view).flatMap((partition) => {
      const { record } = partition;
      if (!hasLiveLeader(view, record)) return [];
      const without = withoutDead(view, partition, record, isAwaited);
      return without === record ? [] : [writeRecord(partition, without)];
    }),
  );
}

/** The record, led by whom it names, without the dead in its ISR; the same one if there are none. */
export function withoutDead(
  view: ClusterView,
  partition: FetchPartition,
  record: PartitionRecord,
  isAwaited: IsAwaited,
): PartitionRecord {
  const staying = record.replicas.filter(
    (replica) =>
      record.isr.includes(replica.replicaId) &&
      (replica.broker === record.leader?.broker ||
        isAvailable(view, replica) ||
        (!view.liveBrokers.has(replica.broker) && isAwaited(replica.broker))),
  );
  if (staying.length === 0 || staying.length === record.isr.length) return record;
  const ids = staying.map(({ replicaId }) => replicaId);
  return withIsr(record, ids, minInsyncOf(partition));
}
