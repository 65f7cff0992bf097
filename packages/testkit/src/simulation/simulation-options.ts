// What one seed runs: drawn from it, so that every run is another cluster, load, world and plan of faults. A feature that
// is off in a run makes room for the others (swarm testing).
import { SeededRandom } from '@zhumq/base';
import type { Random } from '@zhumq/base';
import { planFaults, planMoreFaults } from './faults/fault-plan.js';
import type { FaultStep } from './faults/fault-plan.js';
import type { WorldOptions } from './world/world.js';
import type { ClusterOptions } from './simulated-cluster.js';

export interface TopicPlan {
  readonly topic: string;
  readonly partitions: number;
  readonly replicas: number;
  readonly mode: 'raft' | 'fetch';
  readonly config: Readonly<Record<string, string>>;
}

export interface ProducerPlan {
  readonly acks: 'all' | 'leader' | 'none';
  /** Mean time between two sends. */
  readonly intervalMs: number;
  readonly maxValueBytes: number;
  readonly linger: number;
}

export interface ReaderPlan {
  readonly delivery: 'pull' | 'push';
}

export interface GroupPlan {
  readonly group: string;
  readonly delivery: readonly ('pull' | 'push')[];
  /** Its members keep their ids over restarts. */
  readonly isStatic?: boolean;
  /** Mean time between two times at which somebody sets its positions; without it: never. */
  readonly resetEveryMs?: number | undefined;
}

export interface SimulationPlan {
  readonly seed: number;
  readonly scenario: string;
  /** Simulated, of the phase with faults. */
  readonly durationMs: number;
  /** Everything that waits, waits so many times longer: elections, sessions, sends, faults. Less happens in an hour. */
  readonly pace: number;
  readonly world: WorldOptions;
  readonly cluster: ClusterOptions;
  readonly topics: readonly TopicPlan[];
  readonly producers: readonly ProducerPlan[];
  readonly readers: readonly ReaderPlan[];
  readonly groups: readonly GroupPlan[];
  /** Programs that ask where partitions end; for topics that stay in mode raft. */
  readonly endReaders?: number;
  /** Mean time between two mode switches; 0: none. */
  readonly switchEveryMs: number;
  /** Mean time between two wishes for another leader; 0: none. */
  readonly transferEveryMs: number;
  readonly faults: readonly FaultStep[];
}

/** Everything that runs in simulations: small files and buffers, because memory is filled at every start. */
const BROKER_FLAGS = {
  'wal.file.bytes': '1MiB',
  'wal.checkpoint.bytes': '1MiB',
  'disk.reserve.bytes': '64KiB',
  'cache.tail.bytes': '1MiB',
  'cache.block.bytes': '1MiB',
};

/** Of the phase with faults, times the pace: such a run takes less than half a second. */
const SHORT_RUN_MS = 8_000;

/** `givenMs` undefined: short, and longer where less happens at a time. */
export function swarmPlan(
  seed: number,
  givenMs: number | undefined,
  givenPace?: number,
): SimulationPlan {
  const random = new SeededRandom(seed ^ 0x5eed);
  const drawnPace = pick(random, [1, 2, 4, 8, 16]);
  const pace = givenPace ?? drawnPace;
  const durationMs = givenMs ?? SHORT_RUN_MS * pace;
  const brokers = pick(random, [3, 3, 3, 3, 3, 4, 5, 5, 7]);
  const tickMs = pace * pick(random, [50, 100]);
  const sessionTimeoutMs = Math.min(pace * pick(random, [2_000, 4_000]), 60_000);
  const lagMs = pace * pick(random, [2_000, 5_000]);
  const cluster: ClusterOptions = {
    ...{ brokers, zkservers: 2 },
    brokerFlags: {
      ...BROKER_FLAGS,
      'raft.tick.ms': `${tickMs}ms`,
      'raft.sleep.ticks': pick(new SeededRandom(seed ^ 0x51ee9), ['0', '4', '12', '60']),
      'session.timeout': `${sessionTimeoutMs}ms`,
      'replica.lag.time.max.ms': `${lagMs}ms`,
      'fetch.wait.max.ms': `${lagMs / 4}ms`,
      'group.heartbeat.ms': `${pace}s`,
      'delivery.heartbeat.ms': `${pace}s`,
      'stop.grace.ms': '0ms',
    },
    zkServerFlags: {
      'session.timeout': `${sessionTimeoutMs}ms`,
      'groups.partitions': '1',
      'leader.balance.interval': pick(random, ['0s', `${10 * pace}s`]),
      'reconcile.interval': `${5 * pace}s`,
      'switch.timeout.ms': `${pace * pick(random, [4, 15])}s`,
      'recovery.wait.ms': `${4 * pace}s`,
    },
  };
  const topics = drawTopics(random, brokers);
  const groups = drawGroups(random);
  const world = drawWorld(random, sessionTimeoutMs);
  const producers = drawProducers(random, pace);
  const readers: ReaderPlan[] = [{ delivery: pick(random, ['pull', 'pull', 'push']) }];
  const switchEveryMs = random.below(2) === 0 ? 0 : pace * (3_000 + random.below(8_000));
  return {
    ...{ seed, scenario: 'swarm', durationMs, pace, cluster, topics },
    ...{ producers, readers, switchEveryMs },
    ...drawRest(new SeededRandom(seed ^ 0x4e57), {
      ...{ pace, durationMs, cluster, topics, groups, world, switchEveryMs },
      faults: planFaults(random, durationMs, pace, cluster),
    }),
  };
}

/** From a generator of its own, so that what a seed drew before there was this is still what it draws. */
function drawRest(
  random: Random,
  drawn: Pick<
    SimulationPlan,
    'pace' | 'durationMs' | 'cluster' | 'topics' | 'groups' | 'faults' | 'world' | 'switchEveryMs'
  >,
): Pick<SimulationPlan, 'transferEveryMs' | 'groups' | 'faults' | 'world'> {
  const { pace, durationMs, cluster, faults } = drawn;
  const transferEveryMs = random.below(3) === 0 ? pace * (1_000 + random.below(5_000)) : 0;
  const isStatic = random.below(3) === 0;
  const resetEveryMs = random.below(2) === 0 ? pace * (3_000 + random.below(6_000)) : undefined;
  const groups = drawn.groups.map((group) => ({ ...group, isStatic, resetEveryMs }));
  const lagMs = random.below(3) === 0 ? pace * logUniform(random, 20, 500) : undefined;
  const world = { ...drawn.world, ensemble: { ...drawn.world.ensemble, lagMs } };
  if (faults.length === 0) return { transferEveryMs, groups, faults, world };
  const more = planMoreFaults(random, durationMs, pace, cluster);
  // One disk that is lost is survived where no other replica may lack what it acknowledged: in mode raft, synced.
  const mayWipe =
    drawn.switchEveryMs === 0 &&
    drawn.topics.every(({ mode, config }) => mode === 'raft' && config.flush !== 'interval') &&
    !faults.some(({ kind }) => kind.startsWith('power') || kind === 'sync-failure');
  const survivable = more.filter(({ kind }) => kind !== 'disk-wipe' || mayWipe);
  const together = [...faults, ...survivable].toSorted((one, other) => one.atMs - other.atMs);
  return { transferEveryMs, groups, faults: together, world };
}

function drawWorld(random: Random, sessionTimeoutMs: number): WorldOptions {
  const often = random.below(4) === 0;
  return {
    network: {
      minDelayMs: 0.05 + random.fraction(),
      meanDelayMs: logUniform(random, 0.2, 10),
      splitProbability: random.below(2) === 0 ? 0 : 0.05,
    },
    ensemble: {
      sessionTimeoutMs,
      minDelayMs: 0.2,
      meanDelayMs: logUniform(random, 0.5, 20),
      lostWatchProbability: often ? 0.05 : 0,
      breakProbability: often ? 0.01 : 0,
    },
    deviceMs: logUniform(random, 0.2, 20),
    clockDrift: random.below(2) === 0 ? 0 : 0.02,
  };
}

function drawTopics(random: Random, brokers: number): TopicPlan[] {
  const modes = pick(random, [['raft'], ['fetch'], ['raft', 'fetch'], ['raft', 'fetch']] as const);
  return modes.map((mode) => ({
    topic: `orders-${mode}`,
    partitions: 1 + random.below(2),
    replicas: Math.min(brokers, pick(random, [3, 3, 3, 5])),
    mode,
    config: {
      'min.insync.replicas': '2',
      // What is acknowledged before it is on disk may be lost with the power; that is judged by what was reported.
      ...(random.below(4) === 0 ? { flush: 'interval', 'flush.interval.ms': '200ms' } : {}),
      ...(random.below(3) === 0 ? { 'segment.bytes': '64KiB' } : {}),
    },
  }));
}

function drawProducers(random: Random, pace: number): ProducerPlan[] {
  const plans: ProducerPlan[] = [];
  for (const acks of ['all', 'leader', 'none'] as const) {
    const count = acks === 'all' ? 1 + random.below(2) : random.below(2);
    for (let n = 0; n < count; n++) {
      plans.push({
        acks,
        intervalMs: pace * logUniform(random, 100, 1_000),
        maxValueBytes: pick(random, [40, 200, 4_000]),
        linger: pick(random, [0, 0, 20]),
      });
    }
  }
  return plans;
}

function drawGroups(random: Random): GroupPlan[] {
  if (random.below(2) === 0) return [];
  const count = 1 + random.below(3);
  const delivery = Array.from({ length: count }, () => pick(random, ['pull', 'push'] as const));
  return [{ group: 'workers', delivery }];
}

export function pick<T>(random: Random, from: readonly T[]): T {
  return from[random.below(from.length)];
}

function logUniform(random: Random, from: number, to: number): number {
  return from * (to / from) ** random.fraction();
}
