// zhumq group delete: forgets a group with its positions.
import { isError } from '@zhumq/client';
import type { Admin, CallOptions } from '@zhumq/client';
import { ADMIN_OPTIONS, withClient } from '../../client-session.js';
import type { Verb } from '../../command-tree.js';
import { YES_OPTION, confirmed } from '../../confirmation.js';
import { EXIT } from '../../exit-codes.js';
import { OUTPUT_OPTION, formatOf, note, printObject } from '../../output.js';
import { GROUP_POSITIONAL, groupOf } from './group-argument.js';

export const deleteGroup: Verb = {
  usage: 'delete <group>',
  aliases: ['rm'],
  describe: 'Delete a group without members, with its positions',
  positionals: GROUP_POSITIONAL,
  options: {
    ...ADMIN_OPTIONS,
    ...OUTPUT_OPTION,
    ...YES_OPTION,
    'if-exists': { type: 'boolean', default: false, describe: 'One that is not there is no error' },
    'dry-run': { type: 'boolean', default: false, describe: 'Check, but delete nothing' },
  },
  examples: [
    ['group delete billing --yes', 'for scripts: does not ask'],
    ['group delete billing --dry-run', 'says whether it could be deleted'],
  ],
  async run(flags) {
    const group = groupOf(flags);
    const dryRun = flags['dry-run'] === true;
    const question = `Group "${group}" and its positions will be deleted.`;
    if (!dryRun && !(await confirmed(question, flags.yes === true))) {
      note(`Group "${group}" is kept.`);
      return EXIT.failed;
    }
    const ifExists = flags['if-exists'] === true;
    const { found, deleted } = await withClient(
      flags,
      `group "${group}" to be deleted`,
      async (client, call) => {
        // A dry run never deletes, so it can not tell by that whether the group is there.
        const found = !(dryRun && ifExists) || (await exists(client.admin(), group, call));
        return { found, ...(await client.admin().deleteGroup({ group, dryRun, ifExists }, call)) };
      },
    );
    const there = dryRun ? found : deleted;
    const done = !there ? 'was not there' : dryRun ? 'would be deleted' : 'is deleted';
    printObject(formatOf(flags), { group, deleted, dryRun }, [`group "${group}" ${done}`]);
    return EXIT.ok;
  },
};

async function exists(admin: Admin, group: string, call: CallOptions): Promise<boolean> {
  try {
    await admin.describeGroup(group, call);
    return true;
  } catch (error) {
    if (isError(error, 'UNKNOWN_GROUP')) return false;
    throw error;
  }
}
