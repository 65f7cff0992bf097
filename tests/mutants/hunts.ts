// Where mutants are hunted. All begin with the first seed: no seed is chosen because it is known to kill.
import type { Hunt } from '@zhumq/testkit';

const SEEDS = 1_000;

export function huntIn(scenario: string): Hunt {
  return { scenario, seed: 1, seeds: SEEDS };
}

/** A script that leads to the very moment; what it does is the same with every seed. */
export function once(scenario: string): Hunt {
  return { scenario, seed: 1, seeds: 1 };
}
