// One scripted scenario from its beginning to its verdict.
import type { SeedResult } from '../run-seed.js';
import { enterSimulation } from '../world/ambient.js';
import { World } from '../world/world.js';
import type { WorldOptions } from '../world/world.js';
import type { ScriptedScenario } from './scripted-scenario.js';
import { ScriptEnded, SESSION_MS, Stage } from './stage.js';

/** What ends a process that does not listen. */
const UNCAUGHT = ['unhandledRejection', 'uncaughtException'] as const;

const WORLD: WorldOptions = {
  network: { minDelayMs: 0.2, meanDelayMs: 0.3, splitProbability: 0 },
  ensemble: {
    ...{ sessionTimeoutMs: SESSION_MS, minDelayMs: 0.2, meanDelayMs: 0.5 },
    ...{ lostWatchProbability: 0, breakProbability: 0 },
  },
  deviceMs: 0.3,
  clockDrift: 0,
};

export async function runScript(
  { name, options, play }: ScriptedScenario,
  seed: number,
  echo?: (line: string) => void,
): Promise<SeedResult> {
  const world = new World(seed, WORLD);
  world.logs.echo = echo;
  const leave = enterSimulation(world.scheduler, world.entropy, echo === undefined ? 0 : 10);
  const stage = new Stage(world, name, options);
  const uncaught = (error: unknown): void => {
    const { current } = world.scheduler;
    if (!current.alive) return;
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    stage.report({ check: 'uncaught-error', sentence: `${current.name}: ${text}` });
  };
  world.scheduler.onUncaught = uncaught;
  for (const event of UNCAUGHT) process.on(event, uncaught);
  try {
    await stage.open();
    await play(stage);
    await stage.close();
  } catch (error) {
    if (!(error instanceof ScriptEnded)) throw error;
  } finally {
    stage.stop();
    for (const event of UNCAUGHT) process.off(event, uncaught);
    leave();
  }
  return resultOf(stage, seed);
}

function resultOf(
  { world, findings, history, invariants, store, clients }: Stage,
  seed: number,
): SeedResult {
  const faults = history.of('fault').filter(({ phase }) => phase === 'begun');
  const count = (...kinds: string[]): number =>
    faults.filter(({ fault }) => kinds.includes(fault)).length;
  for (const { sentence } of findings) world.scheduler.digest.text(sentence);
  return {
    ...{ seed, findings, history },
    digest: world.scheduler.digest.toString(),
    simulatedMs: world.nowMs,
    events: world.scheduler.events,
    counts: {
      acknowledged: clients.reduce((sum, { acknowledgements }) => sum + acknowledgements, 0),
      elections: invariants.elections + store.elections,
      ...{ crashes: count('kill', 'power-loss'), clientCrashes: 0 },
      ...{ cuts: count('cut'), switches: store.switches, powerLosses: count('power-loss') },
      ...{ tornWrites: 0, reportedLosses: store.losses },
    },
    lastLines: findings.length > 0 ? world.logs.texts() : [],
  };
}
