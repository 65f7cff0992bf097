// The arithmetic of majorities. Quorums are majorities of all voters, tainted ones included.
import type { ReplicaId } from './types.js';

/** Smallest number of voters that any other such number intersects. */
export function majority(voters: number): number {
  return Math.floor(voters / 2) + 1;
}

/** The largest value that a majority of the voters has reached. */
export function majorityValue(
  voters: readonly ReplicaId[],
  valueOf: (voter: ReplicaId) => number,
): number {
  const values = voters.map(valueOf).sort((left, right) => right - left);
  return values[majority(voters.length) - 1] ?? -1;
}

export type TallyResult = 'won' | 'lost' | 'undecided';

/** Votes of one campaign, one per voter, the first answer counting. */
export class Tally {
  private readonly answers = new Map<ReplicaId, boolean>();

  constructor(private readonly voters: readonly ReplicaId[]) {}

  record(voter: ReplicaId, granted: boolean): TallyResult {
    if (this.voters.includes(voter) && !this.answers.has(voter)) this.answers.set(voter, granted);
    return this.result();
  }

  private result(): TallyResult {
    let granted = 0;
    for (const answer of this.answers.values()) if (answer) granted += 1;
    const needed = majority(this.voters.length);
    if (granted >= needed) return 'won';
    const refused = this.answers.size - granted;
    return this.voters.length - refused < needed ? 'lost' : 'undecided';
  }
}
