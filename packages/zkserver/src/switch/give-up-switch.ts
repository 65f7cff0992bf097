// Decides how a switch that can not be completed ends. Before any seal can exist, the intent is taken back. After that
// there is only a way forward: the next generation, in the old mode (rule 17).
import type { PartitionRecord, SwitchOutcome } from '@zhumq/model';
import type { Decide, LeaderClaim, Write } from '../controller/decision.js';
import { topicById } from '../view/cluster-view.js';
import type { ClusterView } from '../view/cluster-view.js';
import { inMultis } from '../controller/multi-chunks.js';
import { hasLiveLeader } from '../election/fetch-partitions.js';
import { changeRecord, partitionIn, underWay } from './switched-partition.js';
import type { SwitchedPartition } from './switched-partition.js';

export const giveUpSwitch: Decide<'switch-given-up'> = (view, { saga, reason, mayBeSealed }) => {
  const found = underWay(view, saga);
  if (found === undefined) return [];
  const { record, transition } = found;
  // A recovery has nothing to go back to.
  if (transition.to === record.mode) return [];
  const outcome = { id: transition.id, to: transition.to, done: false, reason };
  if (transition.phase === 'seal' && !mayBeSealed) {
    return [[changeRecord(found, { transition: undefined, lastSwitch: outcome })]];
  }
  if (record.mode === 'raft' && transition.phase === 'abort') return [];
  return [[changeRecord(found, abort(view, record, outcome))]];
};

/**
 * A leader says that its log is sealed in the present generation by an intent that nobody pursues: a late seal call of a
 * switch that had been withdrawn. Only the next generation unseals it (rule 17).
 */
export function abortReportedSeals(
  view: ClusterView,
  claims: readonly LeaderClaim[],
): readonly Write[] {
  const seen = new Set<string>();
  return inMultis(
    claims.flatMap((claim) => {
      // Nearly all: brokers claim thousands of leaderships.
      if (claim.sealedBy === undefined) return [];
      const topic = topicById(view, claim.topicId);
      const found = topic && partitionIn(topic, claim.partition);
      const key = `${claim.topicId} ${claim.partition}`;
      if (found === undefined || seen.has(key) || !isAbandonedSeal(found, claim)) return [];
      seen.add(key);
      const to = found.record.mode === 'raft' ? 'fetch' : 'raft';
      const reason = 'the leader was sealed by a switch that had been given up';
      const outcome = { id: claim.sealedBy, to, done: false, reason } as const;
      return [changeRecord(found, abort(view, found.record, outcome))];
    }),
  );
}

/** Only the word of the leader that is recorded counts; another one may tell of a log that was cut since. */
function isAbandonedSeal(
  { record }: SwitchedPartition,
  claim: LeaderClaim,
): claim is LeaderClaim & { readonly sealedBy: string } {
  return (
    claim.sealedBy !== undefined &&
    record.transition === undefined &&
    record.generation === claim.generation &&
    record.epoch === claim.epoch &&
    record.leader?.broker === claim.broker &&
    record.leader.incarnation === claim.incarnation
  );
}

/** From mode raft through close; from mode fetch at once, because epochs are granted here and nowhere else. */
function abort(
  view: ClusterView,
  record: PartitionRecord,
  lastSwitch: SwitchOutcome,
): Partial<PartitionRecord> {
  const { id, to } = lastSwitch;
  if (record.mode === 'raft') return { transition: { id, to, phase: 'abort' }, lastSwitch };
  return {
    generation: record.generation + 1,
    epoch: record.epoch + 1,
    // An epoch belongs to one life of a broker (rule 3); without that life, an election follows.
    leader: hasLiveLeader(view, record) ? record.leader : undefined,
    seal: undefined,
    transition: undefined,
    lastSwitch,
  };
}
