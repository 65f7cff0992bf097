// The long-lived store over a row of sessions: waits for a connection, repeats reads, never repeats a write, keeps its
// own session deadline and replaces a lost session. What a session is made of is the business of its SessionLink.
//
//   lost(0) -> connected(1) <-> suspended(1) -> lost(1) -> connected(2) <-> ...
//   The step to `lost` is taken on the servers' word or on our own deadline, whichever is first. The old session is
//   over (closed or expired) before the next one is opened, so nothing of the old one is done any more beside it.
import type { Clock, Timer } from '@zhumq/base';
import { zhumqError } from '@zhumq/model';
import type {
  Created,
  CreateOptions,
  Done,
  MetadataStore,
  MultiDone,
  NodeStat,
  ReadOptions,
  Refused,
  Session,
  SessionListener,
  StoreNode,
  StoreOperation,
  Written,
} from './metadata-store.js';
import { withinTime } from './time-limit.js';
import { checkOperations, checkPath } from './request-checks.js';
import { SessionDeadline } from './session-deadline.js';
import { SessionGate } from './session-gate.js';
import { LinkBroken } from './session-link.js';
import type { LinkEvents, OpenLink, SessionLink, WatchKind } from './session-link.js';
import { WatchTable } from './watch-table.js';

export interface LinkedStoreOptions {
  readonly clock: Clock;
  /** Every operation ends within this time. Default 10 s. */
  readonly operationTimeoutMs?: number;
  /** Where the servers are, for the texts of errors: `ZooKeeper at zk1:2181, zk2:2181`. */
  readonly place?: string;
}

const DEFAULT_OPERATION_TIMEOUT_MS = 10_000;
/** A beat whenever nothing was sent for this share of the session timeout. */
const BEAT_SHARE = 1 / 6;
/** How long `close` waits for the servers. */
const CLOSE_LIMIT_MS = 2_000;
/** A read that loses its connection this often in one call gives up: the connection is there and breaks on this very request. */
const READ_ATTEMPTS = 16;

export class LinkedStore implements MetadataStore {
  private readonly clock: Clock;
  private readonly operationTimeoutMs: number;
  private readonly place: string | undefined;
  private readonly gate = new SessionGate();
  private readonly watches = new WatchTable();
  private readonly deadline: SessionDeadline;
  private link: SessionLink;
  private beats: Timer | undefined;
  private beating = false;
  private lastSentMs = 0;
  private closing: Promise<void> | undefined;

  constructor(
    private readonly openLink: OpenLink,
    options: LinkedStoreOptions,
  ) {
    this.clock = options.clock;
    this.operationTimeoutMs = options.operationTimeoutMs ?? DEFAULT_OPERATION_TIMEOUT_MS;
    this.place = options.place;
    this.deadline = new SessionDeadline(options.clock, () => this.becomeLost());
    this.link = this.nextLink();
  }

  get session(): Session {
    this.deadline.passed();
    return this.gate.session;
  }

  get(path: string, options: ReadOptions = {}): Promise<StoreNode | undefined> {
    return this.read('node', path, options, (link) =>
      link.getNode(path, options.watch !== undefined),
    );
  }

  children(path: string, options: ReadOptions = {}): Promise<readonly string[] | undefined> {
    return this.read('children', path, options, async (link) => {
      const names = await link.getChildren(path, options.watch !== undefined);
      return names?.sort();
    });
  }

  exists(path: string, options: ReadOptions = {}): Promise<NodeStat | undefined> {
    return this.read('node', path, options, (link) =>
      link.getStat(path, options.watch !== undefined),
    );
  }

  async create(
    path: string,
    data: Uint8Array,
    options: CreateOptions = {},
  ): Promise<Created | Refused> {
    const outcome = await this.multi([{ kind: 'create', path, data, ...options }]);
    return outcome.ok ? { ok: true, path: outcome.results[0].path ?? path } : outcome;
  }

  async set(path: string, data: Uint8Array, expectedVersion: number): Promise<Written | Refused> {
    const outcome = await this.multi([{ kind: 'set', path, data, version: expectedVersion }]);
    if (!outcome.ok) return outcome;
    return { ok: true, version: outcome.results[0].version ?? expectedVersion + 1 };
  }

  async delete(path: string, expectedVersion: number): Promise<Done | Refused> {
    const outcome = await this.multi([{ kind: 'delete', path, version: expectedVersion }]);
    return outcome.ok ? { ok: true } : outcome;
  }

  async multi(operations: readonly StoreOperation[]): Promise<MultiDone | Refused> {
    checkOperations(operations);
    if (operations.length === 0) return { ok: true, results: [] };
    const untilMs = this.clock.monotonicMs() + this.operationTimeoutMs;
    const link = await this.linkForWrite(untilMs);
    try {
      return await this.ask(link, untilMs, () => link.write(operations));
    } catch (error) {
      if (!(error instanceof LinkBroken)) throw error;
      throw this.closedError() ?? this.unavailable('gave no answer to a write', true, error);
    }
  }

  onSession(listener: SessionListener): () => void {
    return this.gate.onChange(listener);
  }

  close(): Promise<void> {
    this.closing ??= this.shut();
    return this.closing;
  }

  private async read<T>(
    kind: WatchKind,
    path: string,
    options: ReadOptions,
    request: (link: SessionLink) => Promise<T>,
  ): Promise<T> {
    checkPath(path);
    const untilMs = this.clock.monotonicMs() + this.operationTimeoutMs;
    const watch = options.watch;
    // Before the request is sent: a change right after the answer must find it.
    if (watch !== undefined) this.watches.add(kind, path, watch);
    try {
      return await this.readRepeatedly(options.fresh === true, untilMs, request);
    } catch (error) {
      if (watch !== undefined) this.watches.remove(kind, path, watch);
      throw error;
    }
  }

  private async readRepeatedly<T>(
    fresh: boolean,
    untilMs: number,
    request: (link: SessionLink) => Promise<T>,
  ): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      const link = await this.linkForRead(untilMs);
      try {
        if (fresh) await this.ask(link, untilMs, () => link.sync());
        return await this.ask(link, untilMs, () => request(link));
      } catch (error) {
        if (!(error instanceof LinkBroken)) throw error;
        const late = attempt === READ_ATTEMPTS || this.clock.monotonicMs() >= untilMs;
        if (late) throw this.unavailable('gave no answer to a read', true, error);
      }
    }
  }

  /** Runs a request of a link, within the time limit; whatever answer keeps the session alive. */
  private async ask<T>(link: SessionLink, untilMs: number, request: () => Promise<T>): Promise<T> {
    const sentAtMs = this.clock.monotonicMs();
    this.lastSentMs = sentAtMs;
    const late = () => new LinkBroken('no answer within the time limit');
    try {
      const answer = await withinTime(this.clock, untilMs, request(), late);
      if (link === this.link) this.deadline.answered(sentAtMs);
      return answer;
    } catch (error) {
      if (!(error instanceof LinkBroken) && link === this.link) this.deadline.answered(sentAtMs);
      throw error;
    }
  }

  private async linkForRead(untilMs: number): Promise<SessionLink> {
    while (this.session.state !== 'connected') await this.sessionChange(untilMs);
    this.throwIfClosed();
    return this.link;
  }

  /** A write waits out a suspension and the first connect, but a session that was lost takes it with it. */
  private async linkForWrite(untilMs: number): Promise<SessionLink> {
    const { number } = this.session;
    for (;;) {
      this.throwIfClosed();
      const session = this.session;
      const isLost = session.number > 0 && session.state === 'lost';
      if (isLost || (number > 0 && session.number !== number)) {
        throw this.unavailable(`lost session ${number}; a write needs a new one`, false);
      }
      if (session.state === 'connected') return this.link;
      await this.sessionChange(untilMs);
    }
  }

  private async sessionChange(untilMs: number): Promise<void> {
    this.throwIfClosed();
    const { changed, forget } = this.gate.nextChange();
    const late = () =>
      this.unavailable(`could not be reached for ${this.operationTimeoutMs} ms`, false);
    try {
      await withinTime(this.clock, untilMs, changed, late);
    } finally {
      forget();
    }
    this.throwIfClosed();
  }

  private nextLink(): SessionLink {
    const isCurrent = (): boolean => this.closing === undefined && this.link === link;
    const events: LinkEvents = {
      opened: (token, timeoutMs, sentAtMs) => {
        if (isCurrent()) this.becomeConnected(token, timeoutMs, sentAtMs);
      },
      suspended: () => {
        if (isCurrent()) this.maybeChange('connected', 'suspended');
      },
      resumed: (sentAtMs) => {
        if (!isCurrent()) return;
        this.deadline.answered(sentAtMs);
        this.maybeChange('suspended', 'connected');
      },
      over: () => {
        if (!isCurrent()) return;
        this.maybeLost();
        this.replaceLink(link);
      },
      changed: (kind, path) => {
        if (isCurrent()) this.watches.fire(kind, path);
      },
    };
    const link = this.openLink(events);
    return link;
  }

  private becomeConnected(token: string, timeoutMs: number, sentAtMs: number): void {
    this.deadline.begin(timeoutMs, sentAtMs);
    if (timeoutMs !== Infinity) {
      this.beats = this.clock.every(timeoutMs * BEAT_SHARE, () => this.maybeBeat(timeoutMs));
    }
    this.gate.change({ state: 'connected', number: this.gate.session.number + 1, token });
    this.watches.fireAll();
  }

  private maybeBeat(timeoutMs: number): void {
    const idleMs = this.clock.monotonicMs() - this.lastSentMs;
    if (this.beating || idleMs < (timeoutMs * BEAT_SHARE) / 2) return;
    this.beating = true;
    const { link } = this;
    const ended = (): void => void (this.beating = false);
    this.ask(link, this.clock.monotonicMs() + timeoutMs, () => link.beat()).then(ended, ended);
  }

  private maybeChange(from: Session['state'], to: Session['state']): void {
    if (this.session.state === from) this.gate.change({ ...this.gate.session, state: to });
  }

  /** Our own deadline: the servers may still hold the session, so it is ended before the next one. */
  private becomeLost(): void {
    const { link } = this;
    this.maybeLost();
    void link.end().then(() => this.replaceLink(link));
  }

  private maybeLost(): void {
    this.deadline.stop();
    this.beats?.cancel();
    const { session } = this.gate;
    if (session.state !== 'lost') this.gate.change({ ...session, state: 'lost' });
  }

  private replaceLink(link: SessionLink): void {
    if (this.link !== link || this.closing !== undefined) return;
    link.dispose();
    this.link = this.nextLink();
  }

  private async shut(): Promise<void> {
    this.deadline.stop();
    this.beats?.cancel();
    this.watches.clear();
    const { link } = this;
    const ended = link.end();
    queueMicrotask(() => this.gate.shut());
    const untilMs = this.clock.monotonicMs() + CLOSE_LIMIT_MS;
    await withinTime(this.clock, untilMs, ended, () => new LinkBroken('not ended')).catch(
      () => undefined,
    );
    link.dispose();
  }

  private throwIfClosed(): void {
    const error = this.closedError();
    if (error !== undefined) throw error;
  }

  private closedError(): Error | undefined {
    return this.closing && zhumqError('CLOSED', 'The metadata store was closed');
  }

  private unavailable(what: string, sent: boolean, cause?: unknown): Error {
    const place = this.place === undefined ? '' : ` (${this.place})`;
    return zhumqError('STORE_UNAVAILABLE', `The metadata store${place} ${what}`, { sent }, cause);
  }
}
