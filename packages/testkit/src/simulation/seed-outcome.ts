// What is kept of a seed: small enough to be handed from process to process.
import { minimize } from './minimize.js';
import { runSeed } from './run-seed.js';
import type { SeedCounts, SeedResult } from './run-seed.js';
import type { SimulationPlan } from './simulation-options.js';

export interface SeedOutcome {
  readonly seed: number;
  readonly findings: number;
  readonly digest: string;
  readonly simulatedMs: number;
  readonly events: number;
  readonly counts: SeedCounts;
  /** Of a seed that fails: what was found, what came before it, and how to see it again. */
  readonly story: readonly string[];
}

export interface RunOptions {
  /** Of a seed that fails, a smaller run is looked for. */
  readonly minimize: boolean;
  readonly echo?: ((line: string) => void) | undefined;
}

/** Lines of the log of a seed that failed. */
const LAST_LINES = 60;

export async function runToOutcome(
  plan: SimulationPlan,
  options: RunOptions,
): Promise<SeedOutcome> {
  const result = await runSeed(plan, options.echo);
  const { seed, findings, digest, simulatedMs, events, counts } = result;
  const story = findings.length > 0 ? await tellFailure(plan, result, options) : [];
  return { seed, findings: findings.length, digest, simulatedMs, events, counts, story };
}

/** A seed whose process ended, or did not go on: as much a violation as any. */
export function lostOutcome(seed: number, scenario: string, what: string): SeedOutcome {
  return {
    ...{ seed, findings: 1, digest: '0', simulatedMs: 0, events: 0 },
    counts: {
      ...{ acknowledged: 0, elections: 0, crashes: 0, clientCrashes: 0, cuts: 0 },
      ...{ switches: 0, powerLosses: 0, tornWrites: 0, reportedLosses: 0 },
    },
    story: [
      `seed ${seed} fails: ${what}`,
      `again: npm run sim -- --seed ${seed} --scenario ${scenario} --trace`,
    ],
  };
}

async function tellFailure(
  plan: SimulationPlan,
  result: SeedResult,
  options: RunOptions,
): Promise<string[]> {
  const { seed, scenario } = plan;
  const lines = [`seed ${seed} fails after ${(result.simulatedMs / 1000).toFixed(1)} s:`];
  lines.push(...findingsOf(result), ...result.lastLines.slice(-LAST_LINES));
  if (options.minimize) {
    const small = await minimize(plan, result, (candidate) => runSeed(candidate));
    const { faults, durationMs } = small.plan;
    lines.push(`smaller (found in ${small.runs} runs): ${durationMs} ms, ${faults.length} faults`);
    lines.push(...faults.map((fault) => `  ${JSON.stringify(fault)}`));
    lines.push(...findingsOf(small.result), ...small.result.lastLines.slice(-LAST_LINES));
  }
  const duration = `${plan.durationMs / 1000}s`;
  lines.push(
    `again: npm run sim -- --seed ${seed} --scenario ${scenario} --duration ${duration} --trace`,
    `keep it in tests/simulation/seeds.txt: ${seed} ${scenario} ${duration} WHY`,
  );
  return lines;
}

function findingsOf({ findings }: SeedResult): string[] {
  return findings.map(({ check, sentence }) => `  ${check}: ${sentence}`);
}
