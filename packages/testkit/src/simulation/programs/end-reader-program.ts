// A program that asks where partitions end, again and again. In mode raft a quorum confirms the answer, so it is never less
// than what anybody knew to be committed when it was asked for.
import { ZhumqError, delay } from '@zhumq/base';
import type { TopicPlan } from '../simulation-options.js';
import type { Program } from './client-host.js';

const TIMEOUT_MS = 2_000;
const EVERY_MS = 200;

export interface EndJudge {
  /** What is known to be committed, and after how many reported losses. */
  committed(topic: string, partition: number): { readonly end: number; readonly losses: number };
  stale(sentence: string): void;
}

export function endReaderProgram(topics: readonly TopicPlan[], judge: EndJudge): Program {
  return async ({ connect, random, clock, pace, ended }) => {
    const admin = (await connect()).admin();
    while (!ended()) {
      await delay(clock, -Math.log(1 - random.fraction()) * EVERY_MS * pace);
      const { topic, partitions } = topics[random.below(topics.length)];
      const partition = random.below(partitions);
      const before = judge.committed(topic, partition);
      try {
        const timeout = TIMEOUT_MS * pace;
        const [found] = await admin.listOffsets({ topic, partitions: [partition] }, { timeout });
        if (found.offset >= before.end) continue;
        if (judge.committed(topic, partition).losses !== before.losses) continue;
        judge.stale(
          `${topic}-${partition} is said to end at ${found.offset}; ${before.end} was committed before that was asked`,
        );
      } catch (error) {
        if (!ZhumqError.is(error)) throw error;
      }
    }
  };
}
