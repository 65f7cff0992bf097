// A process that runs the seeds which its parent names, one after the other, and says now and then that it goes on: the
// parent takes one that does not for a seed that never ends.
import { planOf } from './scenarios.js';
import { runToOutcome } from './seed-outcome.js';
import type { SeedOutcome } from './seed-outcome.js';
import { keepStandIns } from './world/ambient.js';

export interface SeedRequest {
  readonly seed: number;
  readonly scenario: string;
  readonly durationMs: number | undefined;
  readonly minimize: boolean;
}

export interface SeedReport {
  /** Undefined: it goes on. */
  readonly outcome?: SeedOutcome;
  /** Of this process so far. */
  readonly cpuSeconds: number;
}

const SIGN_OF_LIFE_MS = 5_000;

function report(outcome?: SeedOutcome): void {
  const { user, system } = process.cpuUsage();
  process.send?.({ outcome, cpuSeconds: (user + system) / 1e6 } satisfies SeedReport);
}

// The parent decides when it is over.
process.on('SIGINT', () => undefined);
process.on('disconnect', () => process.exit());
setInterval(report, SIGN_OF_LIFE_MS).unref();
keepStandIns();
process.on('message', ({ seed, scenario, durationMs, minimize }: SeedRequest) => {
  void runToOutcome(planOf(scenario, seed, durationMs), { minimize }).then(report);
});
