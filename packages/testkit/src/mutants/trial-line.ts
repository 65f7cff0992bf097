// What trial.ts says of a seed, a line of JSON each, and hunt.ts reads.
import type { Finding } from '../simulation/observe/invariants.js';

export interface TrialLine {
  readonly seed: number;
  readonly events: number;
  /** Processor time of the program until then. */
  readonly cpuSeconds: number;
  readonly findings: readonly Finding[];
}

/** Of a finding: nobody caught an error. It may be that the mutant broke the program in another way than it says. */
export const UNCAUGHT = 'uncaught-error';
