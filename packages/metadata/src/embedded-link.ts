// A session with an embedded store in the same process: no wire, no timeout.
import type { EmbeddedStore } from './embedded-store.js';
import type { MultiDone, NodeStat, Refused, StoreNode, StoreOperation } from './metadata-store.js';
import { LinkBroken } from './session-link.js';
import type { LinkEvents, SessionLink } from './session-link.js';

export class EmbeddedLink implements SessionLink {
  private token: string | undefined;
  private disposed = false;

  constructor(
    private readonly store: EmbeddedStore,
    private readonly events: LinkEvents,
  ) {
    queueMicrotask(() => this.open());
  }

  getNode(path: string, watched: boolean): Promise<StoreNode | undefined> {
    return this.run((token) => this.store.getNode(token, path, watched));
  }

  getStat(path: string, watched: boolean): Promise<NodeStat | undefined> {
    return this.run((token) => this.store.getStat(token, path, watched));
  }

  getChildren(path: string, watched: boolean): Promise<string[] | undefined> {
    return this.run((token) => this.store.getChildren(token, path, watched));
  }

  sync(): Promise<void> {
    return this.run(() => undefined);
  }

  write(operations: readonly StoreOperation[]): Promise<MultiDone | Refused> {
    return this.run((token) => this.store.write(token, operations));
  }

  beat(): Promise<void> {
    return this.sync();
  }

  end(): Promise<void> {
    if (this.token !== undefined) this.store.endSession(this.token);
    return Promise.resolve();
  }

  dispose(): void {
    this.disposed = true;
    void this.end();
  }

  private open(): void {
    if (this.disposed) return;
    try {
      this.token = this.openSession();
    } catch {
      return; // The store was closed or its file failed: there is no session any more.
    }
    this.events.opened(this.token, Infinity, 0);
  }

  private openSession(): string {
    return this.store.openSession({
      timeoutMs: Infinity,
      onChanged: (kind, path) => {
        if (!this.disposed) this.events.changed(kind, path);
      },
      // Later, so that the session is gone for everybody when its user hears of it.
      onOver: () => queueMicrotask(() => this.becomeOver()),
    });
  }

  private becomeOver(): void {
    if (!this.disposed) this.events.over();
  }

  /** Asynchronous, so that a throw of the store becomes a rejection. */
  private async run<T>(request: (token: string) => T): Promise<T> {
    if (this.token === undefined || this.disposed || !this.store.hasSession(this.token)) {
      throw new LinkBroken('the session is over');
    }
    return request(this.token);
  }
}
