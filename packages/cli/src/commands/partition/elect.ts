// zhumq partition elect: hands the leadership of a partition to another of its replicas.
import type { Admin, CallOptions, PartitionDetails } from '@zhumq/client';
import { optionalNumber } from '../../arguments.js';
import { ADMIN_OPTIONS, withClient } from '../../client-session.js';
import type { Verb } from '../../command-tree.js';
import { EXIT, UsageError } from '../../exit-codes.js';
import { OUTPUT_OPTION, formatOf, printObject } from '../../output.js';
import { TOPIC_POSITIONAL, topicOf } from '../topic/topic-argument.js';
import { unknownPartition } from './describe.js';

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
      if (moved) await admin.transferLeadership({ topic, partition, broker: to }, call);
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

function checkReplica(key: string, broker: number, { replicas }: PartitionDetails): void {
  if (!replicas.includes(broker))
    throw new UsageError(
      `broker ${broker} has no replica of ${key}, so it can not lead it; brokers ${replicas.join(', ')} have one`,
    );
}
