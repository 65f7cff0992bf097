// Decides resignations: a leader that gives its epoch up (its disk failed, or its broker stops) leads no more once that
// is written down, and the epoch is never granted again. Who follows is an election's matter.
import type { Decide } from '../controller/decision.js';
import { inMultis } from '../controller/multi-chunks.js';
import { fetchPartitionFinder, writeRecord } from './fetch-partitions.js';
import type { FetchPartition } from './fetch-partitions.js';

/** Resignations of another generation, epoch or life are late, and mean nothing. */
export const resignLeaders: Decide<'leaders-resigned'> = (view, { resignations }) => {
  const find = fetchPartitionFinder(view);
  const resigned = new Set<FetchPartition['record']>();
  return inMultis(
    resignations.flatMap((resignation) => {
      const partition = find(resignation);
      if (partition === undefined || resigned.has(partition.record)) return [];
      const { leader, epoch, generation } = partition.record;
      const { broker, incarnation } = resignation;
      if (leader?.broker !== broker || leader.incarnation !== incarnation) return [];
      if (epoch !== resignation.epoch || generation !== resignation.generation) return [];
      resigned.add(partition.record);
      return [writeRecord(partition, { ...partition.record, leader: undefined })];
    }),
  );
};
