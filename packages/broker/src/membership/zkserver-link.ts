// Calls to the zkservers: finds the active one in the metadata store, follows NOT_CONTROLLER, and tries again until the
// caller's signal ends it. Losing the store or all zkservers delays what this carries; it never fails the data path.
import { Backoff, ZhumqError, delay } from '@zhumq/base';
import type { Clock, Logger, Random } from '@zhumq/base';
import { childOf, paths } from '@zhumq/metadata';
import type { MetadataStore } from '@zhumq/metadata';
import { zhumqError, zkServerRegistrationCodec } from '@zhumq/model';
import { zkServerClient } from '@zhumq/rpc';
import type { ChannelPool, ZkServerClient } from '@zhumq/rpc';

interface Address {
  readonly host: string;
  readonly port: number;
}

export interface ZkServerLinkOptions {
  readonly store: MetadataStore;
  readonly channels: ChannelPool;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

export class ZkServerLink {
  private active: Address | undefined;
  /** The zkservers as they were last read from the store. */
  private found: readonly Address[] = [];

  constructor(private readonly options: ZkServerLinkOptions) {}

  /** Calls the active zkserver; retriable failures are tried again until the signal is aborted. */
  async callActive<T>(
    call: (client: ZkServerClient) => Promise<T>,
    signal: AbortSignal,
    onFailure: (error: ZhumqError) => void = () => undefined,
  ): Promise<T> {
    const { clock, random, logger } = this.options;
    const backoff = new Backoff({ minMs: 50, maxMs: 2000 }, random);
    for (;;) {
      signal.throwIfAborted();
      try {
        return await call(await this.activeClient());
      } catch (error) {
        this.active = controllerOf(error);
        if (!ZhumqError.is(error) || !error.retriable) throw error;
        onFailure(error);
        logger.debug({ err: error }, 'call to the zkserver failed; it will be tried again');
      }
      await delay(clock, backoff.nextMs(), signal);
    }
  }

  /** For callers that wait themselves: STORE_UNAVAILABLE when no zkserver has answered by then. */
  async callActiveWithin<T>(
    timeoutMs: number,
    call: (client: ZkServerClient) => Promise<T>,
    stopping: AbortSignal,
  ): Promise<T> {
    const late = new AbortController();
    const signal = AbortSignal.any([stopping, late.signal]);
    let last: ZhumqError | undefined;
    const timer = this.options.clock.after(timeoutMs, () => {
      const why = last === undefined ? '' : `: ${last.message}`;
      const text = `no zkserver answered within ${timeoutMs} ms${why}`;
      late.abort(zhumqError('STORE_UNAVAILABLE', text, { sent: false }, last));
    });
    try {
      // The metadata store has a longer deadline of its own.
      return await Promise.race([
        this.callActive(call, signal, (error) => (last = error)),
        aborted(signal),
      ]);
    } finally {
      timer.cancel();
    }
  }

  /** Asks any zkserver, once, the active one first. */
  async callAny<T>(call: (client: ZkServerClient) => Promise<T>): Promise<T> {
    let failure: unknown = zhumqError(
      'STORE_UNAVAILABLE',
      'no zkserver is registered in the metadata store',
    );
    for (const address of await this.candidates()) {
      try {
        return await call(this.client(address));
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  }

  private async activeClient(): Promise<ZkServerClient> {
    this.active ??= await this.readAddress(paths.controller);
    if (this.active === undefined)
      throw zhumqError('NOT_CONTROLLER', 'no zkserver is active at present');
    return this.client(this.active);
  }

  /**
   * Without the store those found last, and at once: while ZooKeeper is away, clients must learn of elections, and they
   * believe whichever server answers first.
   */
  private async candidates(): Promise<readonly Address[]> {
    const known = this.active === undefined ? [] : [this.active];
    try {
      if (this.options.store.session.state === 'connected')
        this.found = await this.readCandidates();
    } catch (error) {
      if (known.length + this.found.length === 0) throw error;
    }
    const isKnown = (one: Address): boolean =>
      known.some((other) => one.host === other.host && one.port === other.port);
    return [...known, ...this.found.filter((one) => !isKnown(one))];
  }

  private async readCandidates(): Promise<readonly Address[]> {
    const names = (await this.options.store.children(paths.candidates)) ?? [];
    const read = names.map((name) => this.readAddress(childOf(paths.candidates, name)));
    return (await Promise.all(read)).filter((address) => address !== undefined);
  }

  private async readAddress(path: string): Promise<Address | undefined> {
    const node = await this.options.store.get(path);
    if (node === undefined) return undefined;
    const { host, port } = zkServerRegistrationCodec.decode(node.data);
    return { host, port };
  }

  private client(address: Address): ZkServerClient {
    return zkServerClient(this.options.channels.channel(address));
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const end = (): void => reject(signal.reason as Error);
    if (signal.aborted) end();
    else signal.addEventListener('abort', end, { once: true });
  });
}

/** The address that NOT_CONTROLLER names, if it names one. */
function controllerOf(error: unknown): Address | undefined {
  if (!ZhumqError.is(error) || error.code !== 'NOT_CONTROLLER') return undefined;
  const { host, port } = error.context;
  return typeof host === 'string' && Number(port) > 0 ? { host, port: Number(port) } : undefined;
}
