// zhumq topic list: all topics.
import type { TopicDescription } from '@zhumq/client';
import { isInternalTopic } from '@zhumq/model';
import { ADMIN_OPTIONS, withClient } from '../../client-session.js';
import type { Verb } from '../../command-tree.js';
import { EXIT } from '../../exit-codes.js';
import { OUTPUT_OPTION, formatOf, isJson, note, printRows } from '../../output.js';

export const listTopics: Verb = {
  usage: 'list',
  aliases: ['ls'],
  describe: 'List the topics',
  options: {
    ...ADMIN_OPTIONS,
    ...OUTPUT_OPTION,
    internal: {
      type: 'boolean',
      default: false,
      describe: 'Also those that zhumq made for itself',
    },
  },
  examples: [['topic list -o json', 'for programs']],
  async run(flags) {
    const described = await withClient(flags, 'the list of topics', (client, call) =>
      client.admin().describeTopics(undefined, call),
    );
    const rows = described
      .filter(({ topic }) => flags.internal === true || !isInternalTopic(topic))
      .map(rowOf)
      .sort((one, other) => (one.topic < other.topic ? -1 : 1));
    const format = formatOf(flags);
    if (rows.length === 0 && !isJson(format)) {
      note('There are no topics; "zhumq topic create NAME" makes one.');
      return EXIT.ok;
    }
    printRows(format, rows, [
      { title: 'TOPIC', value: (row) => row.topic },
      { title: 'PARTITIONS', value: (row) => row.partitions },
      { title: 'REPLICAS', value: (row) => row.replicas },
      { title: 'MODE', value: (row) => row.mode },
      { title: 'WITHOUT-LEADER', value: (row) => row.withoutLeader },
      { title: 'TOPIC-ID', value: (row) => row.topicId, wide: true },
      { title: 'CONFIG', value: (row) => configText(row.config), wide: true },
    ]);
    return EXIT.ok;
  },
};

function rowOf({ topic, topicId, partitions, replicas, config }: TopicDescription) {
  const modes = new Set(partitions.map(({ mode }) => mode));
  return {
    topic,
    topicId,
    partitions: partitions.length,
    replicas,
    mode: modes.size > 1 ? 'mixed' : ([...modes][0] ?? 'raft'),
    withoutLeader: partitions.filter(({ leaderAlive }) => !leaderAlive).length,
    config,
  };
}

export function configText(config: Readonly<Record<string, string>>): string | undefined {
  const entries = Object.entries(config).map(([name, value]) => `${name}=${value}`);
  return entries.length === 0 ? undefined : entries.join(' ');
}
