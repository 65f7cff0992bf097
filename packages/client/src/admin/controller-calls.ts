// Calls to the active zkserver: finds it, follows NOT_CONTROLLER, tries again until the deadline.
import { Deadline, formatHostPort } from '@zhumq/base';
import type { HostPort, Timer, ZhumqError } from '@zhumq/base';
import { isError, zhumqError } from '@zhumq/model';
import type { ZkServerClient } from '@zhumq/rpc';
import type { CallOptions } from '../api/client.js';
import type { Cluster } from '../cluster/cluster.js';
import { asZhumqError } from '../errors.js';
import { durationOption } from '../option-values.js';
import { retrying, withinSignal } from '../retry.js';
import type { RetryLimits } from '../retry.js';

const TIMEOUT = '30s';
/** How often it is looked up, while a zkserver does not answer, whether another one is active. */
const SILENT_MS = 1000;

/** The limits of one call of a program. */
export function limitsOf(cluster: Cluster, options: CallOptions, failing: string): RetryLimits {
  const { clock, random } = cluster.options;
  const deadline = Deadline.after(clock, durationOption('timeout', options.timeout, TIMEOUT));
  return { clock, random, deadline, signal: options.signal, failing };
}

/** `earlierMayHaveWorked`: an attempt before this one ended without an answer. */
export async function callController<T>(
  cluster: Cluster,
  limits: RetryLimits,
  call: (client: ZkServerClient, timeoutMs: number, earlierMayHaveWorked: boolean) => Promise<T>,
): Promise<T> {
  let hinted: HostPort | undefined;
  const attempt = async (earlierMayHaveWorked: boolean): Promise<T> => {
    const address = hinted ?? (await activeZkServer(cluster));
    hinted = undefined;
    try {
      const timeoutMs = Math.min(limits.deadline.remainingMs(), cluster.options.requestTimeoutMs);
      const client = cluster.zkserver(address);
      const work = call(client, Math.max(1, timeoutMs), earlierMayHaveWorked);
      const result = await whileActive(cluster, address, work);
      cluster.changeWasMade();
      return result;
    } catch (caught) {
      const error = asZhumqError(caught);
      cluster.callFailed(address, error, 'call');
      hinted = controllerIn(error, address);
      // Whoever is asked next must not be the one who just failed.
      if (hinted === undefined && error.retriable) await cluster.refresh([]).catch(() => undefined);
      throw error;
    }
  };
  return withinSignal(retrying(attempt, limits), limits.signal);
}

/** As the work ends, or CONNECTION_LOST when another zkserver is active by then: this one may be frozen. */
async function whileActive<T>(cluster: Cluster, address: HostPort, work: Promise<T>): Promise<T> {
  const { view } = cluster;
  const epoch = view.controllerEpoch;
  let timer: Timer | undefined;
  const replaced = new Promise<never>((_resolve, reject) => {
    const check = (): void => {
      const active = view.controllerEpoch > epoch ? view.activeZkServer : undefined;
      if (active === undefined || formatHostPort(active) === formatHostPort(address)) return;
      const text = `the zkserver at ${formatHostPort(address)} gave no answer, and another one is active now`;
      reject(zhumqError('CONNECTION_LOST', text, { address: formatHostPort(address) }));
    };
    const look = (): void => void cluster.refresh([]).then(check, () => undefined);
    timer = cluster.options.clock.every(SILENT_MS, look);
  });
  try {
    return await Promise.race([work, replaced]);
  } finally {
    timer?.cancel();
  }
}

async function activeZkServer(cluster: Cluster): Promise<HostPort> {
  const known = cluster.view.activeZkServer;
  if (known !== undefined) return known;
  await cluster.refresh([]);
  const found = cluster.view.activeZkServer;
  if (found !== undefined) return found;
  throw zhumqError('NOT_CONTROLLER', 'no zkserver is known to be active');
}

function controllerIn(error: ZhumqError, asked: HostPort): HostPort | undefined {
  if (!isError(error, 'NOT_CONTROLLER')) return undefined;
  const { host, port } = error.context;
  if (typeof host !== 'string' || !(Number(port) > 0)) return undefined;
  const active = { host, port: Number(port) };
  return formatHostPort(active) === formatHostPort(asked) ? undefined : active;
}
