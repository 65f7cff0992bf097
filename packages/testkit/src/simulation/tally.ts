// The sum over many seeds, and what each hour of them held: an idle hour proves nothing.
import type { SeedCounts, SeedResult } from './run-seed.js';
import { Digest } from './world/digest.js';

const HOUR_MS = 3_600_000;

/** Least of each in a simulated hour of the swarm, on average over many seeds. */
export const FLOORS: Readonly<Record<keyof Omit<SeedCounts, 'reportedLosses'>, number>> = {
  acknowledged: 1_000,
  elections: 40,
  crashes: 20,
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
  /** What there was too little of; empty also for runs too short to tell. */
  readonly belowFloor: readonly string[];
}

export class Tally {
  private readonly digest = new Digest();
  private readonly totals = new Map<string, number>();
  private readonly failed: number[] = [];
  private seeds = 0;
  private violations = 0;
  private simulatedMs = 0;
  private events = 0;

  add(result: SeedResult): void {
    this.seeds++;
    this.violations += result.findings.length;
    this.simulatedMs += result.simulatedMs;
    this.events += result.events;
    this.digest.text(result.digest);
    if (result.findings.length > 0) this.failed.push(result.seed);
    for (const [name, count] of Object.entries(result.counts))
      this.totals.set(name, (this.totals.get(name) ?? 0) + Number(count));
  }

  /** One seed has its own digest. */
  line(wallSeconds: number, cpuSeconds: number, last: SeedResult, withFloors: boolean): TallyLine {
    const hours = this.simulatedMs / HOUR_MS;
    const perHour = Object.fromEntries(
      [...this.totals].map(([name, count]) => [name, Math.round(count / hours)]),
    );
    const belowFloor =
      !withFloors || hours < FLOOR_FROM_HOURS
        ? []
        : Object.entries(FLOORS)
            .filter(([name, floor]) => (perHour[name] ?? 0) < floor)
            .map(([name]) => name);
    return {
      seeds: this.seeds,
      violations: this.violations,
      digest: this.seeds === 1 ? last.digest : this.digest.toString(),
      simulatedHours: round(hours, 6),
      events: this.events,
      wallSeconds: round(wallSeconds, 3),
      cpuSeconds: round(cpuSeconds, 3),
      failedSeeds: this.failed,
      ...{ perHour, belowFloor },
    };
  }
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
