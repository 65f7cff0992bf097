// Load processes that read: everything back once, many readers of the same, or members of a group.
import { until } from './conditions.js';
import type { ReadJob, ReadOutcome } from './load/jobs.js';
import { LoadFleet } from './load/load-fleet.js';
import { LOOK_MS, unlessAborted } from './run.js';
import type { Run } from './run.js';

/** Where each partition of the topic ends now. */
export interface TopicEnd {
  readonly partition: number;
  readonly offset: number;
}

export async function topicEnds({ client, topic }: Run): Promise<readonly TopicEnd[]> {
  return client.admin().listOffsets({ topic, at: 'latest' });
}

const READ_BACK_PROCESSES = 2;
const REPLICATED_LIMIT_MS = 30_000;

/** Everything that is there, each record by one process. */
export async function readBack(run: Run, messageBytes: number): Promise<ReadOutcome[]> {
  await untilReplicated(run);
  const ends = await topicEnds(run);
  const processes = Math.min(READ_BACK_PROCESSES, ends.length);
  const jobs = Array.from({ length: processes }, (_, index) => ({
    ...readJob(run, messageBytes),
    ends: ends.filter(({ partition }) => partition % processes === index),
  }));
  return read(run, new LoadFleet('reader', jobs), ends, 'reading everything back');
}

/** What a leader alone has acknowledged can be read when the others have it, too. Nobody produces any more. */
async function untilReplicated(run: Run): Promise<void> {
  await until('waiting for replicas', run, REPLICATED_LIMIT_MS, async () => {
    const partitions = await run.client.admin().describePartitions(run.topic);
    return partitions.every(({ leader, highWatermark, replicaDetails }) => {
      const led = replicaDetails.find(({ broker }) => broker === leader);
      return led !== undefined && highWatermark >= led.logEnd;
    });
  });
}

export function readJob(
  { cluster: { bootstrap }, topic, seed }: Run,
  messageBytes: number,
): ReadJob {
  return { kind: 'read', bootstrap, topic, seed, messageBytes, delivery: 'pull', way: 'fetch' };
}

/** Waits for readers that end by themselves. `times`: how often everything is read. */
export async function read(
  { progress, signal }: Run,
  fleet: LoadFleet<'read'>,
  ends: readonly TopicEnd[],
  phase: string,
  times = 1,
): Promise<ReadOutcome[]> {
  const total = times * ends.reduce((sum, { offset }) => sum + offset, 0);
  const looks = setInterval(() => progress(phase, fleet.messages / Math.max(1, total)), LOOK_MS);
  try {
    return await unlessAborted(fleet.outcomes(), signal);
  } finally {
    clearInterval(looks);
    fleet.kill();
  }
}
