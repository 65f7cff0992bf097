// The caller's end: one address, one connection that is made when it is needed and made again after a loss. Nothing is
// repeated here: a call that fails with the connection is settled, and whoever made it decides.
import { connect } from 'node:net';
import { Backoff, SystemClock, formatHostPort, silentLogger, systemRandom } from '@zhumq/base';
import type { BackoffOptions, Clock, HostPort, Logger, Random, Timer } from '@zhumq/base';
import { zhumqError } from '@zhumq/model';
import { Connection } from './connection.js';
import type { CallOptions, CallTarget } from './contract.js';
import { Dispatcher } from './dispatcher.js';
import { MAX_BUFFERED_BYTES, MAX_FRAME_BYTES } from './limits.js';
import type { Method } from './method.js';
import type { RpcChannelMetrics } from './pending-calls.js';
import type { Service } from './services.js';
import type { Transport } from './transport.js';

const CONNECT_TIMEOUT_MS = 3000;
const CALL_TIMEOUT_MS = 30_000;
const BACKOFF: BackoffOptions = { minMs: 20, maxMs: 1000 };
const KEEP_ALIVE_MS = 15_000;

export interface ChannelOptions extends HostPort, Partial<Pick<Transport, 'socketFactory'>> {
  /** Time for a connection to be made; 3,000 by default. */
  readonly connectTimeoutMs?: number;
  /** Time for a call that does not name its own; 30,000 by default. */
  readonly callTimeoutMs?: number;
  /**
   * Drops a connection from which nothing came for so long while calls wait for answers or bytes for the kernel; the
   * next call makes a new one. Undefined: only the kernel notices. Calls that may wait longer need others beside them.
   */
  readonly silenceTimeoutMs?: number;
  /** Longest message in either direction, in bytes; 64 MiB by default. */
  readonly maxFrameBytes?: number;
  /** Calls are refused with OVERLOADED while more bytes than this wait for the kernel; 16 MiB by default. */
  readonly maxBufferedBytes?: number;
  /** Between attempts to connect. Calls in between are refused at once. */
  readonly backoff?: BackoffOptions;
  /** What the other side may call over this connection. */
  readonly services?: readonly Service[];
  /** A connection ended, or could not be made; not called for close(). For who is called and need not call by itself. */
  readonly onLost?: (error: Error | undefined) => void;
  readonly metrics?: RpcChannelMetrics;
  readonly logger?: Logger;
  readonly clock?: Clock;
  readonly random?: Random;
}

/** A channel that connects at its first call. */
export function connectChannel(options: ChannelOptions): RpcChannel {
  return new RpcChannel(options);
}

export class RpcChannel implements CallTarget {
  readonly address: HostPort;
  private readonly clock: Clock;
  private readonly backoff: Backoff;
  private readonly dispatcher: Dispatcher | undefined;
  private connection: Connection | undefined;
  /** No attempt to connect before this moment. */
  private retryAtMs = -Infinity;
  private lastError: Error | undefined;
  private waiting: (() => void)[] = [];
  private closed = false;
  private ending: Promise<void> | undefined;
  /** Told, at an orderly end, why the connection ended. */
  private afterEnd: ((error: Error | undefined) => void) | undefined;

  constructor(private readonly options: ChannelOptions) {
    this.address = { host: options.host, port: options.port };
    this.clock = options.clock ?? new SystemClock();
    this.backoff = new Backoff(options.backoff ?? BACKOFF, options.random ?? systemRandom());
    this.dispatcher =
      options.services &&
      new Dispatcher(options.services, this.clock, options.logger ?? silentLogger, undefined);
  }

  get connected(): boolean {
    return this.connection?.connected ?? false;
  }

  /** Grows with whatever comes over the present connection: what stays the same tells of silence. */
  get chunksReceived(): number {
    return this.connection?.chunks ?? 0;
  }

  /** Bytes encoded and not yet taken by the kernel. */
  get bufferedBytes(): number {
    return this.connection?.bufferedBytes ?? 0;
  }

  /** Use a typed client (brokerClient and its like) instead. */
  call(method: Method, values: readonly unknown[], options?: CallOptions): Promise<unknown> {
    const connection = this.connect();
    if (connection === undefined) return Promise.reject(this.notConnected(method));
    return connection.call(method, values, options);
  }

  /** Use a typed client instead. */
  send(method: Method, values: readonly unknown[]): boolean {
    return this.connect()?.send(method, values) ?? false;
  }

  /** Resolves when a call would not be refused with OVERLOADED, which may be at once; rejects with CLOSED. */
  ready(): Promise<void> {
    if (this.closed) return Promise.reject(this.closedError());
    if (this.connection?.waitsForDrain !== true) return Promise.resolve();
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  /** Resolves when the kernel has what was sent until now. Rejects, retriably, when the connection ended before. */
  written(): Promise<void> {
    return this.connection?.written() ?? Promise.reject(this.lostError());
  }

  /**
   * The orderly end: as close(), but one-way messages leave first. The connection may still be made, the kernel takes
   * what was written, and the other side reads it to the end. Rejects when it is known that some was dropped: after
   * `withinMs`, or because the connection was lost.
   */
  end(withinMs: number): Promise<void> {
    this.ending ??= this.endOnce(withinMs);
    return this.ending;
  }

  /**
   * Ends the connection at once, after what was written was offered to the kernel; what it does not take is dropped.
   * Pending calls reject: those that were never sent with CLOSED, the others with CONNECTION_LOST. Later calls reject
   * with CLOSED.
   */
  close(): void {
    this.closed = true;
    this.connection?.flush();
    this.connection?.destroy(this.closedError());
  }

  private async endOnce(withinMs: number): Promise<void> {
    const { connection } = this;
    this.closed = true;
    if (connection?.carriedOneway !== true) return this.close();
    const ended = new Promise<Error | undefined>((resolve) => (this.afterEnd = resolve));
    const late = new Error(`not within ${withinMs} ms`);
    const timer = this.clock.after(withinMs, () => connection.destroy(late));
    try {
      const written = connection.written();
      connection.endGracefully();
      const [, error] = await Promise.all([written, ended]);
      // The kernel of a peer that does not answer in time has it all, or goes on trying.
      if (error !== undefined && error !== late) throw this.lostError(error);
    } finally {
      timer.cancel();
    }
  }

  private connect(): Connection | undefined {
    if (this.closed) return undefined;
    if (this.connection !== undefined) return this.connection;
    if (this.clock.monotonicMs() < this.retryAtMs) return undefined;
    const { options, address } = this;
    const name = `${address.host}:${address.port}`;
    const socket = options.socketFactory?.(address) ?? connect({ ...address, noDelay: true });
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    const connection = new Connection(
      socket,
      {
        remoteAddress: name,
        maxFrameBytes: options.maxFrameBytes ?? MAX_FRAME_BYTES,
        maxBufferedBytes: options.maxBufferedBytes ?? MAX_BUFFERED_BYTES,
        callTimeoutMs: options.callTimeoutMs ?? CALL_TIMEOUT_MS,
        silenceTimeoutMs: options.silenceTimeoutMs,
        dispatcher: this.dispatcher,
        clock: this.clock,
        metrics: options.metrics,
      },
      {
        opened: () => connecting.cancel(),
        drained: () => this.wake(),
        closed: (error) => {
          connecting.cancel();
          this.afterLoss(connection, error);
        },
      },
    );
    const connectTimeoutMs = options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS;
    const connecting: Timer = this.clock.after(connectTimeoutMs, () => {
      connection.destroy(new Error(`no connection within ${connectTimeoutMs} ms`));
    });
    this.connection = connection;
    return connection;
  }

  /** A connection that brought something was a good one: the next is made at once. */
  private afterLoss(connection: Connection, error: Error | undefined): void {
    this.connection = undefined;
    this.lastError = error;
    if (connection.frames > 0) this.backoff.reset();
    else this.retryAtMs = this.clock.monotonicMs() + this.backoff.nextMs();
    this.wake();
    this.afterEnd?.(error);
    if (!this.closed) this.options.onLost?.(error);
  }

  private wake(): void {
    if (this.waiting.length === 0) return;
    const { waiting } = this;
    this.waiting = [];
    for (const resolve of waiting) resolve();
  }

  private notConnected(method: Method): Error {
    if (this.closed) return this.closedError();
    const address = formatHostPort(this.address);
    const why = this.lastError === undefined ? '' : `: ${this.lastError.message}`;
    return zhumqError(
      'CONNECTION_REFUSED',
      `${method.name} was not sent: the last connection to ${address} failed${why}; the next is tried a little later`,
      { method: method.name, address },
      this.lastError,
    );
  }

  private lostError(cause = this.lastError): Error {
    const address = formatHostPort(this.address);
    const why = cause === undefined ? '' : `: ${cause.message}`;
    const text = `the connection to ${address} ended before everything that was sent had been read${why}`;
    return zhumqError('CONNECTION_LOST', text, { address }, cause);
  }

  private closedError(): Error {
    return zhumqError('CLOSED', `the channel to ${formatHostPort(this.address)} was closed`);
  }
}
