// zhumq topic delete: deletes a topic with all its messages.
import type { Admin, CallOptions } from '@zhumq/client';
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
    const ifExists = flags['if-exists'] === true;
    const { found, deleted } = await withClient(
      flags,
      `topic "${topic}" to be deleted`,
      async (client, call) => {
        // A dry run never deletes, so it can not tell by that whether the topic is there.
        const found = !(dryRun && ifExists) || (await exists(client.admin(), topic, call));
        return { found, ...(await client.admin().deleteTopic({ topic, dryRun, ifExists }, call)) };
      },
    );
    const there = dryRun ? found : deleted;
    const done = !there ? 'was not there' : dryRun ? 'would be deleted' : 'is deleted';
    printObject(formatOf(flags), { topic, deleted, dryRun }, [`topic "${topic}" ${done}`]);
    return EXIT.ok;
  },
};

async function exists(admin: Admin, topic: string, call: CallOptions): Promise<boolean> {
  return (await admin.listTopics({ ...call, internal: true })).includes(topic);
}
