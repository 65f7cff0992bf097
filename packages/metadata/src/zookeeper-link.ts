// One ZooKeeper session: paths under the chroot, watches, the chroot itself, and a polite end.
import { parentOf } from './paths.js';
import type { MultiDone, NodeStat, Refused, StoreNode, StoreOperation } from './metadata-store.js';
import type { LinkEvents, SessionLink, WatchKind } from './session-link.js';
import { ZooKeeperClient } from './zookeeper-client.js';
import type { ZooKeeperClientOptions } from './zookeeper-client.js';
import { ErrorCode, callsOf, transactionOf } from './zookeeper-library.js';
import type {
  LibraryCalls,
  LibraryError,
  LibraryStat,
  TransactionResult,
} from './zookeeper-library.js';
import { doneOf, fillTransaction, refusedOf, storeError } from './zookeeper-transaction.js';

export interface ZooKeeperLinkOptions extends ZooKeeperClientOptions {
  /** Empty or a path. */
  readonly chroot: string;
}

type Done<T> = (error: LibraryError | null | undefined, result: T) => void;
type Watcher = () => void;

const NO_OWNER = '0'.repeat(16);

export class ZooKeeperLink implements SessionLink {
  private readonly client: ZooKeeperClient;
  private readonly calls: LibraryCalls;
  private readonly watchers = new Map<string, Watcher>();
  private hadSession = false;
  private isOpen = false;
  private isOver = false;
  private ending: { readonly promise: Promise<void>; readonly resolve: () => void } | undefined;

  constructor(
    private readonly options: ZooKeeperLinkOptions,
    private readonly events: LinkEvents,
  ) {
    this.client = new ZooKeeperClient(options, {
      connected: (sentAtMs) => this.handleConnected(sentAtMs),
      disconnected: () => this.handleDisconnected(),
      expired: () => this.becomeOver(),
      closed: () => this.becomeOver(),
    });
    this.calls = callsOf(this.client.client);
  }

  async getNode(path: string, watched: boolean): Promise<StoreNode | undefined> {
    for (;;) {
      const node = await this.readData(path, watched);
      // getData leaves no watch on a missing node, exists does; it may have been created in between.
      if (node !== undefined || !watched) return node;
      if ((await this.readStat(path, 'node', true)) === undefined) return undefined;
    }
  }

  getStat(path: string, watched: boolean): Promise<NodeStat | undefined> {
    return this.readStat(path, 'node', watched);
  }

  async getChildren(path: string, watched: boolean): Promise<string[] | undefined> {
    for (;;) {
      const names = await this.readChildren(path, watched);
      if (names !== undefined || !watched) return names;
      if ((await this.readStat(path, 'children', true)) === undefined) return undefined;
    }
  }

  sync(): Promise<void> {
    return this.client.sync(this.fullPath('/')).catch((error: LibraryError) => {
      throw storeError(error);
    });
  }

  async write(operations: readonly StoreOperation[]): Promise<MultiDone | Refused> {
    const transaction = transactionOf(this.client.client);
    let results: TransactionResult[] | undefined;
    try {
      await this.client.request<undefined>((done) => {
        fillTransaction(transaction, operations, (path) => this.fullPath(path));
        transaction.commit((error, answers) => {
          results = answers;
          done(error, undefined);
        });
      });
    } catch (error) {
      return refusedOf(error as LibraryError, results, operations);
    }
    return doneOf(results ?? [], (path) => this.ownPath(path));
  }

  async beat(): Promise<void> {
    await this.readStat('/', 'node', false);
  }

  end(): Promise<void> {
    if (this.ending !== undefined) return this.ending.promise;
    let resolve: () => void = () => undefined;
    const promise = new Promise<void>((settle) => (resolve = settle));
    this.ending = { promise, resolve };
    if (this.isOver || !this.hadSession) resolve();
    // Without a connection: as soon as there is one, or until the servers say that it expired.
    else this.client.close();
    return promise;
  }

  dispose(): void {
    this.client.dispose();
    this.watchers.clear();
    this.ending?.resolve();
  }

  private handleConnected(sentAtMs: number): void {
    this.hadSession = true;
    if (this.ending !== undefined) {
      this.client.close();
    } else if (this.isOpen) {
      this.events.resumed(sentAtMs);
    } else {
      this.open(sentAtMs).catch(() => undefined);
    }
  }

  private handleDisconnected(): void {
    if (this.isOpen && this.ending === undefined) this.events.suspended();
  }

  private becomeOver(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.client.dispose();
    if (this.ending === undefined) this.events.over();
    this.ending?.resolve();
  }

  /** A broken connection meanwhile means: again at the next `connected`. */
  private async open(sentAtMs: number): Promise<void> {
    if (this.options.chroot !== '') await this.createWithParents(this.options.chroot);
    if (this.isOver || this.isOpen || this.ending !== undefined) return;
    this.isOpen = true;
    const { sessionId, sessionTimeoutMs } = this.client;
    this.events.opened(sessionId, sessionTimeoutMs, sentAtMs);
  }

  /** Pitfall 16: ZooKeeper answers "no node" to everything under a chroot that is missing. */
  private async createWithParents(path: string): Promise<void> {
    const exists = await this.client.request<LibraryStat | null | undefined>((done) =>
      this.calls.exists(path, undefined, done),
    );
    if (exists !== null && exists !== undefined) return;
    if (parentOf(path) !== '/') await this.createWithParents(parentOf(path));
    await this.client
      .request<string>((done) => this.calls.create(path, Buffer.alloc(0), done))
      .catch((error: LibraryError) => {
        if (error.code !== ErrorCode.nodeExists) throw error;
      });
  }

  private async readData(path: string, watched: boolean): Promise<StoreNode | undefined> {
    let stat: LibraryStat | undefined;
    const data = await this.read<Buffer | undefined>(
      (full, watcher, done) =>
        this.calls.getData(full, watcher, (error, bytes, read) => {
          stat = read;
          done(error, bytes);
        }),
      path,
      watched ? 'node' : undefined,
    );
    if (stat === undefined) return undefined;
    // Pitfall 15: a node without data gives undefined.
    return { data: data === undefined ? Buffer.alloc(0) : Buffer.from(data), ...statOf(stat) };
  }

  private async readStat(
    path: string,
    kind: WatchKind,
    watched: boolean,
  ): Promise<NodeStat | undefined> {
    const stat = await this.read<LibraryStat | null | undefined>(
      (full, watcher, done) => this.calls.exists(full, watcher, done),
      path,
      watched ? kind : undefined,
    );
    return stat === null || stat === undefined ? undefined : statOf(stat);
  }

  private readChildren(path: string, watched: boolean): Promise<string[] | undefined> {
    return this.read<string[]>(
      (full, watcher, done) => this.calls.getChildren(full, watcher, done),
      path,
      watched ? 'children' : undefined,
    );
  }

  /** Undefined when the node is missing. */
  private async read<T>(
    send: (fullPath: string, watcher: Watcher | undefined, done: Done<T>) => void,
    path: string,
    watch: WatchKind | undefined,
  ): Promise<T | undefined> {
    const watcher = watch === undefined ? undefined : this.watcherOf(watch, path);
    try {
      return await this.client.request<T>((done) => send(this.fullPath(path), watcher, done));
    } catch (error) {
      if ((error as LibraryError).code === ErrorCode.noNode) return undefined;
      throw storeError(error as LibraryError);
    }
  }

  /**
   * Pitfall 15: the library warns of more than ten watchers per path and takes the same function once, so there is one
   * function for each thing watched.
   */
  private watcherOf(kind: WatchKind, path: string): Watcher {
    const key = `${kind} ${path}`;
    let watcher = this.watchers.get(key);
    if (watcher === undefined) {
      watcher = () => {
        this.watchers.delete(key);
        if (this.ending === undefined) this.events.changed(kind, path);
      };
      this.watchers.set(key, watcher);
    }
    return watcher;
  }

  private fullPath(path: string): string {
    return path === '/' ? this.options.chroot || '/' : this.options.chroot + path;
  }

  private ownPath(path: string): string {
    return path === this.options.chroot ? '/' : path.slice(this.options.chroot.length);
  }
}

function statOf(stat: LibraryStat): NodeStat {
  const owner = stat.ephemeralOwner.toString('hex');
  return { version: stat.version, owner: owner === NO_OWNER ? undefined : owner };
}
