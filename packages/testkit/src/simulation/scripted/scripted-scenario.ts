// An execution that a rule answers, as a script: who does what, in which order, and what must be seen on the way.
import type { Stage, StageOptions } from './stage.js';

export interface ScriptedScenario {
  /** `rule-NN-…`: what the rule says, in short; `pitfall-…`: what others fell into. */
  readonly name: string;
  /** The execution, in a sentence. */
  readonly about: string;
  readonly options: StageOptions;
  /** Called when the topic is made and everything runs. */
  readonly play: (stage: Stage) => Promise<void>;
}
