// zhumq topic delete: deletes a topic with all its messages.
import { ADMIN_OPTIONS, withClient } from '../../client-session.js';
import type { Verb } from '../../command-tree.js';
import { YES_OPTION, confirmed } from '../../confirmation.js';
import { EXIT } from '../../exit-codes.js';
import { OUTPUT_OPTION, formatOf, note, printObject } from '../../output.js';
import { TOPIC_POSITIONAL, topicOf } from './topic-argument.js';

export const deleteTopic: Verb = {
  usage: 'delete <topic>',
  aliases: ['rm'],
  describe: 'Delete a topic with all its messages',
  positionals: TOPIC_POSITIONAL,
  options: {
    ...ADMIN_OPTIONS,
    ...OUTPUT_OPTION,
    ...YES_OPTION,
    'if-exists': { type: 'boolean', default: false, describe: 'One that is not there is no error' },
    'dry-run': { type: 'boolean', default: false, describe: 'Check, but delete nothing' },
  },
  examples: [['topic delete orders --yes', 'for scripts: does not ask']],
  async run(flags) {
    const topic = topicOf(flags);
    const dryRun = flags['dry-run'] === true;
    const question = `Topic "${topic}" and all its messages will be deleted.`;
    if (!dryRun && !(await confirmed(question, flags.yes === true))) {
      note(`Topic "${topic}" is kept.`);
      return EXIT.failed;
    }
    const { deleted } = await withClient(flags, `topic "${topic}" to be deleted`, (client, call) =>
      client.admin().deleteTopic({ topic, dryRun, ifExists: flags['if-exists'] === true }, call),
    );
    const done = dryRun ? 'would be deleted' : deleted ? 'is deleted' : 'was not there';
    printObject(formatOf(flags), { topic, deleted, dryRun }, [`topic "${topic}" ${done}`]);
    return EXIT.ok;
  },
};
