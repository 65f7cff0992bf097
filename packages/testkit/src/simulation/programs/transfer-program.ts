// A program that wants another leader for some partition, now and then.
import { ZhumqError, delay } from '@zhumq/base';
import type { TopicPlan } from '../simulation-options.js';
import { nowAndThenMs } from './client-host.js';
import type { Program } from './client-host.js';

const TRANSFER_TIMEOUT_MS = 5_000;

export function transferProgram(
  everyMs: number,
  topics: readonly TopicPlan[],
  brokers: number,
): Program {
  return async ({ connect, random, clock, pace, ended, log }) => {
    const admin = (await connect()).admin();
    while (!ended()) {
      await delay(clock, nowAndThenMs(random, everyMs));
      if (ended()) return;
      const { topic, partitions } = topics[random.below(topics.length)];
      const partition = random.below(partitions);
      const broker = 1 + random.below(brokers);
      try {
        const choice = { topic, partition, broker };
        await admin.electLeader(choice, { timeout: TRANSFER_TIMEOUT_MS * pace });
      } catch (error) {
        if (!ZhumqError.is(error)) throw error;
        log(`broker ${broker} as the leader of ${topic}-${partition}: ${error.message}`);
      }
    }
  };
}
