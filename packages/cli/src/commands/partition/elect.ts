// zhumq partition elect: hands the leadership of a partition to another of its replicas.
import type { Admin, CallOptions, PartitionDetails } from '@zhumq/client';
import { zhumqError } from '@zhumq/model';
import { optionalNumber } from '../../arguments.js';
import { ADMIN_OPTIONS, withClient } from '../../client-session.js';
import type { Verb } from '../../command-tree.js';
import { EXIT, UsageError } from '../../exit-codes.js';
import { OUTPUT_OPTION, formatOf, printObject } from '../../output.js';
import { TOPIC_POSITIONAL, topicOf } from '../topic/topic-argument.js';
import { unknownPartition } from './describe.js';

/** Several election timeouts: who has not taken over by then does not. */
const TAKE_OVER_MS = 10_000;
const LOOK_AGAIN_MS = 100;

export const electLeader: Verb = {
  usage: 'elect <topic>',
  aliases: ['transfer'],
  describe: 'Hand the leadership of a partition to another replica, without interruption',
  positionals: TOPIC_POSITIONAL,
  options: {
    ...ADMIN_OPTIONS,
    ...OUTPUT_OPTION,
    partition: { alias: 'p', demandOption: true, describe: 'The partition' },
    to: { describe: 'Id of the broker that shall lead [the preferred leader]' },
    'dry-run': { type: 'boolean', default: false, describe: 'Check, but change nothing' },
  },
  examples: [['partition elect orders --partition 0 --to 2', 'broker 2 leads afterwards']],
  async run(flags) {
    const topic = topicOf(flags);
    const partition = optionalNumber(flags, 'partition', 0) as number;
    const wanted = optionalNumber(flags, 'to', 0);
    const dryRun = flags['dry-run'] === true;
    const key = `${topic}-${partition}`;
    const result = await withClient(flags, `a new leader of ${key}`, async (client, call) => {
      const admin = client.admin();
      const before = await described(admin, topic, partition, call);
      const to = wanted ?? before.replicas[0];
      checkReplica(key, to, before);
      const moved = before.leader !== to && !dryRun;
      if (moved) {
        await admin.electLeader({ topic, partition, broker: to }, call);
        await untilLeads(admin, topic, partition, to, call);
      }
      return { topic, partition, from: before.leader, to, moved, dryRun };
    });
    const { from, to } = result;
    const sentence =
      from === to
        ? `broker ${to} leads ${key} already`
        : `${dryRun ? 'would move' : 'moved'} the leadership of ${key} from ${from < 0 ? 'nobody' : `broker ${from}`} to broker ${to}`;
    printObject(formatOf(flags), result, [sentence]);
    return EXIT.ok;
  },
};

async function described(
  admin: Admin,
  topic: string,
  partition: number,
  call: CallOptions,
): Promise<PartitionDetails> {
  const all = await admin.describePartitions(topic, call);
  const found = all.find((one) => one.partition === partition);
  if (found === undefined) throw unknownPartition(topic, partition, all.length);
  return found;
}

function checkReplica(key: string, broker: number, partition: PartitionDetails): void {
  const { replicas, replicaDetails } = partition;
  if (!replicas.includes(broker))
    throw new UsageError(
      `broker ${broker} has no replica of ${key}, so it can not lead it; brokers ${replicas.join(', ')} have one`,
    );
  const replica = replicaDetails.find((one) => one.broker === broker);
  if (replica?.role !== 'offline') return;
  const others = replicaDetails.filter(({ role }) => role !== 'offline').map((one) => one.broker);
  const instead =
    others.length === 0
      ? 'no other replica answers either'
      : `or choose ${others.length === 1 ? `broker ${others[0]}, which answers` : `one of brokers ${others.join(', ')}, which answer`}`;
  throw new Error(
    `broker ${broker} can not take over ${key}: ${replica.problem || 'it does not answer'}; start it, ${instead}`,
  );
}

/** The leader only asks the other replica to take over; one that is slow or far behind does not, and it goes on. */
async function untilLeads(
  admin: Admin,
  topic: string,
  partition: number,
  broker: number,
  call: CallOptions,
): Promise<void> {
  const deadlineMs = performance.now() + TAKE_OVER_MS;
  for (;;) {
    const { leader } = await described(admin, topic, partition, call);
    if (leader === broker) return;
    call.signal?.throwIfAborted();
    if (performance.now() > deadlineMs)
      throw zhumqError(
        'TIMEOUT',
        `broker ${broker} did not take over ${topic}-${partition} within ${TAKE_OVER_MS / 1000} s; ${leader < 0 ? 'nobody' : `broker ${leader}`} leads it`,
        { topic, partition },
      );
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
  }
}
