// One session with the simulated ensemble. Requests go there in order and are answered in order, with delays; news of
// watches come in the same stream, before the answers that show what they tell of. A connection that breaks leaves open
// what became of its requests: done, not done, or done a little later, but never after a later `sync`.
import type { Clock, Random } from '@zhumq/base';
import { LinkBroken } from '@zhumq/metadata';
import type {
  EmbeddedTree,
  LinkEvents,
  MultiDone,
  NodeStat,
  Refused,
  SessionLink,
} from '@zhumq/metadata';
import type { StoreNode, StoreOperation, WatchKind } from '@zhumq/metadata';
import type { Ensemble } from './ensemble.js';
import type { Life } from './life.js';
import type { Scheduler } from './scheduler.js';
import type { StoreFollower } from './store-follower.js';

interface Request {
  readonly execute: (token: string) => unknown;
  /** Of a write. */
  readonly operations: readonly StoreOperation[] | undefined;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
  state: 'under way' | 'done' | 'given up';
}

/** Tries to connect again after so long. */
const RECONNECT_MS = 300;
/** How much later a request that was broken off may be done. */
const STRAGGLER_MS = 2_000;

export class StoreLink implements SessionLink {
  token: string | undefined;
  private connected = false;
  /** Undefined: it is never behind. */
  private server: StoreFollower | undefined;
  /** Writes that this session has seen. */
  private seen = 0;
  private over = false;
  private disposed = false;
  /** Of connections: what belongs to an earlier one is dropped. */
  private connection = 0;
  private lastArrivalMs = 0;
  private lastAnswerMs = 0;
  /** Requests of a broken connection with an order not below this one are not done any more. */
  private syncs = 0;
  private requests = new Set<Request>();
  private missed: { readonly kind: WatchKind; readonly path: string }[] = [];
  private readonly scheduler: Scheduler;
  private readonly random: Random;

  constructor(
    private readonly ensemble: Ensemble,
    readonly host: string,
    readonly life: Life,
    private readonly clock: Clock,
    private readonly events: LinkEvents,
  ) {
    this.scheduler = ensemble.scheduler;
    this.random = ensemble.random;
    this.open();
  }

  getNode(path: string, watched: boolean): Promise<StoreNode | undefined> {
    return this.ask((token) => {
      const latest = this.ensemble.store.getNode(token, path, watched);
      return this.asSeen('node', path, watched, latest, (tree) => tree.get(path));
    });
  }

  getStat(path: string, watched: boolean): Promise<NodeStat | undefined> {
    return this.ask((token) => {
      const latest = this.ensemble.store.getStat(token, path, watched);
      return this.asSeen('node', path, watched, latest, (tree) => tree.stat(path));
    });
  }

  getChildren(path: string, watched: boolean): Promise<string[] | undefined> {
    return this.ask((token) => {
      const latest = this.ensemble.store.getChildren(token, path, watched);
      return this.asSeen('children', path, watched, latest, (tree) => tree.children(path));
    });
  }

  sync(): Promise<void> {
    return this.ask(() => {
      this.syncs++;
      this.catchUp();
      return undefined;
    });
  }

  write(operations: readonly StoreOperation[]): Promise<MultiDone | Refused> {
    return this.ask((token) => {
      const outcome = this.ensemble.store.write(token, operations);
      // A server answers a write when it has it itself.
      if (this.connected) this.catchUp();
      return outcome;
    }, operations);
  }

  beat(): Promise<void> {
    return this.ask(() => undefined);
  }

  async end(): Promise<void> {
    if (this.token === undefined || this.over) return;
    const { token } = this;
    if (this.connected) {
      await this.ask(() => this.ensemble.store.endSession(token)).catch(() => undefined);
      return;
    }
    // As soon as the servers can be reached, or when they have ended it themselves.
    await new Promise<void>((resolve) => {
      const look = (): void => {
        if (this.ensemble.isReachable(this.host)) this.ensemble.store.endSession(token);
        if (!this.ensemble.store.hasSession(token)) return resolve();
        this.scheduler.after(RECONNECT_MS, this.life, look);
      };
      look();
    });
  }

  dispose(): void {
    this.disposed = true;
    this.ensemble.forget(this);
    this.failAll();
  }

  // ---- for the ensemble

  /** Both sides notice, some time later; what is under way is broken off. */
  loseConnection(): void {
    if (!this.connected || this.disposed) return;
    this.connected = false;
    this.connection++;
    this.ensemble.breaks++;
    const { syncs } = this;
    for (const request of this.requests) {
      if (request.state === 'under way') this.decideFate(request, syncs);
    }
    this.scheduler.turn(this.life, () => {
      if (this.disposed) return;
      this.events.suspended();
      this.failAll();
      this.reconnectLater();
    });
  }

  // ---- connecting

  private open(): void {
    const sentAtMs = this.clock.monotonicMs();
    this.scheduler.after(this.ensemble.delayMs(), this.life, () => {
      if (this.disposed) return;
      if (!this.ensemble.isReachable(this.host)) {
        this.scheduler.after(RECONNECT_MS, this.life, () => this.open());
        return;
      }
      const timeoutMs = this.ensemble.options.sessionTimeoutMs;
      this.server = this.ensemble.anyServer();
      // A session is a write, too.
      this.catchUp();
      const token = this.ensemble.store.openSession({
        timeoutMs,
        onChanged: (kind, path) => this.tellChange(kind, path),
        onOver: () => this.tellOver(),
      });
      this.scheduler.after(this.ensemble.delayMs(), this.life, () => {
        if (this.disposed) return;
        this.token = token;
        this.connected = true;
        this.events.opened(token, timeoutMs, sentAtMs);
      });
    });
  }

  private reconnectLater(): void {
    const waitMs = RECONNECT_MS * (0.5 + this.random.fraction());
    this.scheduler.after(waitMs, this.life, () => this.reconnect());
  }

  private reconnect(): void {
    if (this.disposed || this.over || this.connected || this.token === undefined) return;
    if (!this.ensemble.isReachable(this.host)) return this.reconnectLater();
    const sentAtMs = this.clock.monotonicMs();
    const { token } = this;
    this.scheduler.after(2 * this.ensemble.delayMs(), this.life, () => {
      if (this.disposed || this.over) return;
      if (!this.ensemble.isReachable(this.host)) return this.reconnectLater();
      if (!this.ensemble.store.hasSession(token)) return this.becomeOver();
      this.ensemble.store.touch(token);
      this.server = this.ensemble.anyServer();
      // No server takes a session that has seen more than itself.
      this.server?.advance(this.seen);
      this.connected = true;
      this.events.resumed(sentAtMs);
      for (const { kind, path } of this.missed.splice(0)) this.events.changed(kind, path);
    });
  }

  // ---- requests

  private ask<T>(
    execute: (token: string) => unknown,
    operations?: readonly StoreOperation[],
  ): Promise<T> {
    if (!this.connected || this.over || this.disposed || !this.life.alive) {
      return Promise.reject(new LinkBroken('there is no connection'));
    }
    return new Promise<T>((resolve, reject) => {
      const request: Request = {
        ...{ execute, operations, reject, state: 'under way' },
        resolve: resolve as (value: unknown) => void,
      };
      this.requests.add(request);
      const { connection } = this;
      this.lastArrivalMs = this.inOrder(this.lastArrivalMs);
      const waitMs = this.lastArrivalMs - this.scheduler.nowMs;
      this.scheduler.after(waitMs, this.scheduler.world, () => {
        if (connection === this.connection && this.life.alive) this.serve(request, connection);
      });
    });
  }

  /** What a read finds at the server that this session is connected to, and when its watch there fires. */
  private asSeen<T>(
    kind: WatchKind,
    path: string,
    watched: boolean,
    latest: T,
    read: (tree: EmbeddedTree) => T,
  ): T {
    const { server } = this;
    if (server === undefined) {
      this.seen = this.ensemble.writes;
      return latest;
    }
    server.advance();
    const firesWith = watched ? server.nextTouching(kind, path) : undefined;
    if (firesWith !== undefined)
      server.whenApplied(firesWith, () => this.deliverChange(kind, path));
    this.seen = Math.max(this.seen, server.applied);
    return read(server.tree);
  }

  private catchUp(): void {
    this.server?.advance(this.ensemble.writes);
    this.seen = this.ensemble.writes;
  }

  /** At the servers. */
  private serve(request: Request, connection: number): void {
    const { token } = this;
    if (token === undefined || !this.ensemble.store.hasSession(token)) return;
    this.ensemble.store.touch(token);
    const { operations } = request;
    const fate = operations && this.ensemble.fateOf?.(this.host, operations);
    if (fate === 'lost') request.state = 'given up';
    if (fate === 'lost') return this.loseConnection();
    const answer = this.execute(request, token);
    const breaks = this.random.fraction() < this.ensemble.options.breakProbability;
    if (breaks || fate === 'unanswered') return this.loseConnection();
    this.inStream(connection, () => {
      this.requests.delete(request);
      answer();
    });
  }

  /** Runs it now; what it returns settles it. */
  private execute(request: Request, token: string): () => void {
    request.state = 'done';
    try {
      const value = request.execute(token);
      if (request.operations !== undefined) this.ensemble.onWritten?.(this.life);
      return () => request.resolve(value);
    } catch (error) {
      return () => request.reject(error as Error);
    }
  }

  /** A request that was broken off: never done, done now, or done later, unless a sync comes first. */
  private decideFate(request: Request, syncs: number): void {
    const { token } = this;
    request.state = 'given up';
    if (request.operations === undefined || token === undefined) return;
    const run = (): void => {
      if (this.syncs === syncs && this.ensemble.store.hasSession(token))
        this.execute(request, token);
    };
    const fate = this.random.below(3);
    if (fate === 1) run();
    if (fate === 2)
      this.scheduler.after(this.random.fraction() * STRAGGLER_MS, this.scheduler.world, run);
  }

  private failAll(): void {
    const requests = [...this.requests];
    this.requests.clear();
    for (const request of requests) request.reject(new LinkBroken('the connection was lost'));
  }

  // ---- what the servers tell

  private tellChange(kind: WatchKind, path: string): void {
    if (this.disposed || !this.life.alive) return;
    if (this.random.fraction() < this.ensemble.options.lostWatchProbability) return;
    const { server } = this;
    if (server === undefined) this.deliverChange(kind, path);
    else server.whenApplied(this.ensemble.writes, () => this.deliverChange(kind, path));
  }

  private deliverChange(kind: WatchKind, path: string): void {
    if (this.disposed || !this.life.alive) return;
    this.seen = Math.max(this.seen, this.server?.applied ?? this.ensemble.writes);
    const { connection } = this;
    if (!this.connected) {
      this.missed.push({ kind, path });
      return;
    }
    this.inStream(
      connection,
      () => this.events.changed(kind, path),
      () => this.missed.push({ kind, path }),
    );
  }

  private tellOver(): void {
    if (this.disposed || !this.connected || !this.life.alive) return;
    this.inStream(this.connection, () => this.becomeOver());
  }

  private becomeOver(): void {
    if (this.over || this.disposed) return;
    this.over = true;
    this.connected = false;
    this.connection++;
    this.ensemble.forget(this);
    this.events.over();
    this.failAll();
  }

  /** Arrives at the process behind everything that was sent to it before; not if the connection broke meanwhile. */
  private inStream(connection: number, arrive: () => void, missed?: () => void): void {
    this.lastAnswerMs = this.inOrder(this.lastAnswerMs);
    this.scheduler.after(this.lastAnswerMs - this.scheduler.nowMs, this.life, () => {
      if (this.disposed) return;
      if (connection === this.connection) arrive();
      else missed?.();
    });
  }

  private inOrder(lastMs: number): number {
    return Math.max(lastMs, this.scheduler.nowMs + this.ensemble.delayMs());
  }
}
