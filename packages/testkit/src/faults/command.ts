// npm run faults: what is asked for.
import { parseArgs } from 'node:util';
import { parseDurationMs } from '@zhumq/base';
import { NEMESES, namesOf } from './nemeses/catalogue.js';
import type { NemesisName } from './nemeses/catalogue.js';

const MIN_BROKERS = 3;
const MAX_BROKERS = 5;
const MAX_ZKSERVERS = 3;
const MAX_ROUNDS = 1_000_000;

export interface FaultsCommand {
  readonly seed: number;
  readonly durationMs: number;
  /** Undefined: as many as there is time for. */
  readonly rounds: number | undefined;
  readonly nemeses: readonly NemesisName[];
  /** Undefined: the seed says. */
  readonly brokers: number | undefined;
  readonly zkservers: number;
  readonly zookeepers: number;
  readonly network: 'auto' | 'namespaces' | 'proxies';
  readonly ledger: string | undefined;
  /** Pretends one acknowledged message that was never sent: the judge must find it. */
  readonly pretendLoss: boolean;
  /** The folder stays, also of a clean run. */
  readonly keep: boolean;
  readonly json: boolean;
}

const NEMESIS_LINES = Object.entries(NEMESES)
  .map(([name, { about }]) => `  ${name.padEnd(19)} ${about}`)
  .join('\n');

export const USAGE = `npm run faults -- --seed S --duration 10m [--nemesis LIST] [-o json]

Starts a real cluster (ZooKeeper, zkservers, brokers as processes), uses it, breaks it, heals it, and judges what its
clients saw: docs/testing-faults.md.

  --seed S           decides which fault comes in which round, and hits whom (default 1)
  --duration D       of the rounds; starting, reading everything and judging come on top (default 1m)
  --rounds N         ends after so many rounds, too (default: no limit)
  --nemesis LIST     all (default), none, or some of those below; "kill" stands for all that begin with it
  --brokers N        ${MIN_BROKERS} to ${MAX_BROKERS} (default: the seed says)
  --zkservers N      1 to ${MAX_ZKSERVERS} (default 2)
  --zookeepers N     1 or 3 (default 3)
  --network KIND     namespaces, proxies, or auto (default): namespaces where they can be made
  --ledger FILE      appends a row with the figures of this run
  --pretend-loss     tests the judge: says that one message more was acknowledged than was sent
  --keep             keeps logs, data and history of a clean run, too
  -o json            the last line is one JSON object

Nemeses:
${NEMESIS_LINES}

Exit codes: 0 clean, 1 not, 2 wrong usage.`;

/** Throws with a sentence for people. */
export function parseCommand(args: readonly string[]): FaultsCommand {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seed: { type: 'string', default: '1' },
      duration: { type: 'string', default: '1m' },
      rounds: { type: 'string' },
      nemesis: { type: 'string', default: 'all' },
      brokers: { type: 'string' },
      zkservers: { type: 'string', default: '2' },
      zookeepers: { type: 'string', default: '3' },
      network: { type: 'string', default: 'auto' },
      ledger: { type: 'string' },
      'pretend-loss': { type: 'boolean', default: false },
      keep: { type: 'boolean', default: false },
      output: { type: 'string', short: 'o', default: 'text' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) throw new Error(USAGE);
  const { brokers, rounds } = values;
  return {
    seed: wholeNumber('--seed', values.seed, 0, 2 ** 32 - 1),
    durationMs: durationOf(values.duration),
    rounds: rounds === undefined ? undefined : wholeNumber('--rounds', rounds, 1, MAX_ROUNDS),
    nemeses: namesOf(values.nemesis),
    brokers:
      brokers === undefined
        ? undefined
        : wholeNumber('--brokers', brokers, MIN_BROKERS, MAX_BROKERS),
    zkservers: wholeNumber('--zkservers', values.zkservers, 1, MAX_ZKSERVERS),
    zookeepers: Number(oneOf('--zookeepers', values.zookeepers, ['1', '3'])),
    network: oneOf('--network', values.network, ['auto', 'namespaces', 'proxies']),
    ledger: values.ledger,
    pretendLoss: values['pretend-loss'],
    keep: values.keep,
    json: oneOf('-o', values.output, ['text', 'json']) === 'json',
  };
}

function wholeNumber(name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= least && value <= most && text.trim() !== '')
    return value;
  throw new Error(`${name} ${text}: it takes a whole number from ${least} to ${most}`);
}

function oneOf<T extends string>(name: string, text: string, allowed: readonly T[]): T {
  const found = allowed.find((one) => one === text);
  if (found === undefined) throw new Error(`${name} ${text}: it is one of ${allowed.join(', ')}`);
  return found;
}

function durationOf(text: string): number {
  const durationMs = parseDurationMs(text, 's');
  if (durationMs === undefined || durationMs < 0)
    throw new Error(`--duration ${text}: it takes a time such as 30s, 10m or 1h`);
  return durationMs;
}
