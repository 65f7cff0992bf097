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
    const { before, altered } = await withClient(
      flags,
      `topic "${topic}" to be changed`,
      async (client, call) => {
        const [{ config: before }] = await client.admin().describeTopics([topic], call);
        const altered = await client.admin().alterTopic({ topic, config, dryRun }, call);
        return { before, altered };
      },
    );
    const changes = changesOf(Object.keys(config), before, altered.config);
    printObject(formatOf(flags), { dryRun, changes, ...altered }, [
      ...changes.map((change) => `${dryRun ? 'would change' : 'changed'} ${changeText(change)}`),
      ...(changes.length === 0 ? ['nothing to change: it is so already'] : []),
      `topic "${topic}" ${dryRun ? 'would have' : 'has'}: ${configText(altered.config) ?? 'all defaults'}`,
    ]);
    return EXIT.ok;
  },
};

interface Change {
  readonly name: string;
  /** null: the default. */
  readonly from: string | null;
  readonly to: string | null;
}

/** What a change of settings did; what was so already is left out. */
export function changesOf(
  names: readonly string[],
  before: Readonly<Record<string, string>>,
  after: Readonly<Record<string, string>>,
): Change[] {
  return names
    .map((name) => ({ name, from: before[name] || null, to: after[name] || null }))
    .filter(({ from, to }) => from !== to);
}

function changeText({ name, from, to }: Change): string {
  return `${name} from ${from ?? 'its default'} to ${to ?? 'its default'}`;
}
