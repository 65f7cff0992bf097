// zhumq dev: a whole cluster for development, with neither Java nor containers.
import { parseDurationMs } from '@zhumq/base';
import { UsageError } from '../exit-codes.js';
import { note } from '../output.js';
import type { LoadedVerb } from '../command-tree.js';
import { devPortCount, startDevCluster } from '../servers/dev-cluster.js';
import { DEFAULT_FIRST_PORT, findPortBlock } from '../servers/port-block.js';
import type { PortBlock } from '../servers/port-block.js';
import type { RunningServer } from '../servers/running-server.js';
import { serve } from '../servers/serve.js';
import { logSettings } from './server-flags.js';
import type { Flags } from './server-flags.js';

const MAX_BROKERS = 20;
/** How long ports that were asked for may still be held. */
const PORTS_WAIT_MS = 3_000;
const LOOK_MS = 50;

export const dev: LoadedVerb = {
  flags: (verb) =>
    verb
      .option('brokers', { type: 'string', default: '3', describe: 'Number of brokers' })
      .option('data-dir', {
        type: 'string',
        default: './zhumq-data',
        describe: 'Folder that keeps everything',
      })
      .option('port', {
        type: 'string',
        describe: `First of consecutive ports: zkserver, brokers, their metrics; 0: any free ones [${DEFAULT_FIRST_PORT}, or the next free block]`,
      })
      .option('processes', {
        type: 'boolean',
        default: false,
        describe: 'Give each broker a process of its own',
      })
      .option('restart-after', {
        type: 'string',
        default: '2s',
        describe:
          'With --processes: when a broker that died is started again; never: it stays away',
      })
      .option('log-level', {
        choices: ['debug', 'info', 'warn', 'error', 'silent'],
        default: 'error',
        describe: 'Least severity that is logged',
      })
      .option('log-format', {
        choices: ['json', 'short'],
        default: 'short',
        describe: 'Form of log lines on standard error',
      })
      .option('output', {
        alias: 'o',
        choices: ['table', 'json'],
        default: 'table',
        describe: 'Form of the ready line',
      })
      .option('stop-with-parent', { type: 'boolean', default: false, hidden: true }),
  run: (flags) =>
    serve(() => start(flags), {
      json: flags.output === 'json',
      stopWithParent: flags['stop-with-parent'] === true,
      waitsFor: 'the servers of the cluster to start',
    }),
};

async function start(flags: Flags): Promise<RunningServer> {
  const brokers = wholeNumber('brokers', String(flags.brokers), 1, MAX_BROKERS);
  return startDevCluster({
    brokers,
    dataDirectory: String(flags['data-dir']),
    ports: await ports(
      flags.port === undefined ? undefined : wholeNumber('port', String(flags.port), 0, 65_535),
      brokers,
    ),
    processes: flags.processes === true,
    restartAfterMs: restartAfterMs(String(flags['restart-after'])),
    log: logSettings(flags),
    note: (text) => note(`zhumq dev: ${text}`),
  });
}

async function ports(asked: number | undefined, brokers: number): Promise<readonly number[]> {
  const count = devPortCount(brokers);
  const find = (): Promise<PortBlock | undefined> =>
    findPortBlock(asked ?? DEFAULT_FIRST_PORT, count, asked !== undefined);
  let block = await find();
  // What an earlier life left running is on its way out.
  for (let waitedMs = 0; block === undefined && waitedMs < PORTS_WAIT_MS; waitedMs += LOOK_MS) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    block = await find();
  }
  if (block === undefined) {
    throw new UsageError(
      `ports ${asked} to ${(asked ?? 0) + count - 1} are not all free; name another --port, or 0 for any`,
    );
  }
  if (block.moved)
    note(
      `zhumq dev: ports from ${DEFAULT_FIRST_PORT} on are taken; using those from ${block.ports[0]} on`,
    );
  return block.ports;
}

function restartAfterMs(text: string): number | undefined {
  if (text === 'never') return undefined;
  const parsed = parseDurationMs(text, 's');
  if (parsed === undefined)
    throw new UsageError(
      `--restart-after is a duration such as 2s, or never; "${text}" is neither`,
    );
  return parsed;
}

function wholeNumber(flag: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new UsageError(`--${flag} is a whole number from ${min} to ${max}; "${text}" is not`);
  }
  return value;
}
