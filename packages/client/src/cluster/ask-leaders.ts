// A question about many partitions of a topic, asked of their leaders; who could not be asked is asked again.
import type { Clock, Deadline, Random, ZhumqError } from '@zhumq/base';
import { zhumqError } from '@zhumq/model';
import { errorOf } from '@zhumq/rpc';
import type { BrokerClient, Failure } from '@zhumq/rpc';
import { asZhumqError } from '../errors.js';
import { retrying } from '../retry.js';
import type { Cluster } from './cluster.js';
import type { BrokerAddress } from './cluster-view.js';

export interface AskLimits<Answer> {
  readonly clock: Clock;
  readonly random: Random;
  readonly deadline: Deadline;
  readonly signal?: AbortSignal;
  /** Told of each partition as soon as it is known. */
  readonly onFound?: (found: Answer) => void;
  readonly onFailed?: (partition: number, error: ZhumqError) => void;
}

interface PartitionAnswer {
  readonly partition: number;
  readonly failure?: Failure;
}

/** About the partitions of one topic. */
export interface LeaderQuestion<Query, Answer> {
  readonly topic: string;
  readonly failing: string;
  ask(
    client: BrokerClient,
    items: (Query & { readonly topic: string })[],
    signal: AbortSignal,
  ): Promise<Answer[]>;
}

/** So many partitions are asked for in one call. */
const MOST = 5_000;

/** One answer for each query, by partition. Rejects with the first error that is not retriable, TIMEOUT, ABORTED. */
export async function askLeaders<
  Query extends { readonly partition: number },
  Answer extends PartitionAnswer,
>(
  cluster: Cluster,
  question: LeaderQuestion<Query, Answer>,
  queries: readonly Query[],
  limits: AskLimits<Answer>,
): Promise<Map<number, Answer>> {
  const { topic, failing } = question;
  const found = new Map<number, Answer>();
  const attempt = async (): Promise<void> => {
    const missing = queries.filter(({ partition }) => !found.has(partition));
    const failures: ZhumqError[] = [];
    const failed = (partition: number, error: ZhumqError): void => {
      failures.push(error);
      limits.onFailed?.(partition, error);
    };
    await Promise.all(
      byLeader(cluster, topic, missing, failed).map(async ([broker, items]) => {
        for (const answer of await askOne(cluster, question, broker, items, failed)) {
          found.set(answer.partition, answer);
          limits.onFound?.(answer);
        }
      }),
    );
    const worst = failures.find(({ retriable }) => !retriable) ?? failures.at(0);
    if (worst !== undefined) throw worst;
  };
  await retrying(attempt, { ...limits, failing });
  return found;
}

function byLeader<Query extends { readonly partition: number }>(
  cluster: Cluster,
  topic: string,
  queries: readonly Query[],
  failed: (partition: number, error: ZhumqError) => void,
): [BrokerAddress, Query[]][] {
  const open = new Map<number, [BrokerAddress, Query[]]>();
  const groups: [BrokerAddress, Query[]][] = [];
  for (const query of queries) {
    const leader = cluster.leaderOf(topic, query.partition);
    if (leader === undefined) {
      const text = `partition ${topic}-${query.partition} has no leader that is known`;
      failed(query.partition, zhumqError('LEADER_NOT_AVAILABLE', text));
      cluster.refresh([topic]).catch(() => undefined);
      continue;
    }
    const group = open.get(leader.id);
    if (group !== undefined && group[1].length < MOST) group[1].push(query);
    else {
      const next: [BrokerAddress, Query[]] = [leader, [query]];
      open.set(leader.id, next);
      groups.push(next);
    }
  }
  return groups;
}

/** As the leader answers; CONNECTION_LOST as soon as it is silent and another one leads one of the partitions. */
async function askLeader<Query extends { readonly partition: number }, Answer>(
  cluster: Cluster,
  { topic, ask }: LeaderQuestion<Query, Answer>,
  broker: BrokerAddress,
  queries: readonly Query[],
): Promise<Answer[]> {
  const moved = new AbortController();
  const items = queries.map((query) => ({ topic, ...query }));
  const watched = cluster.watch({
    ...{ broker, channel: cluster.channel(broker), partitions: items },
    ...{ patienceMs: 0, reads: true },
    abandon: () => moved.abort(),
  });
  try {
    return await ask(cluster.broker(broker), items, moved.signal);
  } catch (error) {
    if (!moved.signal.aborted) throw error;
    const text = `broker ${broker.id} gave no answer, and another broker leads now`;
    throw zhumqError('CONNECTION_LOST', text, {}, error);
  } finally {
    cluster.requestEnded(watched);
  }
}

async function askOne<Query extends { readonly partition: number }, Answer extends PartitionAnswer>(
  cluster: Cluster,
  question: LeaderQuestion<Query, Answer>,
  broker: BrokerAddress,
  queries: readonly Query[],
  failed: (partition: number, error: ZhumqError) => void,
): Promise<Answer[]> {
  const fail = (partition: number, error: ZhumqError): void => {
    cluster.partitionFailed(question.topic, partition, broker, error);
    failed(partition, error);
  };
  try {
    const answers = await askLeader(cluster, question, broker, queries);
    for (const { partition, failure } of answers) {
      if (failure !== undefined) fail(partition, errorOf(failure));
    }
    return answers.filter(({ failure }) => failure === undefined);
  } catch (caught) {
    const error = asZhumqError(caught);
    cluster.callFailed(broker, error, 'call');
    for (const { partition } of queries) fail(partition, error);
    return [];
  }
}
