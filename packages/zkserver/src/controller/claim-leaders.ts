// Decides which reports of leaders are written down. Raft elects by itself and tells afterwards, so reports may come late
// and out of order: one counts only in mode raft, in the present generation, with a larger epoch, from a holder (rule 2). A
// report of generation 1 that arrives after a switch to fetch would otherwise make followers truncate what was acknowledged.
import { paths } from '@zhumq/metadata';
import type { StoreOperation } from '@zhumq/metadata';
import { MAX_EPOCH, partitionRecordCodec } from '@zhumq/model';
import type { PartitionRecord } from '@zhumq/model';
import { topicsOf } from '../view/cluster-view.js';
import type { Decide, LeaderClaim } from './decision.js';
import { inMultis } from './multi-chunks.js';

export const claimLeaders: Decide<'leaders-claimed'> = (view, { claims }) => {
  const byId = new Map(topicsOf(view).map((topic) => [topic.record.topicId, topic]));
  const operations = new Map<string, StoreOperation>();
  for (const claim of newestFirst(claims)) {
    const topic = byId.get(claim.topicId);
    const partition = topic?.partitions.get(claim.partition);
    if (topic === undefined || partition === undefined) continue;
    const path = paths.partition(topic.name, claim.partition);
    if (operations.has(path) || !counts(claim, partition.value)) continue;
    const data = partitionRecordCodec.encode(withLeader(partition.value, claim));
    operations.set(path, { kind: 'set', path, data, version: partition.version });
  }
  return inMultis([...operations.values()]);
};

function counts(claim: LeaderClaim, record: PartitionRecord): boolean {
  return (
    record.mode === 'raft' &&
    claim.generation === record.generation &&
    claim.epoch > record.epoch &&
    claim.epoch <= MAX_EPOCH &&
    record.replicas.some(({ broker }) => broker === claim.broker)
  );
}

function withLeader(record: PartitionRecord, claim: LeaderClaim): PartitionRecord {
  const leader = { broker: claim.broker, incarnation: claim.incarnation };
  return { ...record, leader, epoch: claim.epoch };
}

/** So that of two reports of one partition in one call the newer one is taken. */
function newestFirst(claims: readonly LeaderClaim[]): readonly LeaderClaim[] {
  return claims.toSorted((one, other) => other.epoch - one.epoch);
}
