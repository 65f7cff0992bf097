// The embedded store: the tree, its journal and the sessions, in one process. For development, tests and the simulator;
// clusters run on ZooKeeper. Everything is synchronous inside, so that operations are atomic and in one order.
import type { Clock, Timer } from '@zhumq/base';
import { zhumqError } from '@zhumq/model';
import { EmbeddedJournal } from './embedded-journal.js';
import { EmbeddedLink } from './embedded-link.js';
import { EmbeddedTree, touchedBy } from './embedded-tree.js';
import type { Effect } from './embedded-tree.js';
import { LinkedStore } from './linked-store.js';
import type { MetadataStore, MultiDone, NodeStat, Refused, StoreNode } from './metadata-store.js';
import type { StoreOperation } from './metadata-store.js';
import { checkOperations } from './request-checks.js';
import type { WatchKind } from './session-link.js';

export interface EmbeddedStoreOptions {
  readonly clock: Clock;
  /** Keeps the persistent nodes here; without it they live as long as the object. One process at a time. */
  readonly file?: string;
  /** Begins the tokens of sessions. Default: something random, so that tokens of an earlier life are nobody's. */
  readonly tokenPrefix?: string;
  /** Told of every change before its watches are; for the simulator. */
  readonly onApplied?: (effects: readonly Effect[]) => void;
}

export interface EmbeddedSessionOptions {
  /** Expires when `touch` does not come for so long; Infinity for sessions in this process. */
  readonly timeoutMs: number;
  readonly onChanged: (kind: WatchKind, path: string) => void;
  readonly onOver: () => void;
}

/** Watches of one session. */
const WATCH_LIMIT = 20_000;

interface EmbeddedSession extends EmbeddedSessionOptions {
  timer: Timer | undefined;
  expiresMs: number;
  /** Keys of its watches, `node /path` and `children /path`. */
  readonly watched: Set<string>;
}

export class EmbeddedStore {
  private readonly clock: Clock;
  private readonly tree = new EmbeddedTree();
  private readonly journal: EmbeddedJournal | undefined;
  private readonly sessions = new Map<string, EmbeddedSession>();
  private readonly stores = new Set<MetadataStore>();
  private readonly tokenPrefix: string;
  private sessionCount = 0;
  private failure: unknown;
  private closed = false;

  /** Reads the file; DATA_CORRUPT when it is damaged. */
  constructor(private readonly options: EmbeddedStoreOptions) {
    this.clock = options.clock;
    this.tokenPrefix = options.tokenPrefix ?? Math.floor(options.clock.wallMs()).toString(16);
    if (options.file === undefined) return;
    this.journal = EmbeddedJournal.open(options.file, (effect) => this.tree.restore(effect));
  }

  /** A store for a user in this process, with sessions of its own that end with `close` or `expireSession` only. */
  connect(operationTimeoutMs?: number): MetadataStore {
    const options = { clock: this.clock, ...(operationTimeoutMs && { operationTimeoutMs }) };
    const store = new LinkedStore((events) => new EmbeddedLink(this, events), options);
    this.stores.add(store);
    return store;
  }

  /** Ends all sessions and lets go of the file. */
  async close(): Promise<void> {
    await Promise.all([...this.stores].map((store) => store.close()));
    for (const token of [...this.sessions.keys()]) this.endSession(token);
    this.closed = true;
    this.journal?.close();
  }

  openSession(options: EmbeddedSessionOptions): string {
    this.throwIfUnusable();
    const token = `${this.tokenPrefix}-${(++this.sessionCount).toString(16)}`;
    const session: EmbeddedSession = {
      ...options,
      timer: undefined,
      expiresMs: Infinity,
      watched: new Set(),
    };
    this.sessions.set(token, session);
    this.touch(token);
    this.watchExpiry(token, session);
    return token;
  }

  hasSession(token: string): boolean {
    return this.sessions.has(token);
  }

  /** The session's user was heard of. */
  touch(token: string): void {
    const session = this.sessions.get(token);
    if (session !== undefined) session.expiresMs = this.clock.monotonicMs() + session.timeoutMs;
  }

  /** As if its user had not been heard of for too long; for tests and the simulator. */
  expireSession(token: string): void {
    this.sessions.get(token)?.onOver();
    this.endSession(token);
  }

  /** Its ephemeral nodes and watches go. */
  endSession(token: string): void {
    const session = this.sessions.get(token);
    if (session === undefined) return;
    session.timer?.cancel();
    this.sessions.delete(token);
    const operations = this.tree.ownedBy(token).map((path): StoreOperation => {
      const version = this.tree.stat(path)?.version ?? 0;
      return { kind: 'delete', path, version };
    });
    const outcome = this.tree.apply(operations, token);
    if (outcome.ok) this.wake(outcome.effects);
  }

  getNode(token: string, path: string, watched: boolean): StoreNode | undefined {
    this.prepareRead(token, 'node', path, watched);
    return this.tree.get(path);
  }

  getStat(token: string, path: string, watched: boolean): NodeStat | undefined {
    this.prepareRead(token, 'node', path, watched);
    return this.tree.stat(path);
  }

  getChildren(token: string, path: string, watched: boolean): string[] | undefined {
    this.prepareRead(token, 'children', path, watched);
    return this.tree.children(path);
  }

  /** Durable, if there is a file, before anybody sees it. */
  write(token: string, operations: readonly StoreOperation[]): MultiDone | Refused {
    this.throwIfUnusable();
    checkOperations(operations);
    const outcome = this.tree.apply(operations, token);
    if (!outcome.ok) return outcome;
    this.record(outcome.effects);
    this.wake(outcome.effects);
    return { ok: true, results: outcome.results };
  }

  private prepareRead(token: string, kind: WatchKind, path: string, watched: boolean): void {
    this.throwIfUnusable();
    const session = this.sessions.get(token);
    if (!watched || session === undefined) return;
    session.watched.add(`${kind} ${path}`);
    if (session.watched.size <= WATCH_LIMIT) return;
    session.watched.delete(`${kind} ${path}`);
    const message = `A session can have ${WATCH_LIMIT} watches; watch parents instead`;
    throw zhumqError('OVERLOADED', message, { limit: WATCH_LIMIT });
  }

  /** A disk that failed once is not trusted again: what it holds is unknown, so this store answers nothing any more. */
  private record(effects: readonly Effect[]): void {
    if (this.journal === undefined) return;
    try {
      this.journal.append(effects);
      if (this.journal.wantsCompaction()) this.journal.compact(this.tree.persistent());
    } catch (error) {
      this.failure = error;
      this.throwIfUnusable();
    }
  }

  private wake(effects: readonly Effect[]): void {
    this.options.onApplied?.(effects);
    for (const effect of effects) {
      const { nodes, lists } = touchedBy(effect);
      for (const path of nodes) this.notify('node', path);
      for (const path of lists) this.notify('children', path);
    }
  }

  private notify(kind: WatchKind, path: string): void {
    for (const session of this.sessions.values()) {
      if (session.watched.delete(`${kind} ${path}`)) session.onChanged(kind, path);
    }
  }

  private watchExpiry(token: string, session: EmbeddedSession): void {
    if (session.timeoutMs === Infinity) return;
    const waitMs = Math.max(1, session.expiresMs - this.clock.monotonicMs());
    session.timer = this.clock.after(waitMs, () => {
      if (this.clock.monotonicMs() >= session.expiresMs) this.expireSession(token);
      else this.watchExpiry(token, session);
    });
  }

  private throwIfUnusable(): void {
    if (this.closed) throw zhumqError('CLOSED', 'The embedded store was closed');
    if (this.failure === undefined) return;
    const message = `The file of the embedded store, ${this.options.file}, failed; restart to read it again`;
    throw zhumqError('STORE_UNAVAILABLE', message, { sent: true }, this.failure);
  }
}
