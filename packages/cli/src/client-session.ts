// The connection of a client verb to the cluster: which servers, how long to try, and its end.
import { parseHostPort } from '@zhumq/base';
import { connect } from '@zhumq/client';
import type { CallOptions, Client } from '@zhumq/client';
import type { Options } from 'yargs';
import { durationMs, textOf } from './arguments.js';
import type { Flags } from './arguments.js';
import { Interrupted, UsageError } from './exit-codes.js';
import { Interruption } from './interruption.js';
import { note } from './output.js';
import { tellIfSlow } from './waiting.js';

/** The first port of `zhumq dev`. */
const DEFAULT_BOOTSTRAP = '127.0.0.1:9640';
const CLOSE_TIMEOUT_MS = 5_000;

/** Flags of every verb that talks to a cluster. */
export const CLIENT_OPTIONS = {
  bootstrap: {
    alias: 'b',
    describe: `HOST:PORT[,HOST:PORT…] of brokers or zkservers, any of them [ZHUMQ_BOOTSTRAP, or ${DEFAULT_BOOTSTRAP}]`,
  },
  'connect-timeout': {
    describe: 'How long to try to reach one of them [ZHUMQ_CONNECT_TIMEOUT, or 5s]',
  },
} as const satisfies Record<string, Options>;

/** Flags of the verbs that are one request, or a few. */
export const ADMIN_OPTIONS = {
  ...CLIENT_OPTIONS,
  timeout: { describe: 'How long to wait for the answer [ZHUMQ_TIMEOUT, or 30s]' },
} as const satisfies Record<string, Options>;

/** Runs a verb that asks the cluster something. A signal ends it with Interrupted. */
export function withClient<T>(
  flags: Flags,
  what: string,
  use: (client: Client, call: CallOptions) => Promise<T>,
): Promise<T> {
  return withSession(flags, what, (client, call) => tellIfSlow(what, use(client, call)));
}

/** As withClient(), for verbs that say by themselves what they wait for. */
export async function withSession<T>(
  flags: Flags,
  what: string,
  use: (client: Client, call: CallOptions) => Promise<T>,
): Promise<T> {
  const timeout = durationMs('timeout', setting(flags, 'timeout', '30s'));
  const interruption = new Interruption();
  const { signal } = interruption;
  try {
    const client = await openClient(flags, signal);
    try {
      return await use(client, { signal, timeout });
    } finally {
      await client.close({ timeout: CLOSE_TIMEOUT_MS });
    }
  } catch (error) {
    if (!signal.aborted || error instanceof Interrupted) throw error;
    throw new Interrupted(`interrupted by ${interruption.by} while waiting for ${what}`);
  } finally {
    interruption.end();
  }
}

/** The caller closes it. `signal` gives the connecting up, nothing more. */
export async function openClient(flags: Flags, signal: AbortSignal): Promise<Client> {
  const servers = bootstrapServers(flags);
  const connectTimeout = durationMs('connect-timeout', setting(flags, 'connect-timeout', '5s'));
  const connecting = new AbortController();
  const giveUp = (): void => connecting.abort(signal.reason);
  signal.addEventListener('abort', giveUp, { once: true });
  if (signal.aborted) giveUp();
  try {
    const logger = process.env.ZHUMQ_DEBUG ? DEBUG_LOGGER : undefined;
    const connected = connect(servers, {
      connectTimeout,
      signal: connecting.signal,
      ...(logger === undefined ? {} : { logger }),
    });
    return await tellIfSlow(`an answer of ${servers.join(', ')}`, connected);
  } finally {
    signal.removeEventListener('abort', giveUp);
  }
}

/** Throws UsageError. */
export function bootstrapServers(
  flags: Flags,
  environment: NodeJS.ProcessEnv = process.env,
): readonly string[] {
  const given = textOf(flags, 'bootstrap');
  const [origin, text] =
    given !== undefined
      ? ['--bootstrap', given]
      : environment.ZHUMQ_BOOTSTRAP
        ? ['ZHUMQ_BOOTSTRAP', environment.ZHUMQ_BOOTSTRAP]
        : ['', DEFAULT_BOOTSTRAP];
  const servers = text.replace(/^zhumq:\/\//, '').split(',');
  return servers.map((server) => {
    if (parseHostPort(server) === undefined)
      throw new UsageError(
        `${origin} is HOST:PORT[,HOST:PORT…], such as ${DEFAULT_BOOTSTRAP}; "${server}" is not`,
      );
    return server.trim();
  });
}

/** Flag, else environment, else default. */
function setting(flags: Flags, flag: string, initial: string): string {
  const variable = `ZHUMQ_${flag.replaceAll('-', '_').toUpperCase()}`;
  return textOf(flags, flag) ?? (process.env[variable] || initial);
}

const debugNote = (level: string) => (context: object, message: string) =>
  note(`${level} ${message} ${JSON.stringify(context)}`);

const DEBUG_LOGGER = {
  debug: debugNote('debug'),
  info: debugNote('info'),
  warn: debugNote('warn'),
  error: debugNote('error'),
};
