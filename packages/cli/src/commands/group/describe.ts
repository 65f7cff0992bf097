// zhumq group describe: one group with its members, and how far it is in each partition.
import type { GroupDetails, GroupLag } from '@zhumq/client';
import { ADMIN_OPTIONS, withClient } from '../../client-session.js';
import type { Verb } from '../../command-tree.js';
import { EXIT } from '../../exit-codes.js';
import { OUTPUT_OPTION, formatOf, isJson, note, print, printTable } from '../../output.js';
import type { OutputFormat } from '../../output.js';
import { GROUP_POSITIONAL, groupOf } from './group-argument.js';
import { groupHints } from './group-hints.js';
import { lagColumns, partitionsText, programsOf, totalText } from './lag-form.js';

export const describeGroup: Verb = {
  usage: 'describe <group>',
  aliases: ['info'],
  describe: 'Show a group: its members, their partitions, its positions',
  positionals: GROUP_POSITIONAL,
  options: { ...ADMIN_OPTIONS, ...OUTPUT_OPTION },
  examples: [
    ['group describe billing', 'who reads what, and how far they are'],
    ['group describe billing -o wide', 'also ids, hosts, log starts'],
  ],
  async run(flags) {
    const group = groupOf(flags);
    const { details, lag } = await withClient(flags, `group "${group}"`, async (client, call) => {
      const details = await client.admin().describeGroup(group, call);
      return { details, lag: await client.admin().groupLag(group, call) };
    });
    const format = formatOf(flags);
    if (isJson(format)) print(JSON.stringify(groupJson(details, lag)));
    else printGroup(format, details, lag);
    for (const hint of groupHints(details, lag)) note(hint);
    return EXIT.ok;
  },
};

/** The form that docs/cli.md promises. */
function groupJson({ group, state, coordinator, members, positions }: GroupDetails, lag: GroupLag) {
  const { messages, seconds, partitions } = lag;
  return {
    ...{ group, state, coordinator, messages, seconds, members },
    partitions: partitions.map((one) => {
      const position = positions.find(
        ({ topic, partition }) => topic === one.topic && partition === one.partition,
      );
      return { ...one, committedAt: position?.committedAt ?? -1 };
    }),
  };
}

function printGroup(format: OutputFormat, details: GroupDetails, lag: GroupLag): void {
  const { group, state, coordinator, members } = details;
  print(`group        ${group}`);
  print(`state        ${state}`);
  print(`coordinator  broker ${coordinator}`);
  print(`lag          ${totalText(lag)}`);
  if (members.length > 0) {
    print('');
    printTable(format, members, [
      { title: 'CLIENT', value: (row) => row.clientId || undefined },
      { title: 'INSTANCE', value: (row) => row.instanceId || undefined },
      { title: 'HAS', value: (row) => partitionsText(row.owned) },
      { title: 'IS-TO-HAVE', value: (row) => partitionsText(row.target) },
      { title: 'HOST', value: (row) => row.host || undefined, wide: true },
      { title: 'MEMBER-ID', value: (row) => row.memberId, wide: true },
      {
        title: 'EPOCH',
        value: ({ memberEpoch: { term, counter } }) => `${term}.${counter}`,
        wide: true,
      },
    ]);
  }
  if (lag.partitions.length === 0) return;
  print('');
  printTable(format, lag.partitions, lagColumns(programsOf(details.members)));
}
