// zhumq group lag: how far a group is behind, once or again and again.
import { isError } from '@zhumq/client';
import type { Client, GroupLag } from '@zhumq/client';
import { durationMs, intervalMs, textOf } from '../../arguments.js';
import type { Flags } from '../../arguments.js';
import { ADMIN_OPTIONS, openClient, withClient } from '../../client-session.js';
import type { Verb } from '../../command-tree.js';
import { EXIT } from '../../exit-codes.js';
import { Interruption } from '../../interruption.js';
import { OUTPUT_OPTION, formatOf, isJson, note, print, printTable } from '../../output.js';
import type { OutputFormat } from '../../output.js';
import { pause, tellIfSlow } from '../../waiting.js';
import { GROUP_POSITIONAL, groupOf } from './group-argument.js';
import { lagColumns, programsOf, totalText } from './lag-form.js';
import type { Programs } from './lag-form.js';
import { LagScreen } from './lag-screen.js';

export const groupLag: Verb = {
  usage: 'lag <group>',
  describe: 'Show how far a group is behind, in messages and in time',
  positionals: GROUP_POSITIONAL,
  options: {
    ...ADMIN_OPTIONS,
    ...OUTPUT_OPTION,
    watch: { alias: 'w', type: 'boolean', default: false, describe: 'Go on until Ctrl-C' },
    interval: { default: '2s', describe: 'With --watch: how often to look' },
  },
  examples: [
    ['group lag billing', 'each partition'],
    ['group lag billing --watch', 'on a terminal a picture that moves, elsewhere a line each 2 s'],
    ['group lag billing --watch --interval 10s -o jsonl', 'for programs'],
  ],
  async run(flags) {
    const group = groupOf(flags);
    const everyMs = intervalMs(flags);
    if (flags.watch === true) return watch(flags, group, everyMs);
    const format = formatOf(flags);
    const { lag, programs } = await withClient(
      flags,
      `the lag of group "${group}"`,
      async (client, call) => {
        const lag = await client.admin().groupLag(group, call);
        if (isJson(format)) return { lag, programs: new Map<string, string>() };
        const { members } = await client.admin().describeGroup(group, call);
        return { lag, programs: programsOf(members) };
      },
    );
    printLag(format, lag, programs);
    return EXIT.ok;
  },
};

function printLag(format: OutputFormat, lag: GroupLag, programs: Programs): void {
  if (isJson(format)) return print(JSON.stringify(lag));
  if (lag.partitions.length > 0) printTable(format, lag.partitions, lagColumns(programs));
  const isBehind = lag.messages > 0 || lag.partitions.some(({ problem }) => problem !== '');
  note(
    `group "${lag.group}" ${isBehind ? `is behind by ${totalText(lag)}` : 'has read everything'}`,
  );
}

/** 130 after SIGINT, 0 after SIGTERM. A look that fails is told, and the next one is made. */
async function watch(flags: Flags, group: string, everyMs: number): Promise<number> {
  const format = formatOf(flags);
  const timeout = durationMs('timeout', textOf(flags, 'timeout') ?? '30s');
  const screen =
    !isJson(format) && process.stdout.isTTY ? new LagScreen(process.stdout) : undefined;
  const interruption = new Interruption();
  const { signal } = interruption;
  const show = (lag: GroupLag): void => {
    const at = new Date().toISOString();
    if (screen !== undefined) screen.show(lag, at);
    else if (isJson(format)) print(JSON.stringify({ at, ...lag }));
    else print(`${at}  ${group}  ${totalText(lag)}`);
  };
  let client: Client | undefined;
  try {
    client = await openClient(flags, signal);
    let seen = false;
    while (!signal.aborted) {
      try {
        const asked = client.admin().groupLag(group, { signal, timeout });
        show(
          await (screen === undefined ? tellIfSlow(`the lag of group "${group}"`, asked) : asked),
        );
        seen = true;
      } catch (error) {
        if (signal.aborted) break;
        if (!seen || isError(error, 'UNKNOWN_GROUP')) throw error;
        note(`zhumq: the lag is not known at present: ${(error as Error).message}`);
      }
      await pause(everyMs, signal);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    await client?.close({ timeout: 1_000 }).catch(() => undefined);
    interruption.end();
  }
  return interruption.by === 'SIGINT' ? EXIT.interrupted : EXIT.ok;
}
