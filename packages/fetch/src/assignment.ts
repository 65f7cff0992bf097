// What a state of the zkserver makes of a replica (rules 3, 13 and 16). One function, no memory of its own.
import type { Epoch, PartitionState, ReplicaId } from './types.js';

export interface Candidate {
  readonly self: ReplicaId;
  readonly incarnation: number;
  readonly tainted: boolean;
  /** Of the last record of its log. */
  readonly lastEpoch: Epoch;
  /** Epoch in which it leads now; undefined: it does not. */
  readonly leading: Epoch | undefined;
  /** Last epoch in which this life led. */
  readonly ledEpoch: Epoch;
  /** Whose the present epoch is; undefined while nobody was named. */
  readonly owner: EpochOwner | undefined;
}

export interface EpochOwner {
  readonly epoch: Epoch;
  readonly replica: ReplicaId;
  readonly incarnation: number;
}

export type Assignment =
  | { readonly kind: 'lead' }
  | { readonly kind: 'follow'; readonly leader: ReplicaId }
  /** `resign`: it was chosen, may not, and why. `ask`: the state can not be the present one. */
  | { readonly kind: 'idle'; readonly resign?: string; readonly ask?: true };

export function assignmentOf(state: PartitionState, candidate: Candidate): Assignment {
  const { leader, epoch } = state;
  if (leader === undefined) return { kind: 'idle' };
  const { owner, self } = candidate;
  const taken = owner?.epoch === epoch ? owner : undefined;
  const same = taken?.replica === leader.replica && taken.incarnation === leader.incarnation;
  // An epoch belongs to one incarnation of one broker, for ever (rule 3).
  if (taken !== undefined && !same) return { kind: 'idle', ask: true };
  if (leader.replica !== self) {
    // After a restart an old state may come first. Its leader is deposed, and would cut what newer ones committed.
    if (epoch < candidate.lastEpoch) return { kind: 'idle', ask: true };
    return { kind: 'follow', leader: leader.replica };
  }
  if (leader.incarnation !== candidate.incarnation) return { kind: 'idle' };
  return assignmentOfChosen(state, candidate);
}

function assignmentOfChosen(state: PartitionState, candidate: Candidate): Assignment {
  const { epoch, lossEpoch } = state;
  if (candidate.leading === epoch) return { kind: 'lead' };
  if (candidate.ledEpoch >= epoch || candidate.lastEpoch >= epoch) {
    return {
      kind: 'idle',
      resign: `epoch ${epoch} is spent: the log ends in epoch ${candidate.lastEpoch}, and this replica led epoch ${candidate.ledEpoch}`,
    };
  }
  if (candidate.tainted && lossEpoch !== epoch) {
    const resign = `the replica is tainted, and epoch ${epoch} is not that of a possible loss (${lossEpoch})`;
    return { kind: 'idle', resign };
  }
  return { kind: 'lead' };
}
