// A scenario by its name: what a seed draws, or a script.
import { runSeed } from './run-seed.js';
import type { SeedResult } from './run-seed.js';
import { planOf } from './scenarios.js';
import { scriptsNamed } from './scripted/index.js';
import { runScript } from './scripted/run-script.js';

export function runScenario(name: string, seed: number, durationMs?: number): Promise<SeedResult> {
  const [script] = scriptsNamed(name);
  if (script !== undefined) return runScript(script, seed);
  return runSeed(planOf(name, seed, durationMs));
}
