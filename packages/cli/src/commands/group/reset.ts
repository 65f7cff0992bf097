// zhumq group reset: moves the positions of a group.
import type { OffsetReset, ResetOffsets } from '@zhumq/client';
import { optionalNumber, textOf, textsOf } from '../../arguments.js';
import type { Flags } from '../../arguments.js';
import { ADMIN_OPTIONS, withClient } from '../../client-session.js';
import type { Verb } from '../../command-tree.js';
import { YES_OPTION, confirmed } from '../../confirmation.js';
import { EXIT, UsageError } from '../../exit-codes.js';
import { OUTPUT_OPTION, counted, formatOf, note, print, printRows } from '../../output.js';
import type { OutputFormat } from '../../output.js';
import { topicOf } from '../topic/topic-argument.js';
import { GROUP_POSITIONAL, groupOf } from './group-argument.js';
import { resetTarget } from './reset-target.js';

/** Changes that are shown before the question. */
const MAX_SHOWN = 20;
const MAX_PARTITION = 0x7fff_ffff;

export const resetGroup: Verb = {
  usage: 'reset <group>',
  describe: 'Move the positions of a group without members',
  positionals: GROUP_POSITIONAL,
  options: {
    ...ADMIN_OPTIONS,
    ...OUTPUT_OPTION,
    ...YES_OPTION,
    to: {
      demandOption: true,
      describe:
        'earliest, latest, OFFSET, +N or -N messages from where it is, 2026-11-21T10:00:00Z, -1h for an hour ago, or none: no position any more',
    },
    topic: { alias: 't', describe: 'This topic [all that the group has positions in]' },
    partition: { alias: 'p', array: true, describe: 'With --topic: these partitions [all]' },
    create: { type: 'boolean', default: false, describe: 'A group that is not there is made' },
    'dry-run': { type: 'boolean', default: false, describe: 'Show from and to, change nothing' },
  },
  examples: [
    ['group reset billing --topic orders --to earliest --dry-run', 'shows what would be'],
    ['group reset billing --topic orders --to -1h --yes', 'reads the last hour again'],
    ['group reset billing -t orders -p 3 --to +1 --yes', 'passes over one message of partition 3'],
  ],
  async run(flags) {
    const group = groupOf(flags);
    const wanted = { group, ...whatToReset(flags) };
    const dryRun = flags['dry-run'] === true;
    const asks = !dryRun && flags.yes !== true && process.stdin.isTTY;
    if (!dryRun && !asks)
      await confirmed(`Positions of group "${group}" will be moved.`, flags.yes === true);
    const reset = (dry: boolean): Promise<OffsetReset[]> =>
      withClient(flags, `positions of group "${group}"`, async (client, call) => {
        // A name that is mistyped would make a group.
        if (flags.create !== true) await client.admin().describeGroup(group, call);
        return client.admin().resetOffsets({ ...wanted, dryRun: dry }, call);
      });
    if (asks && !(await agreedTo(group, await reset(true)))) {
      note(`Group "${group}" stays where it is.`);
      return EXIT.failed;
    }
    const results = await reset(dryRun);
    printResults(formatOf(flags), { group, dryRun }, results);
    return exitCodeFor(results);
  },
};

/** Throws UsageError. */
function whatToReset(flags: Flags): Omit<ResetOffsets, 'group' | 'dryRun'> {
  const to = resetTarget(textOf(flags, 'to') ?? '', Date.now());
  const partitions = textsOf(flags, 'partition').map(
    (text) => optionalNumber({ partition: text }, 'partition', 0, MAX_PARTITION) as number,
  );
  if (flags.topic !== undefined)
    return { to, topic: topicOf(flags), ...(partitions.length === 0 ? {} : { partitions }) };
  if (partitions.length > 0)
    throw new UsageError('--partition needs the topic that it is of: give --topic, too');
  if (typeof to === 'number')
    throw new UsageError('--to with an offset needs the topic that it is of: give --topic, too');
  if (flags.create === true)
    throw new UsageError('--create needs the topic in which the group is to begin: give --topic');
  return { to };
}

async function agreedTo(group: string, planned: readonly OffsetReset[]): Promise<boolean> {
  const changes = planned.filter(({ failure }) => failure === undefined);
  for (const { topic, partition, from, to } of changes.slice(0, MAX_SHOWN))
    note(`  ${topic}-${partition}: ${placeText(from)} -> ${placeText(to)}`);
  if (changes.length > MAX_SHOWN) note(`  and ${changes.length - MAX_SHOWN} more`);
  const what = counted(changes.length, 'position');
  return confirmed(`${what} of group "${group}" will be moved.`, false);
}

function placeText(offset: number): string {
  return offset < 0 ? 'none' : String(offset);
}

function printResults(
  format: OutputFormat,
  { group, dryRun }: { readonly group: string; readonly dryRun: boolean },
  results: readonly OffsetReset[],
): void {
  const rows = results.map(({ failure = null, ...one }) => ({ ...one, failure }));
  if (format === 'json') print(JSON.stringify({ group, dryRun, partitions: rows }));
  else
    printRows(format, rows, [
      { title: 'TOPIC', value: (row) => row.topic },
      { title: 'PARTITION', value: (row) => row.partition },
      { title: 'FROM', value: (row) => placeText(row.from) },
      { title: 'TO', value: (row) => placeText(row.failure === null ? row.to : row.from) },
      { title: 'PROBLEM', value: (row) => row.failure?.message },
    ]);
  const failed = rows.filter(({ failure }) => failure !== null).length;
  const moved = rows.length - failed;
  if (rows.length === 0) note(`group "${group}" has no positions to move`);
  else if (format === 'table' || format === 'wide') {
    const others = failed === 0 ? '' : `, ${failed} ${dryRun ? 'could not' : 'not'}`;
    const done = dryRun ? 'would be moved' : 'moved';
    note(`${counted(moved, 'position')} ${done}${others}${dryRun ? '; nothing is changed' : ''}`);
  }
}

function exitCodeFor(results: readonly OffsetReset[]): number {
  const failed = results.filter(({ failure }) => failure !== undefined).length;
  if (failed === 0) return EXIT.ok;
  return failed === results.length ? EXIT.failed : EXIT.partial;
}
