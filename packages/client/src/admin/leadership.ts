// Moves the leadership of a partition, in the way of its mode: in raft the leader hands over, in fetch the zkserver elects.
import { zhumqError } from '@zhumq/model';
import type { PartitionInfo } from '@zhumq/rpc';
import type { CallOptions } from '../api/client.js';
import type { Cluster } from '../cluster/cluster.js';
import { asZhumqError, forGood } from '../errors.js';
import { integerOption } from '../option-values.js';
import { modeName } from '../replication-mode.js';
import { retrying } from '../retry.js';
import { callController, limitsOf } from './controller-calls.js';

export interface LeaderChoice {
  readonly topic: string;
  readonly partition: number;
  readonly broker: number;
}

export async function electLeader(
  cluster: Cluster,
  choice: LeaderChoice,
  options: CallOptions,
): Promise<void> {
  const { topic, partition, broker } = choice;
  const failing = `broker ${broker} could not be made the leader of ${topic}-${partition}`;
  const limits = limitsOf(cluster, options, failing);
  integerOption('partition', partition, 0, { min: 0, max: 0x7fff_ffff });
  await cluster.loadTopic(topic, limits.deadline, options.signal);
  await retrying(async () => {
    // The mode may have changed since it was looked up.
    await cluster.refresh([topic]);
    const view = cluster.view.topic(topic)?.partitions.at(partition);
    if (view === undefined) throw unknownPartition(cluster, topic, partition);
    checkMayLead(cluster, view.info, choice);
    // Done already, perhaps by an attempt whose answer was lost.
    if (cluster.leaderOf(topic, partition)?.id === broker) return;
    if (modeName(view.info.mode) === 'raft') await handOver(cluster, choice, options);
    else {
      await callController(cluster, limits, (client, timeoutMs) =>
        client.electLeader(topic, partition, broker, { timeoutMs, signal: options.signal }),
      ).catch((error: unknown) => {
        // It has tried as long as it may.
        throw forGood(asZhumqError(error));
      });
    }
    await cluster.refresh([topic]);
  }, limits);
}

/** What the cluster knows already needs no attempt. */
function checkMayLead(cluster: Cluster, { replicas }: PartitionInfo, choice: LeaderChoice): void {
  const { topic, partition, broker } = choice;
  if (!replicas.some((replica) => replica.broker === broker)) {
    const text = `broker ${broker} holds no replica of partition ${topic}-${partition}`;
    throw zhumqError('INVALID_REQUEST', text, { ...choice });
  }
  if (cluster.view.brokers.some(({ endpoint, alive }) => endpoint.id === broker && alive)) return;
  const text = `broker ${broker} can not lead partition ${topic}-${partition}: it is not alive`;
  throw zhumqError('REPLICA_NOT_READY', text, { ...choice });
}

async function handOver(
  cluster: Cluster,
  { topic, partition, broker }: LeaderChoice,
  { signal }: CallOptions,
): Promise<void> {
  const leader = cluster.leaderOf(topic, partition);
  if (leader === undefined) {
    const text = `${topic}-${partition} has no leader that is known`;
    throw zhumqError('LEADER_NOT_AVAILABLE', text, { topic, partition });
  }
  try {
    await cluster.broker(leader).transferLeadership(topic, partition, broker, { signal });
  } catch (error) {
    cluster.partitionFailed(topic, partition, leader, asZhumqError(error));
    throw error;
  }
}

function unknownPartition(cluster: Cluster, topic: string, partition: number): Error {
  const count = cluster.view.topic(topic)?.partitions.length ?? 0;
  const text = `topic ${topic} has no partition ${partition}; it has ${count}, from 0`;
  return forGood(zhumqError('UNKNOWN_PARTITION', text, { topic, partition }));
}
