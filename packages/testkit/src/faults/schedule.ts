// Which fault comes in which round: a function of the seed and the number of the round alone.
import { SeededRandom } from '@zhumq/base';
import type { Random } from '@zhumq/base';
import { nemesisOf } from './nemeses/catalogue.js';
import type { NemesisName } from './nemeses/catalogue.js';

/** Spreads the numbers of rounds over the seeds of their generators. */
const ROUND_STEP = 0x9e3779b1;

export interface ScheduledRound {
  readonly number: number;
  readonly nemesis: NemesisName;
  /** For the nemesis to plan with. */
  readonly random: Random;
}

export class Schedule {
  private readonly totalWeight: number;

  constructor(
    private readonly seed: number,
    private readonly names: readonly NemesisName[],
  ) {
    this.totalWeight = names.reduce((sum, name) => sum + nemesisOf(name).weight, 0);
  }

  /** Numbers begin at 1. */
  round(number: number): ScheduledRound {
    const random = new SeededRandom(this.seed ^ Math.imul(number, ROUND_STEP));
    let left = random.below(this.totalWeight);
    const nemesis = this.names.find((name) => (left -= nemesisOf(name).weight) < 0);
    if (nemesis === undefined) throw new Error('there is no nemesis to choose from');
    return { number, nemesis, random };
  }
}
