// What a run's rounds add up to.
import type { FinishedRound } from './rounds.js';
import { nemesisOf } from './nemeses/catalogue.js';
import { ELECTION_TIMEOUT_MS, SESSION_TIMEOUT_MS } from './processes/process-cluster.js';

/** Two election timeouts and a second: acks all on a raft partition. */
export const RAFT_BOUND_MS = 2 * ELECTION_TIMEOUT_MS + 1_000;
/** A fetch partition gets another leader when the session of the old one has ended. */
export const FETCH_BOUND_MS = SESSION_TIMEOUT_MS + 1_000;

const BOUNDS: Readonly<Record<string, number>> = {
  'raft/all': RAFT_BOUND_MS,
  'fetch/all': FETCH_BOUND_MS,
};

export interface ResumeFigures {
  readonly rounds: number;
  readonly p50: number;
  readonly p99: number;
  readonly longest: number;
  /** Where a bound is promised: rounds that took longer. */
  readonly boundMs?: number;
  readonly late?: number;
}

export class Tally {
  /** By nemesis. */
  readonly rounds: Record<string, number> = {};
  killRounds = 0;
  partitions = 0;
  /** What did not go on while a fault lasted, although it should. */
  stalled = 0;
  /** Of rounds with a bound: milliseconds by class. */
  private readonly bounded = new Map<string, number[]>();
  private readonly others = new Map<string, number[]>();

  add({ nemesis, resumes, times, stalled }: FinishedRound): void {
    this.rounds[nemesis] = (this.rounds[nemesis] ?? 0) + 1;
    const { kills, partitions } = nemesisOf(nemesis);
    if (kills === true) this.killRounds++;
    if (partitions === true) this.partitions++;
    if (stalled.length > 0) this.stalled++;
    const samples = resumes === 'bounded' ? this.bounded : this.others;
    for (const [name, ms] of Object.entries(times)) {
      const list = samples.get(name) ?? [];
      if (list.length === 0) samples.set(name, list);
      list.push(ms);
    }
  }

  /** By class of producers: after kills of a minority and the isolation of a broker, from the fault on. */
  get resumeMs(): Record<string, ResumeFigures> {
    return figuresOf(this.bounded, BOUNDS);
  }

  /** After all other faults, from their begin or, where nothing can go on before, from their end on. */
  get otherResumeMs(): Record<string, ResumeFigures> {
    return figuresOf(this.others, {});
  }
}

function figuresOf(
  samples: ReadonlyMap<string, readonly number[]>,
  bounds: Readonly<Record<string, number>>,
): Record<string, ResumeFigures> {
  const figures: Record<string, ResumeFigures> = {};
  for (const [name, values] of samples) {
    const sorted = values.toSorted((one, other) => one - other);
    const boundMs = Object.hasOwn(bounds, name) ? bounds[name] : undefined;
    figures[name] = {
      ...{ rounds: sorted.length, p50: quantile(sorted, 0.5), p99: quantile(sorted, 0.99) },
      longest: sorted.at(-1) ?? 0,
      ...(boundMs !== undefined && { boundMs, late: sorted.filter((ms) => ms > boundMs).length }),
    };
  }
  return figures;
}

function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0;
}
