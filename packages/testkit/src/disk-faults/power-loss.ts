// What a machine that fails leaves on its disk: the corners of what the disk may do, and chance.
import { SeededRandom } from '@zhumq/base';
import type { Random } from '@zhumq/base';

export interface Outcome {
  readonly name: string;
  /** undefined: only the process dies, what it wrote is all there. */
  readonly survivors: Random | undefined;
}

/**
 * FaultyFileSystem asks of every unsynced change of a name 1 of 2 (0: lost), of every unsynced write 1 of 4 (0: lost, 1:
 * all of it, 2: its beginning, 3: any of its sectors).
 */
function fixed(names: 0 | 1, writes: 0 | 1): Random {
  return { below: (limit) => (limit === 2 ? names : writes), fraction: () => 0 };
}

const CORNERS: readonly (readonly [string, () => Random | undefined])[] = [
  ['kill', () => undefined],
  ['none', () => fixed(0, 0)],
  ['all', () => fixed(1, 1)],
  ['names', () => fixed(1, 0)],
  ['bytes', () => fixed(0, 1)],
];

export const RANDOM_OUTCOMES = 4;

/** Names of what is tried after every operation. */
export const OUTCOMES: readonly string[] = [
  ...CORNERS.map(([name]) => name),
  ...Array.from({ length: RANDOM_OUTCOMES }, (_, at) => `some${at}`),
];

export function outcomeOf(name: string, seed: number): Outcome {
  const corner = CORNERS.find(([known]) => known === name);
  if (corner !== undefined) return { name, survivors: corner[1]() };
  const number = /^some(\d+)$/.exec(name)?.[1];
  if (number === undefined) throw new Error(`there is no outcome ${name}`);
  return { name, survivors: new SeededRandom(seed * 31 + Number(number)) };
}
