// One client object of node-zookeeper-client made safe. The numbers are those of docs/zookeeper.md, "Pitfalls of the
// client library"; what belongs to a session rather than to the wire is in zookeeper-link.ts.
import type { Backoff, Clock, HostPort, Timer } from '@zhumq/base';
import { FrameSplitter } from './frame-splitter.js';
import { RequestType, createClient, errorOfCode, managerOf } from './zookeeper-library.js';
import { ErrorCode, ManagerState } from './zookeeper-library.js';
import type {
  ConnectionManager,
  LibraryCallback,
  LibraryClient,
  LibraryError,
  LibraryRequest,
} from './zookeeper-library.js';

export interface ZooKeeperClientOptions {
  readonly servers: readonly HostPort[];
  readonly sessionTimeoutMs: number;
  readonly clock: Clock;
  readonly backoff: Backoff;
}

/** `sentAtMs` of connected: when the request was sent that the server answered. */
export interface ZooKeeperClientEvents {
  connected(sentAtMs: number): void;
  disconnected(): void;
  expired(): void;
  closed(): void;
}

interface Flight {
  readonly sentAtMs: number;
  readonly reject: (error: LibraryError) => void;
}

/** A request unanswered for this share of the session timeout: the server is a black hole, try another one. */
const READ_TIMEOUT_SHARE = 1 / 4;
const HANDSHAKE_TIMEOUT_SHARE = 1 / 6;
const LOOKS_PER_TIMEOUT = 24;
/** xids are signed 32-bit integers on the wire. */
const XID_LIMIT = 2 ** 31 - 2 ** 16;

export class ZooKeeperClient {
  readonly client: LibraryClient;
  private readonly manager: ConnectionManager;
  private readonly clock: Clock;
  private readonly flights = new Set<Flight>();
  private readonly look: Timer;
  private readonly packets = new FrameSplitter();
  private serverIndex = 0;
  private lookedAtMs = 0;
  private failures = 0;
  private socketConnectedMs: number | undefined;
  private closesOnConnect = false;
  private disposed = false;

  constructor(
    private readonly options: ZooKeeperClientOptions,
    private readonly events: ZooKeeperClientEvents,
  ) {
    this.clock = options.clock;
    // Only their number matters to the library (time to connect); findNextServer below hands out the real ones.
    const list = options.servers.map(() => 'server:1').join(',');
    // Pitfall 14: CONNECTION_LOSS is ambiguous; the library's retries would send a write twice.
    this.client = createClient(list, { sessionTimeout: options.sessionTimeoutMs, retries: 0 });
    this.manager = managerOf(this.client);
    this.patch();
    this.manager.on('state', (state) => this.handleState(state));
    const periodMs = Math.max(10, options.sessionTimeoutMs / LOOKS_PER_TIMEOUT);
    this.look = this.clock.every(periodMs, () => this.destroyStuckSocket());
    this.client.connect();
  }

  get isConnected(): boolean {
    return this.manager.state === ManagerState.connected;
  }

  /** Hexadecimal; zeros before the first connect (pitfall 15: longs are buffers). */
  get sessionId(): string {
    return this.manager.sessionId.toString('hex');
  }

  /** As the server granted it. */
  get sessionTimeoutMs(): number {
    return this.manager.sessionTimeout;
  }

  /**
   * Pitfalls 5 and 10: calls of the library become promises that always settle (with the connection, if not before),
   * and no code of a caller runs inside its socket handler.
   */
  request<T>(
    send: (done: (error: LibraryError | null | undefined, result: T) => void) => void,
  ): Promise<T> {
    if (this.disposed || !this.isConnected) {
      return Promise.reject(errorOfCode(ErrorCode.connectionLoss));
    }
    // Pitfall 19: the library counts on beyond 2^31.
    if (this.manager.xid >= XID_LIMIT) this.manager.xid = 1;
    return new Promise<T>((resolve, reject) => {
      const flight: Flight = { sentAtMs: this.clock.monotonicMs(), reject };
      this.flights.add(flight);
      const done = (error: LibraryError | null | undefined, result: T): void => {
        this.flights.delete(flight);
        if (error) {
          reject(error);
          return;
        }
        this.failures = 0;
        this.options.backoff.reset();
        resolve(result);
      };
      try {
        send(done);
      } catch (error) {
        // Pitfall 15: bad arguments throw synchronously.
        done(error as LibraryError, undefined as T);
      }
    });
  }

  /**
   * Pitfall 12: the library has no sync(). The request is written by hand; to the library its answer then looks like
   * that of a `remove`, which has no body it would want to parse.
   */
  async sync(path: string): Promise<void> {
    await this.request<undefined>((done) => {
      const header = { xid: 0, type: RequestType.sync as number };
      const toBuffer = (): Buffer => {
        const name = Buffer.from(path);
        const packet = Buffer.alloc(16 + name.length);
        packet.writeInt32BE(12 + name.length, 0);
        packet.writeInt32BE(header.xid, 4);
        packet.writeInt32BE(RequestType.sync, 8);
        packet.writeInt32BE(name.length, 12);
        name.copy(packet, 16);
        header.type = RequestType.remove;
        return packet;
      };
      const request: LibraryRequest = { header, payload: null, toBuffer };
      this.manager.queue(request, done as LibraryCallback);
    });
  }

  /**
   * Ends the session on the server; `closed` follows, at the latest when the connection breaks. Without a connection:
   * with the next one.
   */
  close(): void {
    this.closesOnConnect = true;
    if (!this.isConnected) return;
    if (this.disposed || this.manager.state === ManagerState.closing) return;
    this.client.close();
  }

  /** Pitfall 17: a client without a connection can not be closed. It is cut off from sockets, timers and events. */
  dispose(): void {
    if (this.disposed) return;
    this.disposed = true;
    this.look.cancel();
    this.manager.connect = () => undefined;
    this.dropRequests(ErrorCode.connectionLoss);
    this.clearConnectTimer();
    this.manager.socket?.destroy();
  }

  private patch(): void {
    const { manager } = this;
    const onSocketConnected = manager.onSocketConnected;
    manager.onSocketConnected = () => {
      this.socketConnectedMs = this.clock.monotonicMs();
      onSocketConnected.call(manager);
      // Right behind the handshake: were it to wait for an answer that does not come, each try would lengthen the life
      // of the session it wants to end.
      if (this.closesOnConnect) manager.socket?.write(closePacket());
    };
    const onSocketData = manager.onSocketData;
    manager.onSocketData = (bytes) => {
      const { socket } = manager;
      try {
        for (const packet of this.packets.push(bytes)) {
          if (socket?.destroyed !== false) return;
          onSocketData.call(manager, packet);
        }
      } catch {
        // Bytes that are no ZooKeeper answer throw in the decoder: that connection is of no more use.
        socket?.destroy();
      }
    };
    // The library starts again at full speed when a server takes the connection and drops it. Here only an answered
    // request counts as success, and the pauses grow.
    manager.findNextServer = (callback) => {
      const { servers, backoff } = this.options;
      const delayMs = this.failures < servers.length ? 0 : backoff.nextMs();
      this.failures++;
      const server = servers[this.serverIndex++ % servers.length];
      this.clock.after(delayMs, () => {
        if (!this.disposed) callback(server);
      });
    };
  }

  private handleState(state: number): void {
    if (this.disposed) return;
    if (state === ManagerState.connected) {
      const sentAtMs = this.socketConnectedMs ?? this.clock.monotonicMs();
      this.socketConnectedMs = undefined;
      this.events.connected(sentAtMs);
    } else if (state === ManagerState.disconnected) {
      this.handleDisconnected();
      this.events.disconnected();
    } else if (state === ManagerState.expired) {
      // Pitfall 7: the object is dead from here on; its owner takes a new one.
      this.dropRequests(ErrorCode.sessionExpired);
      this.events.expired();
    } else if (state === ManagerState.closed) {
      this.events.closed();
    }
  }

  private handleDisconnected(): void {
    this.socketConnectedMs = undefined;
    // Pitfall 4: half an answer of the old connection would be taken for the head of the new one's first.
    this.packets.reset();
    this.manager.pendingBuffer = null;
    // The timer of a connect that failed would otherwise cut a later connection.
    this.clearConnectTimer();
    this.dropRequests(ErrorCode.connectionLoss);
  }

  /**
   * Pitfalls 5 and 6: packets the library still holds back would be sent after a reconnect, ahead of the watches, and
   * after we reported their outcome as unknown. They go with the connection.
   */
  private dropRequests(code: number): void {
    this.manager.packetQueue.queue.length = 0;
    const flights = [...this.flights];
    this.flights.clear();
    for (const flight of flights) flight.reject(errorOfCode(code));
  }

  /** Pitfalls 2 and 3: the library waits for ever for an answer, and for the answer to its handshake. */
  private destroyStuckSocket(): void {
    const nowMs = this.clock.monotonicMs();
    const timeoutMs = this.manager.sessionTimeout;
    // When this process was held up itself, answers may lie unread.
    const wasHeldUp = nowMs - this.lookedAtMs > (4 * timeoutMs) / LOOKS_PER_TIMEOUT;
    this.lookedAtMs = nowMs;
    if (wasHeldUp) return;
    const handshakeMs = this.socketConnectedMs === undefined ? 0 : nowMs - this.socketConnectedMs;
    const oldest = this.flights.values().next().value;
    const unansweredMs = oldest === undefined ? 0 : nowMs - oldest.sentAtMs;
    const isStuck =
      handshakeMs > timeoutMs * HANDSHAKE_TIMEOUT_SHARE ||
      unansweredMs > timeoutMs * READ_TIMEOUT_SHARE;
    if (isStuck) this.manager.socket?.destroy();
  }

  private clearConnectTimer(): void {
    if (this.manager.connectTimeoutHandler !== null)
      clearTimeout(this.manager.connectTimeoutHandler);
  }
}

function closePacket(): Buffer {
  const packet = Buffer.alloc(12);
  packet.writeInt32BE(8, 0);
  packet.writeInt32BE(0, 4);
  packet.writeInt32BE(RequestType.closeSession, 8);
  return packet;
}
