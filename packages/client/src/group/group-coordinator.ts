// The broker that coordinates a group: found by asking any broker, asked, and found again when it is another one. Makes one
// attempt for each call, or repeats it while that can help.
import { Deadline } from '@zhumq/base';
import type { HostPort, ZhumqError } from '@zhumq/base';
import { zhumqError } from '@zhumq/model';
import { groupClient } from '@zhumq/rpc';
import type { GroupClient } from '@zhumq/rpc';
import type { Cluster } from '../cluster/cluster.js';
import { asZhumqError } from '../errors.js';
import { retrying } from '../retry.js';

/** A broker that is asked for the coordinator gets so long, then the next one is asked. */
const FIND_TIMEOUT_MS = 1000;
/** What the coordinator itself says; after anything else it may be another broker. */
const ITS_WORD: ReadonlySet<string> = new Set([
  ...['UNKNOWN_MEMBER', 'FENCED_MEMBER', 'FENCED_INSTANCE', 'NOT_OWNED', 'POSITION_BEHIND'],
  ...['INVALID_REQUEST', 'COORDINATOR_LOADING', 'GROUP_FULL', 'OVERLOADED'],
  ...['UNKNOWN_GROUP', 'GROUP_NOT_EMPTY', 'UNKNOWN_TOPIC', 'UNKNOWN_PARTITION'],
]);

export type GroupCall<T> = (client: GroupClient, timeoutMs: number) => Promise<T>;

export class GroupCoordinator {
  private known: HostPort | undefined;
  private asked = 0;

  constructor(
    private readonly cluster: Cluster,
    private readonly group: string,
  ) {
    this.asked = cluster.options.random.below(1024);
  }

  /** One attempt, which includes finding it. */
  async ask<T>(call: GroupCall<T>, timeoutMs: number): Promise<T> {
    const deadline = Deadline.after(this.cluster.options.clock, timeoutMs);
    const address = this.known ?? (await this.find(timeoutMs));
    this.known = address;
    try {
      return await call(this.clientAt(address), Math.max(1, deadline.remainingMs()));
    } catch (caught) {
      const error = asZhumqError(caught);
      if (!ITS_WORD.has(error.code)) this.doubt(address, error);
      throw error;
    }
  }

  /** Again and again while that can help, until the deadline. */
  persist<T>(
    call: GroupCall<T>,
    { deadline, signal, failing }: { deadline: Deadline; signal?: AbortSignal; failing: string },
  ): Promise<T> {
    const { clock, random, requestTimeoutMs } = this.cluster.options;
    const attempt = (): Promise<T> => {
      return this.ask(call, Math.max(1, Math.min(requestTimeoutMs, deadline.remainingMs())));
    };
    return retrying(attempt, { clock, random, deadline, signal, failing });
  }

  private doubt(address: HostPort, error: ZhumqError): void {
    this.cluster.callFailed(address, error, 'call');
    if (this.known !== address) return;
    this.known = error.code === 'NOT_COORDINATOR' ? addressIn(error) : undefined;
  }

  private async find(timeoutMs: number): Promise<HostPort> {
    const { brokers } = this.cluster.view;
    const alive = brokers.filter((broker) => broker.alive);
    const candidates = alive.length > 0 ? alive : brokers;
    if (candidates.length === 0) {
      this.cluster.refresh([]).catch(() => undefined);
      throw zhumqError('CONNECTION_REFUSED', 'no broker is known to ask for the coordinator');
    }
    const { endpoint } = candidates[this.asked++ % candidates.length];
    const options = { timeoutMs: Math.min(FIND_TIMEOUT_MS, timeoutMs) };
    try {
      return await this.clientAt(endpoint).findCoordinator(this.group, options);
    } catch (caught) {
      const error = asZhumqError(caught);
      if (error.retriable) this.cluster.refresh([]).catch(() => undefined);
      throw error;
    }
  }

  private clientAt(address: HostPort): GroupClient {
    return groupClient(this.cluster.channel(address));
  }
}

/** Whom NOT_COORDINATOR names, if it does; values of a context are strings after the wire. */
function addressIn({ context: { host, port } }: ZhumqError): HostPort | undefined {
  const valid = typeof host === 'string' && host !== '' && Number(port) > 0;
  return valid ? { host, port: Number(port) } : undefined;
}
