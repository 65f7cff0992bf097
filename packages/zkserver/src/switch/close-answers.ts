// What the answers of closed voters say together. A closed voter neither votes nor appends in its generation any more, so
// with a majority of them no higher term than the largest that they answered can have appended anything, and none can
// win any more (rule 1).
import type { EpochOffset } from '@zhumq/model';
import type { CloseAnswer } from './switch-events.js';
import { majorityOf } from './switched-partition.js';

export interface ClosedGroup {
  /** The last answer of each voter. */
  readonly answers: readonly CloseAnswer[];
  readonly hasMajority: boolean;
  /** A majority answered without a taint: everything that was committed is among what these hold (rule 16). */
  readonly hasUntaintedMajority: boolean;
  /** Larger than every epoch in which anyone can have appended. */
  readonly nextEpoch: number;
  /** Untainted answers that share the largest end among these. Equal ends are equal logs. */
  readonly furthest: readonly CloseAnswer[];
}

export function closedGroup(
  voters: readonly string[],
  recordedEpoch: number,
  given: readonly CloseAnswer[],
): ClosedGroup {
  const byReplica = new Map(given.map((answer) => [answer.replicaId, answer]));
  const answers = voters.flatMap((voter) => byReplica.get(voter) ?? []);
  const untainted = answers.filter(({ tainted }) => !tainted);
  const majority = majorityOf(voters.length);
  return {
    answers,
    hasMajority: answers.length >= majority,
    hasUntaintedMajority: untainted.length >= majority,
    nextEpoch: 1 + Math.max(recordedEpoch, ...answers.map(({ epoch }) => epoch)),
    furthest: furthestOf(untainted),
  };
}

/** Those with the largest end; none of none. */
export function furthestOf(answers: readonly CloseAnswer[]): readonly CloseAnswer[] {
  const [largest] = answers.toSorted((one, other) => compareEnds(other.end, one.end));
  return answers.filter(({ end }) => compareEnds(end, largest.end) === 0);
}

/** By epoch first, then by offset, as Raft compares logs. */
export function compareEnds(one: EpochOffset, other: EpochOffset): number {
  return one.epoch - other.epoch || one.offset - other.offset;
}
