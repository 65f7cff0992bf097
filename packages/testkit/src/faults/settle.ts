// When a cluster has come to rest after a fault, and what its replicas hold at the end.
import type { Client, PartitionDetails } from '@zhumq/client';
import { until } from './until.js';

const LOOK_MS = 200;
/** Of one look; servers that are just back may not answer. */
const CALL_TIMEOUT_MS = 5_000;
const GROUPS = '__groups';

/** Waits until every replica takes part and has what was committed when this was called. */
export async function untilCaughtUp(
  client: Client,
  topics: readonly string[],
  timeoutMs: number,
): Promise<void> {
  const targets = new Map<string, number>();
  let lacking = '';
  const look = async (): Promise<boolean> => {
    lacking = '';
    for (const topic of [...topics, GROUPS]) {
      for (const one of await describe(client, topic)) {
        const place = `${topic}-${one.partition}`;
        const target = targets.get(place) ?? one.highWatermark;
        targets.set(place, target);
        const late = one.replicaDetails.filter(
          ({ role, logEnd }) => !['leader', 'follower'].includes(role) || logEnd < target,
        );
        const isComplete = one.replicaDetails.length === one.replicas.length;
        const isInSync = one.mode === 'raft' || one.inSync.length === one.replicas.length;
        if (isComplete && isInSync && late.length === 0) continue;
        lacking = `${place}: ${late.map(({ broker, role, logEnd }) => `broker ${broker} is ${role} at ${logEnd}`).join(', ')} of ${target}, in sync ${one.inSync.join(' ')}`;
        return false;
      }
    }
    return true;
  };
  try {
    await until('all replicas have caught up', timeoutMs, look, LOOK_MS);
  } catch (error) {
    throw new Error(`${(error as Error).message}: ${lacking}`, { cause: error });
  }
}

/** Waits until every replica has everything durable and knows that it is committed. */
export async function untilLevel(
  client: Client,
  topic: string,
  timeoutMs: number,
): Promise<readonly PartitionDetails[]> {
  return until(
    `all replicas of ${topic} are level`,
    timeoutMs,
    async () => {
      const seen = await describe(client, topic);
      return seen.every(isLevel) ? seen : undefined;
    },
    LOOK_MS,
  );
}

async function describe(client: Client, topic: string): Promise<readonly PartitionDetails[]> {
  return client.admin().describePartitions(topic, { timeout: CALL_TIMEOUT_MS });
}

function isLevel({
  replicas,
  replicaDetails,
  highWatermark,
  transition,
}: PartitionDetails): boolean {
  return (
    transition === undefined &&
    replicaDetails.length === replicas.length &&
    replicaDetails.some(({ role }) => role === 'leader') &&
    replicaDetails.every(
      (replica) =>
        ['leader', 'follower'].includes(replica.role) &&
        replica.logEnd === highWatermark &&
        replica.durableEnd === highWatermark &&
        replica.highWatermark === highWatermark,
    )
  );
}
