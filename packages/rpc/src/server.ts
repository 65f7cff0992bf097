// Accepts connections and watches over them: how many there are, and that none of them is slow on purpose.
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { SystemClock, formatHostPort, rateLimited, silentLogger } from '@zhumq/base';
import type { Clock, HostPort, Logger, Timer } from '@zhumq/base';
import { zhumqError } from '@zhumq/model';
import { BadConduct, Conduct } from './conduct.js';
import { Connection } from './connection.js';
import { Dispatcher } from './dispatcher.js';
import type { RefusalReason, RpcServerMetrics } from './dispatcher.js';
import { DEFAULT_SERVER_LIMITS } from './limits.js';
import type { ServerLimits } from './limits.js';
import type { Service } from './services.js';
import type { Transport } from './transport.js';
import { MalformedMessage } from './wire/bad-message.js';

const BAD_INPUT_LINES_PER_SECOND = 5;
const CALL_TIMEOUT_MS = 30_000;
const KEEP_ALIVE_MS = 30_000;
/** Timeouts are looked at this many times within the shortest of them. */
const SWEEPS_PER_TIMEOUT = 4;
const CLOSE_GRACE_MS = 5000;

export interface RpcServerOptions extends Partial<Pick<Transport, 'listenerFactory'>> {
  /** What is served; method names must be unique over all of them. */
  readonly services: readonly Service[];
  readonly limits?: Partial<ServerLimits>;
  /** How many values requests may have by methods that need more than the limit. */
  readonly largeMethods?: Readonly<Record<string, number>>;
  readonly logger?: Logger;
  readonly metrics?: RpcServerMetrics;
  readonly clock?: Clock;
}

/** A server that does not listen yet. */
export function createRpcServer(options: RpcServerOptions): RpcServer {
  return new RpcServer(options);
}

export class RpcServer {
  private readonly limits: ServerLimits;
  private readonly clock: Clock;
  private readonly logger: Logger;
  /** For what strangers cause. */
  private readonly limitedLogger: Logger;
  private readonly metrics: RpcServerMetrics | undefined;
  private readonly dispatcher: Dispatcher;
  private readonly listener: Server;
  private readonly connections = new Map<Connection, Conduct>();
  private sweeping: Timer | undefined;
  private allClosed: (() => void) | undefined;

  constructor(options: RpcServerOptions) {
    this.limits = { ...DEFAULT_SERVER_LIMITS, ...options.limits };
    this.clock = options.clock ?? new SystemClock();
    this.logger = options.logger ?? silentLogger;
    this.limitedLogger = rateLimited(this.logger, BAD_INPUT_LINES_PER_SECOND, this.clock);
    this.metrics = options.metrics;
    this.dispatcher = new Dispatcher(
      options.services,
      this.clock,
      this.limitedLogger,
      this.metrics,
      { maxValues: this.limits.maxValues, largeMethods: options.largeMethods },
    );
    const listenerFactory = options.listenerFactory ?? ((onSocket) => createServer(onSocket));
    this.listener = listenerFactory((socket) => this.accept(socket));
  }

  get connectionCount(): number {
    return this.connections.size;
  }

  /** Resolves with the address once connections are accepted; port 0 lets the system pick one. */
  listen(port: number, host: string): Promise<HostPort> {
    const { promise, resolve, reject } = withResolvers<HostPort>();
    this.listener.once('error', (error) =>
      reject(
        zhumqError(
          'INVALID_OPTION',
          `can not listen on ${formatHostPort({ host, port })}: ${error.message}`,
          { host, port },
          error,
        ),
      ),
    );
    this.listener.listen(port, host, () => {
      this.listener.removeAllListeners('error');
      // Errors of the listening socket (no file descriptors left) concern connections that are not there yet.
      this.listener.on('error', (err) =>
        this.limitedLogger.error({ err }, 'can not accept connections'),
      );
      const { address, port: picked } = this.listener.address() as AddressInfo;
      this.startSweeping();
      resolve({ host: address, port: picked });
    });
    return promise;
  }

  /**
   * Accepts no more connections, refuses new requests with STOPPING, waits at most `graceMs` until all that run are
   * answered, and ends all connections.
   */
  async close(graceMs = CLOSE_GRACE_MS): Promise<void> {
    this.dispatcher.stopping = true;
    const closed = new Promise<void>((resolve) => this.listener.close(() => resolve()));
    const idle = new Promise<void>((resolve) => (this.allClosed = resolve));
    const deadlineMs = this.clock.monotonicMs() + graceMs;
    const ending = new Set<Connection>();
    const endWhatIsDone = (): void => {
      const late = this.clock.monotonicMs() >= deadlineMs;
      for (const connection of [...this.connections.keys()]) {
        if (late) connection.destroy();
        else if (connection.requestsInFlight === 0 && !ending.has(connection)) {
          ending.add(connection);
          connection.endGracefully();
        }
      }
    };
    if (this.connections.size === 0) this.allClosed?.();
    endWhatIsDone();
    const polling = this.clock.every(Math.max(1, Math.min(20, graceMs / 4)), endWhatIsDone);
    await idle;
    polling.cancel();
    this.sweeping?.cancel();
    await closed;
  }

  private accept(socket: Socket): void {
    if (this.dispatcher.stopping || this.connections.size >= this.limits.maxConnections) {
      socket.on('error', () => undefined);
      socket.destroy();
      if (!this.dispatcher.stopping)
        this.countRefusal('too-many-connections', socket.remoteAddress);
      return;
    }
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    const connection: Connection = new Connection(
      socket,
      {
        maxFrameBytes: this.limits.maxFrameBytes,
        maxBufferedBytes: this.limits.maxBufferedBytes,
        callTimeoutMs: CALL_TIMEOUT_MS,
        dispatcher: this.dispatcher,
        hold: this.limits,
        clock: this.clock,
      },
      { closed: (error) => this.forget(connection, error) },
    );
    this.connections.set(
      connection,
      new Conduct(connection, this.limits, this.clock.monotonicMs()),
    );
    this.metrics?.opened?.();
  }

  private forget(connection: Connection, error: Error | undefined): void {
    this.connections.delete(connection);
    this.metrics?.closed?.();
    const { remoteAddress } = connection;
    if (error instanceof BadConduct) this.countRefusal(error.reason, remoteAddress, error);
    else if (error instanceof MalformedMessage)
      this.countRefusal('bad-input', remoteAddress, error);
    else if (error !== undefined && !('code' in error)) {
      // What has a code comes from the network: a reset by the peer is no news. The rest is a bug of ours.
      this.limitedLogger.error({ remoteAddress, err: error }, 'a connection was ended by a bug');
    }
    if (this.connections.size === 0) this.allClosed?.();
  }

  private countRefusal(
    reason: RefusalReason,
    remoteAddress: string | undefined,
    error?: Error,
  ): void {
    this.metrics?.refused?.(reason);
    const context = { reason, remoteAddress, detail: error?.message };
    this.limitedLogger.warn(context, 'a connection was ended because of what it did');
  }

  private startSweeping(): void {
    const { handshakeTimeoutMs, frameTimeoutMs, drainTimeoutMs } = this.limits;
    const shortest = Math.min(handshakeTimeoutMs, frameTimeoutMs, drainTimeoutMs);
    this.sweeping = this.clock.every(shortest / SWEEPS_PER_TIMEOUT, () => this.sweep());
  }

  private sweep(): void {
    const nowMs = this.clock.monotonicMs();
    for (const [connection, conduct] of [...this.connections]) {
      const reason = conduct.fault(nowMs);
      if (reason !== undefined) connection.destroy(new BadConduct(reason));
    }
  }
}

function withResolvers<T>(): {
  promise: Promise<T>;
  resolve: (value: T) => void;
  reject: (error: Error) => void;
} {
  let resolve!: (value: T) => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<T>((onValue, onError) => {
    resolve = onValue;
    reject = onError;
  });
  return { promise, resolve, reject };
}
