// Scenarios that are aimed at one family of bugs: little but what such a bug needs, and much of that. The faults come
// closer together than in the swarm.
import { SeededRandom } from '@zhumq/base';
import { planFaults } from './faults/fault-plan.js';
import type { FaultKind } from './faults/fault-plan.js';
import { swarmPlan } from './simulation-options.js';
import type { ProducerPlan, SimulationPlan, TopicPlan } from './simulation-options.js';

interface Aim {
  readonly about: string;
  readonly kinds: readonly FaultKind[];
  /** Mean simulated time between two faults, times the pace. */
  readonly gapMs: number;
  readonly durationMs: number;
  readonly change: (plan: SimulationPlan) => Partial<SimulationPlan>;
}

/** What is acknowledged may be lost with the power. */
const LATE_SYNC = { flush: 'interval', 'flush.interval.ms': '200ms' };

/** As close together as it gets: what is on its way when something goes wrong is what matters here. */
const PACE = 1;
/** Mean time between two sends of a producer. */
const SEND_EVERY_MS = 80;

const AIMS: Readonly<Record<string, Aim>> = {
  elections: {
    about: 'leaders are cut off, and power is lost right after a vote',
    kinds: ['vote-point', 'isolate'],
    gapMs: 4_000,
    durationMs: 30_000,
    change: (plan) => ({
      ...only(plan, 'raft', { flush: 'fsync' }),
      // Records go one by one, so that some of them arrive and others do not.
      cluster: clusterOf(plan, { 'raft.append.max.bytes': '1KiB' }),
      world: {
        ...plan.world,
        network: { ...plan.world.network, meanDelayMs: 1 },
        deviceMs: 10,
      },
    }),
  },
  reads: {
    about: 'leaders stand still or are cut off while somebody asks where their logs end',
    kinds: ['pause', 'vote-point', 'one-way-cut', 'slow-network', 'isolate'],
    gapMs: 1_500,
    durationMs: 16_000,
    change: (plan) => ({ ...only(plan, 'raft', {}), endReaders: 3 }),
  },
  switching: {
    about: 'one partition is switched to the other mode and back all the time',
    kinds: [
      ...(['isolate', 'cut', 'one-way-cut', 'kill', 'crash-point', 'power-point'] as const),
      ...(['session-expiry', 'pause'] as const),
    ],
    gapMs: 1_000,
    durationMs: 16_000,
    change: (plan) => ({
      ...only(plan, plan.topics[0].mode, plan.seed % 2 === 0 ? LATE_SYNC : {}),
      switchEveryMs: 1_000 * plan.pace,
    }),
  },
  aborting: {
    about: 'the same, and a switch that is not done at once is given up',
    kinds: ['isolate', 'cut', 'one-way-cut', 'kill', 'crash-point', 'session-expiry', 'pause'],
    gapMs: 1_000,
    durationMs: 16_000,
    change: (plan) => ({
      ...only(plan, plan.topics[0].mode, {}),
      cluster: hasty(clusterOf(plan, {})),
      switchEveryMs: 1_000 * plan.pace,
    }),
  },
  fetching: {
    about: 'partitions in mode fetch change their leaders all the time',
    kinds: [
      ...(['isolate', 'cut', 'one-way-cut', 'session-expiry', 'pause', 'reset'] as const),
      ...(['kill', 'crash-point', 'power-point', 'store-cut', 'leader-point'] as const),
    ],
    gapMs: 900,
    durationMs: 16_000,
    change: (plan) => only(plan, 'fetch', {}),
  },
  losses: {
    about: 'partitions in mode fetch that sync late, and power that goes in several places',
    kinds: ['power-loss', 'power-point', 'isolate', 'session-expiry', 'kill', 'power-loss-all'],
    gapMs: 900,
    durationMs: 16_000,
    change: (plan) =>
      // In every other run somebody leads at the price of a reported loss, and the others must follow.
      only(plan, 'fetch', {
        ...LATE_SYNC,
        ...(plan.seed % 2 === 0 ? { 'unclean.leader.election': 'true' } : {}),
      }),
  },
  forgetting: {
    about: 'partitions in mode raft that sync late, and power that goes in several places',
    kinds: ['power-loss', 'power-point', 'isolate', 'cut', 'vote-point'],
    gapMs: 900,
    durationMs: 16_000,
    change: (plan) => only(plan, 'raft', LATE_SYNC),
  },
  recycling: {
    about: 'so much is written that files of the write-ahead log are used again, and power is lost',
    kinds: ['power-loss', 'power-point', 'crash-point', 'kill', 'power-loss-all', 'isolate'],
    gapMs: 1_500,
    durationMs: 12_000,
    change: (plan) => ({
      ...only(plan, 'raft', {}),
      producers: [60_000, 30_000].map((maxValueBytes) => ({
        ...{ acks: 'all' as const, linger: 0, maxValueBytes },
        intervalMs: 100 * plan.pace,
      })),
    }),
  },
  members: {
    about: 'groups whose members, coordinators and connections come and go',
    kinds: ['kill', 'crash-point', 'isolate', 'vote-point', 'one-way-cut', 'reset', 'pause'],
    gapMs: 1_200,
    durationMs: 16_000,
    change: (plan) => ({
      ...only(plan, 'raft', {}),
      topics: [topicOf(plan, 'raft', {}, 3)],
      groups: [{ group: 'workers', delivery: ['pull', 'push', 'pull'] }],
    }),
  },
  sleepers: {
    about: 'partitions in mode raft with so little traffic that they sleep most of the time',
    kinds: [
      ...(['kill', 'crash-point', 'isolate', 'one-way-cut', 'cut'] as const),
      ...(['pause', 'reset', 'sync-failure', 'slow-network'] as const),
    ],
    gapMs: 3_000,
    durationMs: 40_000,
    change: (plan) => ({
      ...only(plan, 'raft', {}),
      cluster: clusterOf(plan, { 'raft.sleep.ticks': '4' }),
      topics: [topicOf(plan, 'raft', {}, 4)],
      producers: [{ acks: 'all', intervalMs: 3_000 * plan.pace, maxValueBytes: 200, linger: 0 }],
    }),
  },
  controllers: {
    about: 'zkservers and the metadata store fail while partitions change leaders and modes',
    kinds: ['store-cut', 'store-break', 'session-expiry', 'pause', 'crash-point', 'isolate'],
    gapMs: 900,
    durationMs: 16_000,
    change: (plan) => ({
      switchEveryMs: 3_000 * plan.pace,
      readers: [],
      groups: [],
      world: {
        ...plan.world,
        ensemble: { ...plan.world.ensemble, lostWatchProbability: 0.05, breakProbability: 0.02 },
      },
    }),
  },
};

export const AIMED_SCENARIOS = Object.fromEntries(
  Object.entries(AIMS).map(([name, { about }]) => [
    name,
    { about, plan: (seed: number, givenMs: number | undefined) => planOf(name, seed, givenMs) },
  ]),
);

function planOf(name: string, seed: number, givenMs: number | undefined): SimulationPlan {
  const { kinds, gapMs, durationMs: normalMs, change } = AIMS[name];
  const drawn = swarmPlan(seed, givenMs, PACE);
  const { pace, cluster } = drawn;
  const durationMs = givenMs ?? normalMs * pace;
  const random = new SeededRandom(seed ^ 0xa13ed);
  const faults = planFaults(random, durationMs, pace, cluster, kinds, gapMs * pace);
  return { ...drawn, durationMs, scenario: name, faults, ...change(drawn) };
}

/** One topic in that mode, on three replicas, with producers of acks all and leader, and nobody else. */
function only(
  plan: SimulationPlan,
  mode: TopicPlan['mode'],
  config: Readonly<Record<string, string>>,
): Partial<SimulationPlan> {
  const producer: Omit<ProducerPlan, 'acks'> = {
    ...{ intervalMs: SEND_EVERY_MS * plan.pace, maxValueBytes: 1_000, linger: 0 },
  };
  return {
    cluster: clusterOf(plan, {}),
    topics: [topicOf(plan, mode, config, 1)],
    producers: [
      { ...producer, acks: 'all' },
      { ...producer, acks: 'leader' },
    ],
    readers: [],
    groups: [],
    switchEveryMs: 0,
  };
}

function clusterOf(
  { cluster }: SimulationPlan,
  flags: Readonly<Record<string, string>>,
): SimulationPlan['cluster'] {
  return { ...cluster, brokers: 3, brokerFlags: { ...cluster.brokerFlags, ...flags } };
}

function hasty(cluster: SimulationPlan['cluster']): SimulationPlan['cluster'] {
  return { ...cluster, zkServerFlags: { ...cluster.zkServerFlags, 'switch.timeout.ms': '1s' } };
}

function topicOf(
  { topics: [drawn] }: SimulationPlan,
  mode: TopicPlan['mode'],
  config: Readonly<Record<string, string>>,
  partitions: number,
): TopicPlan {
  return {
    ...{ topic: `orders-${mode}`, partitions, replicas: 3, mode },
    config: { ...drawn.config, ...config },
  };
}
