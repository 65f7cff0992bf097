// A program that switches partitions between the replication modes, now and then.
import { ZhumqError, delay } from '@zhumq/base';
import type { TopicPlan } from '../simulation-options.js';
import { nowAndThenMs } from './client-host.js';
import type { Program } from './client-host.js';

const SWITCH_TIMEOUT_MS = 20_000;

export function switchProgram(everyMs: number, topics: readonly TopicPlan[]): Program {
  return async ({ connect, random, clock, pace, ended, log }) => {
    const admin = (await connect()).admin();
    while (!ended()) {
      await delay(clock, nowAndThenMs(random, everyMs));
      if (ended()) return;
      const { topic, partitions } = topics[random.below(topics.length)];
      const partition = random.below(partitions);
      const to = random.below(2) === 0 ? 'raft' : 'fetch';
      try {
        await admin.switchMode({ topic, partition, to, wait: SWITCH_TIMEOUT_MS * pace });
      } catch (error) {
        if (!ZhumqError.is(error)) throw error;
        log(`the switch of ${topic}-${partition} to ${to}: ${error.message}`);
      }
    }
  };
}
