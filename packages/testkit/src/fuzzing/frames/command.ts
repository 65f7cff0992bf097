// npm run fuzz -- frames: how many frames, at which servers, and what is said of them.
import { parseArgs } from 'node:util';

export type TargetChoice = 'broker' | 'zkserver' | 'store' | 'client' | 'all';

export interface FramesCommand {
  readonly seed: number;
  readonly count: number;
  readonly target: TargetChoice;
  readonly brokers: number;
  readonly zkservers: number;
  readonly json: boolean;
  /** Keeps the folder of the servers: logs and data. */
  readonly keep: boolean;
  /** A file that a violation left: sends these bytes once more. */
  readonly replay: string | undefined;
  /** Loaded into brokers before their program; for proofs that a broken server is found. */
  readonly brokerPreloads: readonly string[];
}

const TARGETS: readonly string[] = ['broker', 'zkserver', 'store', 'client', 'all'];

export const FRAMES_USAGE = `npm run fuzz -- frames --seed S --count N [--target broker|zkserver|store|client|all] [-o json]

  --seed S       what is drawn (default 1); identities of the cluster differ from run to run
  --count N      frames to send in all (default 20000)
  --target T     whom to attack (default all); client: a rogue server answers @zhumq/client
  --brokers N    brokers of the cluster (default 3)
  --zkservers N  zkservers of the cluster (default 1)
  --replay FILE  sends the bytes that a violation left behind, alone, and tells what they do
  --keep         leaves logs and data behind, and names the folder
  --preload FILE loads it into every broker: a proof that a broken server is found
  -o json        the last line is one JSON object`;

/** Throws with a sentence for people. */
export function parseFramesCommand(args: readonly string[]): FramesCommand {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seed: { type: 'string', default: '1' },
      count: { type: 'string', default: '20000' },
      target: { type: 'string', default: 'all' },
      brokers: { type: 'string', default: '3' },
      zkservers: { type: 'string', default: '1' },
      replay: { type: 'string' },
      keep: { type: 'boolean', default: false },
      preload: { type: 'string', multiple: true, default: [] },
      output: { type: 'string', short: 'o', default: 'text' },
    },
  });
  const { output, target, keep, replay, preload } = values;
  if (output !== 'text' && output !== 'json') throw new Error(`-o ${output}: it is text or json`);
  if (!TARGETS.includes(target)) throw new Error(`--target ${target}: it is ${TARGETS.join(', ')}`);
  return {
    seed: wholeNumber('--seed', values.seed, 0),
    count: wholeNumber('--count', values.count, 1),
    brokers: wholeNumber('--brokers', values.brokers, 1),
    zkservers: wholeNumber('--zkservers', values.zkservers, 1),
    ...{ target: target as TargetChoice, json: output === 'json', keep, replay },
    brokerPreloads: preload,
  };
}

function wholeNumber(name: string, text: string, least: number): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= least && text.trim() !== '') return value;
  throw new Error(`${name} ${text}: it takes a whole number from ${least} on`);
}
