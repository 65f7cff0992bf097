// Epochs of groups and members: (term of the coordinator, counter). The term is in it so that a coordinator makes none
// that another one made, whatever it knows of that one's (rule 20).
import type { GroupEpoch } from '@zhumq/model';

export const NO_EPOCH: GroupEpoch = { term: 0, counter: 0 };

/** Negative, 0 or positive, as the first one is smaller, equal or larger. */
export function compareEpochs(one: GroupEpoch, other: GroupEpoch): number {
  return one.term - other.term || one.counter - other.counter;
}

/** The one after `last`, made in `term`. */
export function nextEpoch(last: GroupEpoch, term: number): GroupEpoch {
  return term > last.term ? { term, counter: 1 } : { term: last.term, counter: last.counter + 1 };
}
