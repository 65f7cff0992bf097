// What is to go wrong in a run, and when: a list that is drawn before the run begins, so that a failing run can be
// repeated with less of it.
import type { Random } from '@zhumq/base';
import type { ClusterOptions } from '../simulated-cluster.js';

export type FaultKind =
  /** SIGKILL; started again after the duration. */
  | 'kill'
  /** The machine loses power: unsynced data are lost in part. */
  | 'power-loss'
  /** SIGSTOP for the duration. */
  | 'pause'
  /** Killed right after the next thing that it made durable. */
  | 'crash-point'
  /** The same with the power. */
  | 'power-point'
  /** The same of a client program. */
  | 'client-kill'
  | 'kill-all'
  | 'power-loss-all'
  /** Two machines do not hear each other. */
  | 'cut'
  /** One machine does not hear the other, which hears it. */
  | 'one-way-cut'
  /** A broker is alone; the store is reached by all. */
  | 'isolate'
  /** The brokers fall into two parts. */
  | 'split'
  /** The metadata store is not reached. */
  | 'store-cut'
  | 'store-break'
  | 'session-expiry'
  /** Delays of all links of a machine, times a lot. */
  | 'slow-network'
  /** Single connections break. */
  | 'reset'
  /** The wall clock of a machine jumps. */
  | 'clock-jump'
  | 'disk-full'
  /** Bits of a segment rot; of one machine in a run, which may be down. */
  | 'bit-rot'
  /** The machine loses power and comes back with an empty disk; the same one. */
  | 'disk-wipe'
  /** The next sync fails; the pages are dropped and called clean. */
  | 'sync-failure'
  /** A leader is cut off; whoever votes then loses power, and the one it voted for is cut off. Only where it is named. */
  | 'vote-point'
  /** A leader is struck, and so are the next two, as soon as they lead. Only where it is named. */
  | 'leader-point';

export interface FaultStep {
  readonly kind: FaultKind;
  readonly atMs: number;
  readonly durationMs: number;
  /** Any number: which machine, part or connection is meant. */
  readonly target: number;
  readonly other: number;
}

const KINDS: readonly (readonly [kind: FaultKind, weight: number])[] = [
  ['kill', 6],
  ['power-loss', 4],
  ['pause', 4],
  ['crash-point', 8],
  ['power-point', 5],
  ['kill-all', 1],
  ['power-loss-all', 1],
  ['cut', 4],
  ['one-way-cut', 4],
  ['isolate', 4],
  ['split', 2],
  ['store-cut', 3],
  ['store-break', 3],
  ['session-expiry', 2],
  ['slow-network', 2],
  ['reset', 4],
  ['clock-jump', 1],
  ['disk-full', 1],
  ['sync-failure', 1],
];

/** Drawn besides, from a generator of their own: the others stay what they were before there were these. */
const MORE_KINDS: readonly (readonly [kind: FaultKind, weight: number])[] = [
  ['client-kill', 6],
  ['disk-wipe', 4],
];

/** Not drawn unless they are named: they need a group that holds elections. */
const AIMED_KINDS: readonly (readonly [kind: FaultKind, weight: number])[] = [
  ['vote-point', 12],
  ['bit-rot', 8],
  ['leader-point', 12],
];

/** An election takes so long, or a little less. */
const VOTE_POINT_MS = 2_500;

/** How long before the end of a phase nothing new goes wrong. */
const CALM_MS = 500;

/** Each kind is on in about half of the runs, and one run in ten has none; or those that are named. */
export function planFaults(
  random: Random,
  durationMs: number,
  pace: number,
  { brokers }: Pick<ClusterOptions, 'brokers'>,
  named?: readonly FaultKind[],
  namedGapMs?: number,
): FaultStep[] {
  if (named === undefined && random.below(10) === 0) return [];
  const kinds =
    named === undefined
      ? KINDS.filter(() => random.below(2) === 0)
      : [...KINDS, ...MORE_KINDS, ...AIMED_KINDS].filter(([kind]) => named.includes(kind));
  if (kinds.length === 0) return [];
  const meanGapMs = namedGapMs ?? pace * (600 + random.fraction() * 4_000);
  return drawSteps(random, kinds, { durationMs, pace, brokers, meanGapMs });
}

/** What comes on top of that in the swarm. */
export function planMoreFaults(
  random: Random,
  durationMs: number,
  pace: number,
  { brokers }: Pick<ClusterOptions, 'brokers'>,
): FaultStep[] {
  const kinds = MORE_KINDS.filter(() => random.below(2) === 0);
  if (kinds.length === 0) return [];
  const meanGapMs = pace * (1_500 + random.fraction() * 6_000);
  return drawSteps(random, kinds, { durationMs, pace, brokers, meanGapMs });
}

interface StepRanges {
  readonly durationMs: number;
  readonly pace: number;
  readonly brokers: number;
  readonly meanGapMs: number;
}

function drawSteps(
  random: Random,
  kinds: readonly (readonly [kind: FaultKind, weight: number])[],
  { durationMs, pace, brokers, meanGapMs }: StepRanges,
): FaultStep[] {
  const weights = kinds.reduce((sum, [, weight]) => sum + weight, 0);
  const steps: FaultStep[] = [];
  for (
    let atMs = gap(random, meanGapMs);
    atMs < durationMs - CALM_MS;
    atMs += gap(random, meanGapMs)
  ) {
    const kind = draw(random, kinds, weights);
    const longest = pace * (random.below(5) === 0 ? 8_000 : 2_000);
    steps.push({
      ...{ kind, atMs },
      durationMs: kind === 'vote-point' ? pace * VOTE_POINT_MS : 50 + random.below(longest),
      ...{ target: random.below(brokers * 1_000), other: random.below(brokers * 1_000) },
    });
  }
  return steps;
}

function gap(random: Random, meanMs: number): number {
  return -Math.log(1 - random.fraction()) * meanMs;
}

function draw(
  random: Random,
  kinds: readonly (readonly [FaultKind, number])[],
  weights: number,
): FaultKind {
  let left = random.below(weights);
  for (const [kind, weight] of kinds) {
    left -= weight;
    if (left < 0) return kind;
  }
  return kinds[0][0];
}
