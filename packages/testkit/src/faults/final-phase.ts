// The end of a run: everything healed, everything read once more, the replicas on the disks compared.
import type { Client } from '@zhumq/client';
import type { Recorder } from '../history/history.js';
import type { ProcessCluster } from './processes/process-cluster.js';
import { readReplica, replicaFolders } from './replica-files.js';
import type { ReplicaContent } from './replica-files.js';
import { untilLevel } from './settle.js';
import { until } from './until.js';
import { TOPICS } from './workload/workload.js';
import type { Workload } from './workload/workload.js';

const READ_MS = 600_000;
const LEVEL_MS = 120_000;
/** A batch may come to its segment a moment after it is durable in the write-ahead log. */
const EQUAL_MS = 30_000;

/** Yields what is wrong as sentences; the rest is recorded, for the checkers. */
export async function finishRun(
  cluster: ProcessCluster,
  workload: Workload,
  history: Recorder,
  failed: (sentence: string) => void,
): Promise<void> {
  await cluster.network.heal();
  await cluster.revive();
  await workload.end();
  await workload.readEverything(READ_MS);
  const client = await workload.connect();
  for (const { topic } of TOPICS) {
    await workload.switches.look(client, topic);
    await recordReplicas(cluster, client, topic, history, failed);
  }
}

async function recordReplicas(
  cluster: ProcessCluster,
  client: Client,
  topic: string,
  history: Recorder,
  failed: (sentence: string) => void,
): Promise<void> {
  for (const details of await untilLevel(client, topic, LEVEL_MS)) {
    const { partition, replicaDetails, highWatermark, possibleLoss } = details;
    const place = `${topic}-${partition}`;
    if (possibleLoss !== undefined)
      failed(`${place}: a loss is reported that none of these faults explains: ${possibleLoss}`);
    const brokers = replicaDetails.map(({ broker }) => `broker-${broker}`);
    const contents = await equalContents(cluster, brokers, topic, partition, highWatermark);
    for (const [index, replica] of replicaDetails.entries()) {
      const { broker, mode, generation, logStart } = replica;
      const { from, to, digest, hole } = contents[index];
      if (hole !== undefined || to !== highWatermark)
        failed(
          `log-hole: ${place} on broker ${broker} lacks offset ${hole ?? to} of ${highWatermark}`,
        );
      history.record({
        ...{ kind: 'replica', topic, partition, broker, logStart, highWatermark },
        ...(mode !== undefined && { mode }),
        generation,
        digests: [[from, to, digest]],
      });
    }
  }
}

/** Looks until they are equal; else what they were last. */
async function equalContents(
  cluster: ProcessCluster,
  brokers: readonly string[],
  topic: string,
  partition: number,
  end: number,
): Promise<readonly ReplicaContent[]> {
  let contents: ReplicaContent[] = [];
  const look = (): boolean => {
    contents = brokers.map((broker) => {
      const folders = replicaFolders(cluster.dataFolder(broker), topic, partition);
      if (folders.length !== 1)
        throw new Error(`${broker} has ${folders.length} folders for ${topic}-${partition}`);
      return readReplica(folders[0], end);
    });
    return contents.every(({ to, digest }) => to === end && digest === contents[0].digest);
  };
  try {
    await until(`the replicas of ${topic}-${partition} are equal`, EQUAL_MS, look);
  } catch (error) {
    // Different contents are for the checkers to tell.
    if (contents.length < brokers.length) throw error;
  }
  return contents;
}
