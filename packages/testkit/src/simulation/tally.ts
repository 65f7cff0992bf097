// The sum over many seeds, and what each hour of them held: an idle hour proves nothing.
import type { SeedCounts } from './run-seed.js';
import type { SeedOutcome } from './seed-outcome.js';
import { Digest } from './world/digest.js';

const HOUR_MS = 3_600_000;

/** Least of each in a simulated hour of the swarm, on average over many seeds. */
export const FLOORS: Readonly<Record<keyof Omit<SeedCounts, 'reportedLosses'>, number>> = {
  acknowledged: 1_000,
  elections: 40,
  crashes: 20,
  clientCrashes: 10,
  cuts: 10,
  switches: 4,
  powerLosses: 5,
  tornWrites: 20,
};

/** Simulated time below which floors say nothing. */
const FLOOR_FROM_HOURS = 1;

export interface TallyLine {
  readonly seeds: number;
  readonly violations: number;
  readonly digest: string;
  readonly simulatedHours: number;
  readonly events: number;
  readonly wallSeconds: number;
  readonly cpuSeconds: number;
  readonly failedSeeds: readonly number[];
  readonly perHour: Readonly<Record<string, number>>;
  /** What there was too little of; undefined for what floors say nothing of: short runs, and scenarios with a theme. */
  readonly belowFloor: readonly string[] | undefined;
  /** Up to which seed it came, if that is not what was asked for, and why. */
  readonly ended: string | undefined;
}

export class Tally {
  private readonly digest = new Digest();
  private readonly totals = new Map<string, number>();
  private readonly failed: number[] = [];
  private seeds = 0;
  private violations = 0;
  private simulatedMs = 0;
  private events = 0;
  private lastDigest = '';

  get count(): number {
    return this.seeds;
  }

  add(result: SeedOutcome): void {
    this.seeds++;
    this.violations += result.findings;
    this.lastDigest = result.digest;
    this.simulatedMs += result.simulatedMs;
    this.events += result.events;
    this.digest.text(result.digest);
    if (result.findings > 0) this.failed.push(result.seed);
    for (const [name, count] of Object.entries(result.counts))
      this.totals.set(name, (this.totals.get(name) ?? 0) + Number(count));
  }

  /** One seed has its own digest. */
  line(
    { wallSeconds, cpuSeconds }: { readonly wallSeconds: number; readonly cpuSeconds: number },
    withFloors: boolean,
    ended: string | undefined,
  ): TallyLine {
    const hours = this.simulatedMs / HOUR_MS;
    const perHour = Object.fromEntries(
      [...this.totals].map(([name, count]) => [name, hours === 0 ? 0 : Math.round(count / hours)]),
    );
    const belowFloor =
      !withFloors || hours < FLOOR_FROM_HOURS
        ? undefined
        : Object.entries(FLOORS)
            .filter(([name, floor]) => (perHour[name] ?? 0) < floor)
            .map(([name]) => name);
    return {
      seeds: this.seeds,
      violations: this.violations,
      digest: this.seeds === 1 ? this.lastDigest : this.digest.toString(),
      simulatedHours: round(hours, 6),
      events: this.events,
      wallSeconds: round(wallSeconds, 3),
      cpuSeconds: round(cpuSeconds, 3),
      failedSeeds: this.failed,
      ...{ perHour, belowFloor, ended },
    };
  }
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
