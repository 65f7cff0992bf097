// zhumq cluster health: 0 when all is well, 1 and the reasons when not; a cluster that does not answer is not well.
import { ZhumqError } from '@zhumq/client';
import type { Admin, CallOptions, ClusterHealth } from '@zhumq/client';
import { durationMs, intervalMs, textOf } from '../../arguments.js';
import { ADMIN_OPTIONS, openClient } from '../../client-session.js';
import type { Verb } from '../../command-tree.js';
import { EXIT } from '../../exit-codes.js';
import { Interruption } from '../../interruption.js';
import { OUTPUT_OPTION, counted, formatOf, isJson, print } from '../../output.js';
import type { OutputFormat } from '../../output.js';
import { pause, tellIfSlow } from '../../waiting.js';

type Health = Pick<ClusterHealth, 'ok' | 'problems'> & Partial<ClusterHealth>;

export const clusterHealth: Verb = {
  usage: 'health',
  describe: 'Say whether all is well: exit code 0, or 1 with the reasons',
  options: {
    ...ADMIN_OPTIONS,
    ...OUTPUT_OPTION,
    watch: { alias: 'w', type: 'boolean', default: false, describe: 'Go on, print each change' },
    interval: { default: '1s', describe: 'With --watch: how often to look' },
    'exit-when-healthy': {
      type: 'boolean',
      default: false,
      describe: 'With --watch: end with 0 as soon as all is well',
    },
  },
  examples: [
    ['cluster health', 'for scripts and probes'],
    ['cluster health --watch --exit-when-healthy', 'waits until all is well'],
  ],
  async run(flags) {
    const format = formatOf(flags);
    const everyMs = intervalMs(flags);
    const timeout = durationMs('timeout', textOf(flags, 'timeout') ?? '30s');
    const interruption = new Interruption();
    const { signal } = interruption;
    const look = () => healthOf((use) => once(flags, signal, use), { signal, timeout });
    try {
      let shown = '';
      for (;;) {
        const health = await look();
        if (signal.aborted) return EXIT.interrupted;
        const text = JSON.stringify(health);
        if (text !== shown) printHealth(format, health);
        shown = text;
        if (flags.watch !== true) return health.ok ? EXIT.ok : EXIT.failed;
        if (health.ok && flags['exit-when-healthy'] === true) return EXIT.ok;
        await pause(everyMs, signal);
      }
    } finally {
      interruption.end();
    }
  },
};

type Ask = (admin: Admin) => Promise<Health>;

/** A connection for each look: --watch outlives the servers that it knew. */
async function once(
  flags: Parameters<typeof openClient>[0],
  signal: AbortSignal,
  ask: Ask,
): Promise<Health> {
  const client = await openClient(flags, signal);
  try {
    return await ask(client.admin());
  } finally {
    await client.close({ timeout: 1000 });
  }
}

/** No answer is an answer, too. */
async function healthOf(
  connected: (ask: Ask) => Promise<Health>,
  call: CallOptions,
): Promise<Health> {
  try {
    return await connected((admin) =>
      tellIfSlow('the health of the cluster', admin.clusterHealth(call)),
    );
  } catch (error) {
    if (!ZhumqError.is(error)) throw error;
    return { ok: false, problems: [`the cluster does not answer: ${error.message}`] };
  }
}

function printHealth(format: OutputFormat, health: Health): void {
  if (isJson(format)) return print(JSON.stringify(health));
  const { ok, problems, brokers, partitions } = health;
  if (brokers !== undefined && partitions !== undefined)
    print(
      `${ok ? 'healthy' : 'NOT HEALTHY'}: ${brokers.alive} of ${brokers.total} brokers alive, ${counted(partitions.total, 'partition')}, ${partitions.withoutLeader} without leader, ${partitions.underReplicated} under-replicated`,
    );
  else print('NOT HEALTHY');
  for (const problem of problems) print(`  ${problem}`);
}
