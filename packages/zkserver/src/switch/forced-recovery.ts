// Decides the recovery of a group that nobody can lead, because the voters without a taint are no majority (rule 16): a
// transition to the mode that it is in, which closes all voters and publishes the next generation (publish-switch.ts).
import type { Decide } from '../controller/decision.js';
import { topicById } from '../view/cluster-view.js';
import { changeRecord, partitionIn } from './switched-partition.js';

export const beginRecovery: Decide<'recovery-wanted'> = (view, event, { newId }) => {
  const topic = topicById(view, event.topicId);
  const found = topic && partitionIn(topic, event.partition);
  if (found?.record.mode !== 'raft' || found.record.generation !== event.generation) return [];
  if (found.record.transition !== undefined) return [];
  return [[changeRecord(found, { transition: { id: newId(), to: 'raft', phase: 'close' } })]];
};
