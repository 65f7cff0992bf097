// Switches a topic between the replication modes again and again, and records what the cluster says of each switch.
import { ZhumqError, delay } from '@zhumq/base';
import type { Client } from '@zhumq/client';
import type { Recorder } from '../../history/history.js';
import type { Program } from '../../simulation/programs/client-host.js';
import { pick } from '../nemeses/nemesis.js';

const SWITCH_TIMEOUT_MS = 40_000;
/** How soon it sees that the run ends. */
const LOOK_MS = 250;
const MODES = ['raft', 'fetch'] as const;

/** The pace is real time. */
export function switchingProgram(topic: string, everyMs: number, log: SwitchLog): Program {
  return async (context) => {
    const client = await context.connect();
    while (!context.ended()) {
      const next = performance.now() + everyMs;
      while (performance.now() < next && !context.ended()) await delay(context.clock, LOOK_MS);
      if (context.ended()) return;
      const to = pick(context.random, MODES);
      try {
        await client.admin().switchMode({ topic, to, wait: SWITCH_TIMEOUT_MS });
        await log.look(client, topic);
      } catch (error) {
        if (!ZhumqError.is(error)) throw error;
        context.log(`the switch of ${topic} to ${to}: ${error.message}`);
      }
    }
  };
}

/** Records each switch of each partition once. */
export class SwitchLog {
  private readonly known = new Set<string>();

  constructor(private readonly history: Recorder) {}

  get count(): number {
    return this.known.size;
  }

  async look(client: Client, topic: string): Promise<void> {
    for (const one of await client.admin().describePartitions(topic)) {
      const { partition, generation, seal, lastSwitch, transition } = one;
      if (lastSwitch === undefined || transition !== undefined) continue;
      const key = `${partition} ${lastSwitch.id}`;
      if (this.known.has(key)) continue;
      this.known.add(key);
      this.history.record({
        ...{ kind: 'switch', topic, partition, to: lastSwitch.to, generation },
        phase: lastSwitch.done ? 'done' : 'aborted',
        ...(seal !== undefined && { sealEpoch: seal.epoch, sealOffset: seal.offset }),
      });
    }
  }
}
