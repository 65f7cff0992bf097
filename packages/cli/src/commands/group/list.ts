// zhumq group list: all consumer groups.
import { ADMIN_OPTIONS, withClient } from '../../client-session.js';
import type { Verb } from '../../command-tree.js';
import { EXIT } from '../../exit-codes.js';
import { OUTPUT_OPTION, formatOf, isJson, note, printRows } from '../../output.js';

export const listGroups: Verb = {
  usage: 'list',
  aliases: ['ls'],
  describe: 'List the consumer groups',
  options: { ...ADMIN_OPTIONS, ...OUTPUT_OPTION },
  examples: [
    ['group list', 'states, members and topics'],
    ['group list -o jsonl', 'for programs'],
  ],
  async run(flags) {
    const { groups, problems } = await withClient(flags, 'the list of groups', (client, call) => {
      // Without --timeout it waits less: what a dead broker coordinates would hold up all the others.
      const { signal } = call;
      return client.admin().listGroups(flags.timeout === undefined ? { signal } : call);
    });
    const format = formatOf(flags);
    if (groups.length === 0 && problems.length === 0 && !isJson(format))
      note('There are no groups; "zhumq consume TOPIC --group NAME" begins one.');
    else
      printRows(format, groups, [
        { title: 'GROUP', value: (row) => row.group },
        { title: 'STATE', value: (row) => row.state },
        { title: 'MEMBERS', value: (row) => row.members },
        { title: 'TOPICS', value: (row) => row.topics.join(',') || undefined },
        { title: 'COORDINATOR', value: (row) => `broker ${row.coordinator}`, wide: true },
      ]);
    for (const problem of problems) note(`zhumq: groups may be missing: ${problem}`);
    return problems.length === 0 ? EXIT.ok : EXIT.partial;
  },
};
