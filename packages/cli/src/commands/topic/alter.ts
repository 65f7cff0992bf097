// zhumq topic alter: changes settings of a topic.
import { parseTopicConfig } from '@zhumq/model';
import { settings, textsOf } from '../../arguments.js';
import { ADMIN_OPTIONS, withClient } from '../../client-session.js';
import type { Verb } from '../../command-tree.js';
import { EXIT, UsageError } from '../../exit-codes.js';
import { OUTPUT_OPTION, formatOf, printObject } from '../../output.js';
import { configText } from './list.js';
import { TOPIC_POSITIONAL, topicOf } from './topic-argument.js';

export const alterTopic: Verb = {
  usage: 'alter <topic>',
  aliases: ['edit'],
  describe: 'Change settings of a topic',
  positionals: TOPIC_POSITIONAL,
  options: {
    ...ADMIN_OPTIONS,
    ...OUTPUT_OPTION,
    config: {
      array: true,
      demandOption: true,
      describe: 'NAME=VALUE (docs/configuration.md); NAME= goes back to the default',
    },
    'dry-run': { type: 'boolean', default: false, describe: 'Check, and show what would be' },
  },
  examples: [['topic alter orders --config retention.ms=30d', 'keeps messages for 30 days']],
  async run(flags) {
    const topic = topicOf(flags);
    const config = settings('config', textsOf(flags, 'config'));
    if (Object.keys(config).length === 0)
      throw new UsageError('Say what to change: --config NAME=VALUE, such as retention.ms=7d');
    parseTopicConfig(
      Object.fromEntries(Object.entries(config).filter(([, value]) => value !== '')),
    );
    const dryRun = flags['dry-run'] === true;
    const altered = await withClient(flags, `topic "${topic}" to be changed`, (client, call) =>
      client.admin().alterTopic({ topic, config, dryRun }, call),
    );
    printObject(formatOf(flags), { dryRun, ...altered }, [
      `topic "${topic}" ${dryRun ? 'would have' : 'has'}: ${configText(altered.config) ?? 'all defaults'}`,
    ]);
    return EXIT.ok;
  },
};
