// zhumq topic create: makes a topic and waits until its partitions have leaders.
import { checkTopicName, parseTopicConfig } from '@zhumq/model';
import type { ReplicationMode } from '@zhumq/client';
import { optionalNumber, settings, textsOf } from '../../arguments.js';
import { ADMIN_OPTIONS, withClient } from '../../client-session.js';
import type { Verb } from '../../command-tree.js';
import { EXIT } from '../../exit-codes.js';
import { OUTPUT_OPTION, counted, formatOf, note, printObject } from '../../output.js';
import { TOPIC_POSITIONAL, topicOf } from './topic-argument.js';

/** Without --replicas, where there are brokers enough. */
const USUAL_REPLICAS = 3;

export const createTopic: Verb = {
  usage: 'create <topic>',
  describe: 'Create a topic',
  positionals: TOPIC_POSITIONAL,
  options: {
    ...ADMIN_OPTIONS,
    ...OUTPUT_OPTION,
    partitions: { describe: 'Number of partitions [1]' },
    replicas: {
      describe: 'Copies of each partition [3, or the number of live brokers where that is smaller]',
    },
    mode: { choices: ['raft', 'fetch'], default: 'raft', describe: 'How replicas are kept equal' },
    config: { array: true, describe: 'NAME=VALUE: a setting (docs/configuration.md)' },
    'if-not-exists': { type: 'boolean', default: false, describe: 'One that exists is no error' },
    'dry-run': { type: 'boolean', default: false, describe: 'Check, and show the placement' },
  },
  examples: [
    ['topic create orders --partitions 12', '3 replicas in mode raft'],
    ['topic create audit --config retention.ms=365d --dry-run', 'shows what would be'],
  ],
  async run(flags) {
    const topic = topicOf(flags);
    checkTopicName(topic);
    const config = settings('config', textsOf(flags, 'config'));
    parseTopicConfig(config);
    const partitions = optionalNumber(flags, 'partitions', 1, 10_000);
    const replicas = optionalNumber(flags, 'replicas', 1, 100);
    const dryRun = flags['dry-run'] === true;
    const {
      created,
      ready,
      topic: made,
    } = await withClient(flags, `topic "${topic}" to be created`, (client, call) =>
      client.admin().createTopic(
        {
          topic,
          mode: flags.mode as ReplicationMode,
          config,
          dryRun,
          ifNotExists: flags['if-not-exists'] === true,
          ...(partitions === undefined ? {} : { partitions }),
          ...(replicas === undefined ? {} : { replicas }),
        },
        call,
      ),
    );
    const shape = `${counted(made.partitions.length, 'partition')}, ${counted(made.replicas, 'replica')} each, mode ${made.partitions[0]?.mode}`;
    const done = dryRun ? 'would be created' : created ? 'is created' : 'exists already';
    printObject(formatOf(flags), { created, ready, dryRun, ...made }, [
      `topic "${topic}" ${done}: ${shape}`,
      ...(dryRun ? made.partitions.map(placed) : []),
    ]);
    if (replicas === undefined && made.replicas < USUAL_REPLICAS && (created || dryRun))
      note(
        `zhumq: warning: only ${counted(made.replicas, 'broker')} ${made.replicas === 1 ? 'is' : 'are'} alive, so there ${made.replicas === 1 ? 'is 1 replica' : `are ${made.replicas} replicas`} instead of ${USUAL_REPLICAS}: ${made.replicas === 1 ? 'when its disk is lost, so are the messages' : 'no broker may fail'}; --replicas says how many you want`,
      );
    if (dryRun || ready) return EXIT.ok;
    note(
      `zhumq: topic "${topic}" ${done}, but not every partition has a leader yet; "zhumq partition describe ${topic}" shows which`,
    );
    return EXIT.timeout;
  },
};

function placed({
  partition,
  replicas,
}: {
  partition: number;
  replicas: readonly number[];
}): string {
  return `  partition ${partition} on brokers ${replicas.join(', ')}`;
}
