// zhumq partition mode: switches the partitions of a topic to another replication mode while they are in use. The
// zkservers carry the switch on; this command begins it and, with --wait, looks on.
import { isError } from '@zhumq/client';
import type {
  Admin,
  CallOptions,
  PartitionSwitch,
  ReplicationMode,
  SwitchMode,
} from '@zhumq/client';
import { durationMs, optionalNumber, textOf } from '../../arguments.js';
import { ADMIN_OPTIONS, withSession } from '../../client-session.js';
import type { Verb } from '../../command-tree.js';
import { Interrupted } from '../../exit-codes.js';
import { OUTPUT_OPTION, formatOf, note, print, printRows } from '../../output.js';
import type { OutputFormat } from '../../output.js';
import { tellIfSlow } from '../../waiting.js';
import { TOPIC_POSITIONAL, topicOf } from '../topic/topic-argument.js';
import { unknownPartition } from './describe.js';
import { SwitchProgress } from './mode/switch-progress.js';
import { complaint, exitCodeFor, resultOf, summary } from './mode/switch-result.js';
import type { Looked, SwitchResult } from './mode/switch-result.js';

const WAIT = '5m';

export const switchMode: Verb = {
  usage: 'mode <topic> <mode>',
  describe: 'Switch partitions to another replication mode while they are in use',
  positionals: {
    ...TOPIC_POSITIONAL,
    mode: { choices: ['raft', 'fetch'], describe: 'The mode that is wanted' },
  },
  options: {
    ...ADMIN_OPTIONS,
    ...OUTPUT_OPTION,
    timeout: {
      describe: `How long to wait: for the answer [ZHUMQ_TIMEOUT, or 30s]; with --wait for the end of the switch [${WAIT}]`,
    },
    partition: { alias: 'p', describe: 'This partition alone [all of the topic]' },
    wait: { alias: 'w', type: 'boolean', default: false, describe: 'Look on until all have ended' },
    parallel: {
      describe: 'How many partitions may be switched at once [switch.parallel of the zkservers]',
    },
    'dry-run': { type: 'boolean', default: false, describe: 'Check, but change nothing' },
  },
  examples: [
    ['partition mode orders fetch --wait', 'all partitions; shows the steps and how it ended'],
    ['partition mode orders raft --partition 3', 'begins it, and does not wait'],
    ['partition mode orders fetch --dry-run', 'says which partitions would be refused, and why'],
    [
      'partition mode orders raft --wait --timeout 30s -o json',
      'for scripts: exit code 0 when all are done',
    ],
  ],
  async run(flags) {
    const topic = topicOf(flags);
    const partition = optionalNumber(flags, 'partition', 0, 0x7fff_ffff);
    const parallel = optionalNumber(flags, 'parallel', 1, 1000);
    const wanted: SwitchMode = {
      topic,
      to: flags.mode as ReplicationMode,
      dryRun: flags['dry-run'] === true,
      ...(partition === undefined ? {} : { partition }),
      ...(parallel === undefined ? {} : { parallel }),
    };
    const waitMs =
      flags.wait === true && wanted.dryRun !== true
        ? durationMs('timeout', textOf(flags, 'timeout') ?? WAIT)
        : undefined;
    const what = `the switch of "${topic}" to ${wanted.to}`;
    const results = await withSession(flags, what, async (client, call) => {
      const admin = client.admin();
      const before = await modesOf(admin, wanted, call);
      return waitMs === undefined
        ? beginOnly(admin, wanted, before, call, what)
        : untilEnd(admin, wanted, before, { ...call, timeout: waitMs });
    });
    printResults(formatOf(flags), wanted, results);
    const attempt = { topic, dryRun: wanted.dryRun === true, waitedMs: waitMs ?? 0 };
    for (const result of results) {
      const sentence = complaint(attempt, result);
      if (sentence !== undefined) note(`zhumq: ${sentence}`);
    }
    return exitCodeFor(results);
  },
};

type Modes = ReadonlyMap<number, ReplicationMode>;

/** The modes before the switch; refuses a partition that is not there. */
async function modesOf(
  admin: Admin,
  { topic, partition }: SwitchMode,
  call: CallOptions,
): Promise<Modes> {
  const [{ partitions }] = await tellIfSlow(
    `topic "${topic}"`,
    admin.describeTopics([topic], call),
  );
  if (partition !== undefined && partition >= partitions.length)
    throw unknownPartition(topic, partition, partitions.length);
  return new Map(partitions.map((one) => [one.partition, one.mode]));
}

async function beginOnly(
  admin: Admin,
  wanted: SwitchMode,
  before: Modes,
  call: CallOptions,
  what: string,
): Promise<SwitchResult[]> {
  const begun = await tellIfSlow(what, admin.switchMode(wanted, call));
  const looked = wanted.dryRun === true ? 'dry-run' : 'begun';
  return begun.map((one) => resultOf(one, modeBefore(one, before), looked, undefined));
}

async function untilEnd(
  admin: Admin,
  wanted: SwitchMode,
  before: Modes,
  call: CallOptions,
): Promise<SwitchResult[]> {
  const progress = new SwitchProgress(wanted.topic);
  let latest: readonly PartitionSwitch[] = [];
  let looked: Looked = 'to-the-end';
  try {
    for await (latest of admin.watchSwitch(wanted, call)) progress.show(latest);
  } catch (error) {
    if (latest.length > 0 && call.signal?.aborted === true)
      throw new Interrupted(
        `interrupted; the switch goes on without this command: "zhumq partition describe ${wanted.topic}" shows where it stands`,
      );
    if (latest.length === 0 || !isError(error, 'TIMEOUT')) throw error;
    looked = 'timed-out';
  } finally {
    progress.end();
  }
  return latest.map((one) =>
    resultOf(one, modeBefore(one, before), looked, progress.durationMs(one.partition)),
  );
}

function modeBefore({ partition, mode }: PartitionSwitch, before: Modes): ReplicationMode {
  return before.get(partition) ?? mode;
}

function printResults(
  format: OutputFormat,
  { topic, to, dryRun = false }: SwitchMode,
  results: readonly SwitchResult[],
): void {
  if (format === 'json') return print(JSON.stringify({ topic, to, dryRun, partitions: results }));
  printRows(
    format,
    format === 'jsonl' ? results.map((result) => ({ topic, ...result })) : results,
    [
      { title: 'PARTITION', value: (row) => row.partition },
      { title: 'FROM', value: (row) => row.from },
      { title: 'TO', value: (row) => row.to },
      { title: 'OUTCOME', value: (row) => row.outcome },
      { title: 'STEP', value: (row) => row.step },
      { title: 'GENERATION', value: (row) => row.generation },
      { title: 'MS', value: (row) => row.durationMs ?? undefined },
      { title: 'REASON', value: (row) => row.reason || undefined },
    ],
  );
  if (format !== 'jsonl') note(summary(results));
}
