// Asks brokers how far the logs of their replicas go: one question for all partitions of a broker, and an answer for all
// partitions that wait for the same brokers, so that one broker that is slow holds up only what it has a part in.
import { errorKindOf } from '@zhumq/model';
import type { BrokerRegistration } from '@zhumq/model';
import { brokerClient } from '@zhumq/rpc';
import type { ChannelPool, PartitionRef, ReplicaEnd } from '@zhumq/rpc';
import type { Election, ReplicaAnswer } from './events.js';
import type { FetchPartition } from './fetch-partitions.js';

export interface ReplicaEndsOptions {
  readonly channels: ChannelPool;
  readonly controllerEpoch: number;
  readonly timeoutMs: number;
  /** The broker gave no answer in time, or refused the whole question. */
  readonly onSilence: (broker: number, error: unknown) => void;
}

/** A partition, and the brokers of the replicas that are to be asked. */
export interface Question {
  readonly partition: FetchPartition;
  readonly brokers: readonly BrokerRegistration[];
  readonly resigned: number | undefined;
  readonly wanted: number | undefined;
}

/** Partitions in one call. */
const MAX_REFS = 500;

/** A broker that says so will not serve the replica before somebody has mended something. */
const OUT_OF_SERVICE = ['REPLICA_FAILED', 'DISK_FAILED', 'DATA_CORRUPT'];

type Ends = ReadonlyMap<string, ReplicaEnd>;

export class ReplicaEnds {
  constructor(private readonly options: ReplicaEndsOptions) {}

  /** One promise for each group of partitions with the same brokers. None of them rejects. */
  ask(questions: readonly Question[], signal: AbortSignal): readonly Promise<Election[]>[] {
    const byBroker = new Map<number, { broker: BrokerRegistration; refs: PartitionRef[] }>();
    const groups = new Map<string, Question[]>();
    for (const question of questions) {
      const ref = this.refOf(question);
      for (const broker of question.brokers) {
        const asked = byBroker.get(broker.id) ?? { broker, refs: [] };
        asked.refs.push(ref);
        byBroker.set(broker.id, asked);
      }
      const key = question.brokers.map(({ id }) => id).join(' ');
      const group = groups.get(key);
      if (group === undefined) groups.set(key, [question]);
      else group.push(question);
    }
    const answers = new Map(
      Array.from(byBroker, ([id, { broker, refs }]) => [id, this.askBroker(broker, refs, signal)]),
    );
    return Array.from(groups.values(), async (group) => {
      const asked = group[0].brokers.map(({ id }) => answers.get(id));
      const ends = await Promise.all(asked.filter((one) => one !== undefined));
      return group.map((question) => electionOf(question, ends));
    });
  }

  private refOf({ partition: { topic, partition, record, version } }: Question): PartitionRef {
    const { topicId } = topic.record;
    const { controllerEpoch } = this.options;
    return { topicId, partition, generation: record.generation, controllerEpoch, version };
  }

  private async askBroker(
    broker: BrokerRegistration,
    refs: readonly PartitionRef[],
    signal: AbortSignal,
  ): Promise<Ends> {
    const { channels, timeoutMs, onSilence } = this.options;
    const parts: PartitionRef[][] = [];
    for (let at = 0; at < refs.length; at += MAX_REFS) parts.push(refs.slice(at, at + MAX_REFS));
    const ends = await Promise.all(
      parts.map(async (part) => {
        try {
          const client = brokerClient(channels.channel(broker));
          return await client.replicaEnds(part, { timeoutMs, signal });
        } catch (error) {
          if (!signal.aborted) onSilence(broker.id, error);
          return [];
        }
      }),
    );
    return new Map(ends.flat().map((end) => [keyOf(end), end]));
  }
}

function electionOf(
  { partition, brokers, resigned, wanted }: Question,
  ends: readonly Ends[],
): Election {
  const { topic, version, record } = partition;
  const answers: ReplicaAnswer[] = [];
  const outOfService: string[] = [];
  const key = { topicId: topic.record.topicId, partition: partition.partition };
  for (const [index, { id }] of brokers.entries()) {
    const end = ends.at(index)?.get(keyOf(key));
    const replica = record.replicas.find(({ broker }) => broker === id);
    if (end === undefined || replica === undefined) continue;
    if (end.failure === undefined) {
      if (isSound(end) && end.broker === id && end.replicaId === replica.replicaId) {
        answers.push(end);
      }
    } else if (OUT_OF_SERVICE.includes(errorKindOf(end.failure.code).name)) {
      outOfService.push(replica.replicaId);
    }
  }
  return { ...key, version, answers, outOfService, resigned, wanted };
}

/** What comes from a socket may be anything. */
function isSound({ incarnation, epoch, logEnd }: ReplicaEnd): boolean {
  const numbers = [incarnation, epoch, logEnd.epoch, logEnd.offset];
  return (
    numbers.every((number) => Number.isSafeInteger(number) && number >= 0) && logEnd.epoch <= epoch
  );
}

function keyOf({ topicId, partition }: Pick<ReplicaEnd, 'topicId' | 'partition'>): string {
  return `${topicId} ${partition}`;
}
