// The seed of what a test does at random: from ZHUMQ_SEED, or a new one that is printed. Signals and processes take their
// own time, so that the same seed gives the same deeds, not the same history.
import { randomInt } from 'node:crypto';
import { SeededRandom } from '@zhumq/base';
import { report } from './report.js';

export function seededRandom(): SeededRandom {
  const seed = Number(process.env.ZHUMQ_SEED ?? randomInt(2 ** 31));
  report(`ZHUMQ_SEED=${seed}`);
  return new SeededRandom(seed);
}
