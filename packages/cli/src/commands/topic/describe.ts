// zhumq topic describe: one topic, its settings and partitions.
import type { PartitionDescription, TopicDescription } from '@zhumq/client';
import { ADMIN_OPTIONS, withClient } from '../../client-session.js';
import type { Verb } from '../../command-tree.js';
import { EXIT } from '../../exit-codes.js';
import { OUTPUT_OPTION, formatOf, isJson, print, printTable } from '../../output.js';
import type { OutputFormat } from '../../output.js';
import { configText } from './list.js';
import { TOPIC_POSITIONAL, topicOf } from './topic-argument.js';

export const describeTopic: Verb = {
  usage: 'describe <topic>',
  aliases: ['info'],
  describe: 'Show a topic with its settings and partitions',
  positionals: TOPIC_POSITIONAL,
  options: { ...ADMIN_OPTIONS, ...OUTPUT_OPTION },
  examples: [['topic describe orders', 'leaders and replicas of its partitions']],
  async run(flags) {
    const topic = topicOf(flags);
    const [described] = await withClient(flags, `topic "${topic}"`, (client, call) =>
      client.admin().describeTopics([topic], call),
    );
    printTopic(formatOf(flags), described);
    return EXIT.ok;
  },
};

/** A dead leader is still the last one: nobody has taken over, perhaps because nobody can. */
export function leaderText({
  leader,
  leaderAlive,
}: Pick<PartitionDescription, 'leader' | 'leaderAlive'>): string {
  if (leader < 0) return 'none';
  return leaderAlive ? String(leader) : `${leader} (not reachable)`;
}

export function printTopic(format: OutputFormat, described: TopicDescription): void {
  if (isJson(format)) return print(JSON.stringify(described));
  const { topic, topicId, replicas, config, partitions } = described;
  print(`topic     ${topic}`);
  print(`id        ${topicId}`);
  print(`replicas  ${replicas}`);
  print(`config    ${configText(config) ?? 'all defaults'}`);
  print('');
  printTable(format, partitions, [
    { title: 'PARTITION', value: (row) => row.partition },
    { title: 'MODE', value: (row) => row.mode },
    { title: 'LEADER', value: (row) => leaderText(row) },
    { title: 'EPOCH', value: (row) => row.epoch },
    { title: 'REPLICAS', value: (row) => row.replicas.join(',') },
    {
      title: 'IN-SYNC',
      value: (row) => (row.inSync.length === 0 ? undefined : row.inSync.join(',')),
    },
    {
      title: 'SWITCHING',
      value: ({ transition }) => transition && `to ${transition.to}: ${transition.phase}`,
    },
    { title: 'GENERATION', value: (row) => row.generation, wide: true },
  ]);
}
