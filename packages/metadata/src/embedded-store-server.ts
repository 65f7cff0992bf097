// The embedded store for other processes: text in, text out, over whatever carries it (the CLI uses Thrift's
// StoreService on loopback). Sessions end when their user is not heard of for their timeout.
import type { Clock, Timer } from '@zhumq/base';
import { ZhumqError, assertNever } from '@zhumq/base';
import { zhumqError } from '@zhumq/model';
import { decodeRequest } from './embedded-protocol.js';
import type { StoreEvent, StoreReply, StoreRequest } from './embedded-protocol.js';
import type { EmbeddedStore } from './embedded-store.js';
import { checkPath } from './request-checks.js';
import type { WatchKind } from './session-link.js';

export interface EmbeddedStoreServerOptions {
  readonly store: EmbeddedStore;
  readonly clock: Clock;
}

/** A poll without news is answered after this time. */
const POLL_HOLD_MS = 5_000;
const SESSION_LIMIT = 1_000;

interface ServedSession {
  /** Fired and not yet acknowledged. Bounded by the watches of a session: each fires once. */
  events: StoreEvent[];
  lastNumber: number;
  /** Writes of earlier turns come too late. */
  syncedTurn: number;
  poll: { readonly answer: () => void; readonly timer: Timer } | undefined;
}

export class EmbeddedStoreServer {
  private readonly store: EmbeddedStore;
  private readonly clock: Clock;
  private readonly sessions = new Map<string, ServedSession>();

  constructor(options: EmbeddedStoreServerOptions) {
    this.store = options.store;
    this.clock = options.clock;
  }

  /** Never rejects; whatever is wrong with the request is in the reply. */
  async handle(request: string): Promise<string> {
    let reply: StoreReply;
    try {
      reply = await this.answer(decodeRequest(request));
    } catch (error) {
      const code = ZhumqError.is(error) ? error.code : 'INTERNAL';
      reply = { error: { code, message: error instanceof Error ? error.message : String(error) } };
    }
    return JSON.stringify(reply);
  }

  /** Answers the polls that wait and ends the sessions. The store stays. */
  close(): void {
    for (const token of [...this.sessions.keys()]) {
      this.forget(token);
      this.store.endSession(token);
    }
  }

  private async answer(request: StoreRequest): Promise<StoreReply> {
    if (request.op === 'open') return this.open(request.timeoutMs);
    const token = request.session;
    const session = this.sessions.get(token);
    if (session === undefined) return { over: true };
    this.store.touch(token);
    switch (request.op) {
      case 'beat':
        return { done: null };
      case 'end':
        this.forget(token);
        this.store.endSession(token);
        return { done: null };
      case 'poll':
        return this.poll(token, session, request.acknowledged);
      case 'sync':
        session.syncedTurn = Math.max(session.syncedTurn, request.turn);
        return { done: null };
      case 'write':
        return this.write(token, session, request);
      case 'node':
      case 'stat':
      case 'children':
        return this.read(token, request);
      default:
        return assertNever(request);
    }
  }

  private open(timeoutMs: number): StoreReply {
    if (this.sessions.size >= SESSION_LIMIT) {
      const message = `The embedded store has ${SESSION_LIMIT} sessions, its limit`;
      throw zhumqError('OVERLOADED', message, { limit: SESSION_LIMIT });
    }
    const token = this.store.openSession({
      timeoutMs,
      onChanged: (kind, path) => this.handleChange(token, kind, path),
      onOver: () => this.forget(token),
    });
    this.sessions.set(token, {
      events: [],
      lastNumber: 0,
      syncedTurn: 0,
      poll: undefined,
    });
    return { done: { session: token, timeoutMs } };
  }

  private read(
    token: string,
    request: StoreRequest & { op: 'node' | 'stat' | 'children' },
  ): StoreReply {
    const { op, path, watched } = request;
    checkPath(path);
    if (op === 'children') return { done: this.store.getChildren(token, path, watched) ?? null };
    if (op === 'stat') return { done: this.store.getStat(token, path, watched) ?? null };
    const node = this.store.getNode(token, path, watched);
    return { done: node === undefined ? null : { ...node, data: node.data.toString('base64') } };
  }

  private write(
    token: string,
    session: ServedSession,
    request: StoreRequest & { op: 'write' },
  ): StoreReply {
    if (request.turn < session.syncedTurn) {
      throw zhumqError('STORE_UNAVAILABLE', 'The write came after a later sync and was not done');
    }
    return { done: this.store.write(token, request.operations) };
  }

  private async poll(
    token: string,
    session: ServedSession,
    acknowledged: number,
  ): Promise<StoreReply> {
    session.events = session.events.filter(({ number }) => number > acknowledged);
    this.answerPoll(session);
    if (session.events.length === 0) {
      await new Promise<void>((resolve) => {
        const timer = this.clock.after(POLL_HOLD_MS, () => this.answerPoll(session));
        session.poll = { answer: resolve, timer };
      });
    }
    return this.sessions.has(token) ? { done: session.events } : { over: true };
  }

  private handleChange(token: string, kind: WatchKind, path: string): void {
    const session = this.sessions.get(token);
    if (session === undefined) return;
    session.events.push({ number: ++session.lastNumber, kind, path });
    this.answerPoll(session);
  }

  private forget(token: string): void {
    const session = this.sessions.get(token);
    this.sessions.delete(token);
    if (session !== undefined) this.answerPoll(session);
  }

  private answerPoll(session: ServedSession): void {
    const { poll } = session;
    session.poll = undefined;
    poll?.timer.cancel();
    poll?.answer();
  }
}
