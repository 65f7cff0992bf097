// Runs with a theme: what the seed draws, with more of one thing and less of others.
import { SeededRandom } from '@zhumq/base';
import { AIMED_SCENARIOS } from './aimed-scenarios.js';
import { planFaults } from './faults/fault-plan.js';
import type { FaultKind } from './faults/fault-plan.js';
import { swarmPlan } from './simulation-options.js';
import type { SimulationPlan } from './simulation-options.js';

interface Scenario {
  readonly about: string;
  readonly plan: (seed: number, durationMs: number | undefined) => SimulationPlan;
}

const SWITCH_EVERY_MS = 3_000;

export const SCENARIOS: Readonly<Record<string, Scenario>> = {
  swarm: { about: 'what the seed draws', plan: swarmPlan },
  calm: { about: 'no faults at all', plan: withFaults('calm', []) },
  crashes: {
    about: 'servers are killed, often right after something became durable',
    plan: withFaults('crashes', ['kill', 'crash-point', 'kill-all', 'pause']),
  },
  power: {
    about: 'machines lose power and what they had not synced',
    plan: withFaults('power', ['power-loss', 'power-point', 'power-loss-all', 'sync-failure']),
  },
  partitions: {
    about: 'the network is cut, in one direction or both',
    plan: withFaults('partitions', ['cut', 'one-way-cut', 'isolate', 'split', 'reset', 'pause']),
  },
  store: {
    about: 'the metadata store is away, loses connections, ends sessions',
    plan: withFaults('store', ['store-cut', 'store-break', 'session-expiry', 'crash-point']),
  },
  disk: {
    about: 'disks are full, and syncs fail once and then pretend that nothing was',
    plan: withFaults('disk', ['disk-full', 'sync-failure', 'power-point', 'kill']),
  },
  rot: {
    about: 'bits rot in the segments of one machine, which may be down, while servers are killed',
    plan: withFaults('rot', ['bit-rot', 'kill', 'isolate', 'reset']),
  },
  switches: {
    about: 'partitions change their replication mode all the time, with every kind of fault',
    plan: (seed, durationMs) => {
      const plan = swarmPlan(seed, durationMs);
      return { ...plan, scenario: 'switches', switchEveryMs: SWITCH_EVERY_MS * plan.pace };
    },
  },
  ...AIMED_SCENARIOS,
};

export const DEFAULT_SCENARIO = 'swarm';

/** Of a scenario that exists. */
export function planOf(
  scenario: string,
  seed: number,
  durationMs: number | undefined,
): SimulationPlan {
  return SCENARIOS[scenario].plan(seed, durationMs);
}

function withFaults(scenario: string, kinds: readonly FaultKind[]): Scenario['plan'] {
  return (seed, durationMs) => {
    const plan = swarmPlan(seed, durationMs);
    const faults = planFaults(
      new SeededRandom(seed ^ 0xfa17),
      plan.durationMs,
      plan.pace,
      plan.cluster,
      kinds,
    );
    return { ...plan, scenario, faults };
  };
}
