// A session with an embedded store in another process, over calls that may fail.
import { Backoff, delay } from '@zhumq/base';
import type { Clock, Random } from '@zhumq/base';
import { zhumqError } from '@zhumq/model';
import type { ErrorCode } from '@zhumq/model';
import { decodeReply, encodeRequest, eventsOf, integerOf } from './embedded-protocol.js';
import { objectOf, stringOf } from './embedded-protocol.js';
import type { StoreReply, StoreRequest } from './embedded-protocol.js';
import type { MultiDone, NodeStat, Refused, StoreNode, StoreOperation } from './metadata-store.js';
import { LinkBroken } from './session-link.js';
import type { LinkEvents, SessionLink } from './session-link.js';

/** One request and its reply; rejects when there was none in time. */
export type StoreCall = (request: string, timeoutMs: number) => Promise<string>;

export interface RemoteLinkOptions {
  readonly call: StoreCall;
  readonly clock: Clock;
  readonly random: Random;
  readonly sessionTimeoutMs: number;
}

const RETRY_PAUSE_MS = { minMs: 20, maxMs: 1_000 };
/** Longer than the server holds a poll. */
const POLL_TIMEOUT_MS = 8_000;
const CALL_TIMEOUT_SHARE = 1 / 4;

/** The errors that a server of ours answers with; another code is a server of another version. */
const KNOWN_ERRORS: readonly ErrorCode[] = [
  ...(['INVALID_REQUEST', 'FRAME_TOO_LARGE', 'UNSUPPORTED'] as const),
  ...(['OVERLOADED', 'STORE_UNAVAILABLE', 'CLOSED'] as const),
];

export class RemoteLink implements SessionLink {
  private readonly clock: Clock;
  private readonly stopped = new AbortController();
  private token: string | undefined;
  /** What rejects the calls under way when this link is given up. */
  private readonly flights = new Set<(reason: Error) => void>();
  private turn = 0;
  private isSuspended = false;
  private ending: Promise<void> | undefined;

  constructor(
    private readonly options: RemoteLinkOptions,
    private readonly events: LinkEvents,
  ) {
    this.clock = options.clock;
    this.open().catch(() => undefined);
  }

  async getNode(path: string, watched: boolean): Promise<StoreNode | undefined> {
    const done = await this.request((session) => ({ op: 'node', session, path, watched }));
    if (done === null) return undefined;
    const data = Buffer.from(stringOf(objectOf(done, 'node'), 'data'), 'base64');
    return { data, ...statOf(done) };
  }

  async getStat(path: string, watched: boolean): Promise<NodeStat | undefined> {
    const done = await this.request((session) => ({ op: 'stat', session, path, watched }));
    return done === null ? undefined : statOf(done);
  }

  async getChildren(path: string, watched: boolean): Promise<string[] | undefined> {
    const done = await this.request((session) => ({ op: 'children', session, path, watched }));
    return done === null ? undefined : (done as string[]);
  }

  async sync(): Promise<void> {
    const turn = ++this.turn;
    await this.request((session) => ({ op: 'sync', session, turn }));
  }

  async write(operations: readonly StoreOperation[]): Promise<MultiDone | Refused> {
    const turn = ++this.turn;
    const done = await this.request((session) => ({ op: 'write', session, turn, operations }));
    return done as MultiDone | Refused;
  }

  async beat(): Promise<void> {
    await this.request((session) => ({ op: 'beat', session }));
  }

  end(): Promise<void> {
    this.ending ??= this.endOnServer().catch(() => undefined);
    return this.ending;
  }

  dispose(): void {
    const reason = new LinkBroken('the session is over');
    this.stopped.abort(reason);
    for (const reject of this.flights) reject(reason);
    this.flights.clear();
  }

  private async open(): Promise<void> {
    const backoff = new Backoff(RETRY_PAUSE_MS, this.options.random);
    const { sessionTimeoutMs } = this.options;
    for (;;) {
      const sentAtMs = this.clock.monotonicMs();
      try {
        const done = await this.send({ op: 'open', timeoutMs: sessionTimeoutMs }, sessionTimeoutMs);
        const fields = objectOf(done, 'session');
        this.token = stringOf(fields, 'session');
        this.stopped.signal.throwIfAborted();
        this.events.opened(this.token, integerOf(fields, 'timeoutMs'), sentAtMs);
        void this.pollUntilOver(this.token);
        return;
      } catch {
        await delay(this.clock, backoff.nextMs(), this.stopped.signal);
      }
    }
  }

  /** Fetches the watches that fired. It counts nothing towards the deadline: its answers are seconds old. */
  private async pollUntilOver(session: string): Promise<void> {
    const backoff = new Backoff(RETRY_PAUSE_MS, this.options.random);
    let acknowledged = 0;
    while (!this.stopped.signal.aborted) {
      try {
        const request = { op: 'poll', session, acknowledged } as const;
        for (const event of eventsOf(await this.send(request, POLL_TIMEOUT_MS))) {
          if (event.number <= acknowledged) continue;
          acknowledged = event.number;
          if (!this.stopped.signal.aborted) this.events.changed(event.kind, event.path);
        }
        backoff.reset();
      } catch (error) {
        if (error instanceof SessionOver) {
          this.becomeOver();
          return;
        }
        await delay(this.clock, backoff.nextMs(), this.stopped.signal).catch(() => undefined);
      }
    }
  }

  private async endOnServer(): Promise<void> {
    const { token } = this;
    if (token === undefined) return;
    const backoff = new Backoff(RETRY_PAUSE_MS, this.options.random);
    while (!this.stopped.signal.aborted) {
      try {
        await this.send({ op: 'end', session: token }, this.options.sessionTimeoutMs);
        return;
      } catch (error) {
        if (error instanceof SessionOver) return;
        await delay(this.clock, backoff.nextMs(), this.stopped.signal);
      }
    }
  }

  /** A request of the session: its success or failure tells whether the session is connected. */
  private async request(make: (session: string) => StoreRequest): Promise<unknown> {
    if (this.token === undefined) throw new LinkBroken('no session yet');
    const sentAtMs = this.clock.monotonicMs();
    try {
      const timeoutMs = this.options.sessionTimeoutMs * CALL_TIMEOUT_SHARE;
      const done = await this.send(make(this.token), timeoutMs);
      this.becomeConnected(sentAtMs);
      return done;
    } catch (error) {
      if (error instanceof SessionOver) this.becomeOver();
      else if (error instanceof LinkBroken) this.becomeSuspended();
      else this.becomeConnected(sentAtMs);
      throw error;
    }
  }

  private async send(request: StoreRequest, timeoutMs: number): Promise<unknown> {
    this.stopped.signal.throwIfAborted();
    let reply: StoreReply;
    try {
      reply = decodeReply(await this.callUnlessStopped(encodeRequest(request), timeoutMs));
    } catch (error) {
      throw new LinkBroken('the call failed', { cause: error });
    }
    if ('over' in reply) throw new SessionOver('the session is over');
    if ('done' in reply) return reply.done;
    const { code, message } = reply.error;
    throw zhumqError(KNOWN_ERRORS.find((known) => known === code) ?? 'INTERNAL', message);
  }

  private callUnlessStopped(text: string, timeoutMs: number): Promise<string> {
    return new Promise((resolve, reject) => {
      this.flights.add(reject);
      void this.options
        .call(text, timeoutMs)
        .then(resolve, reject)
        .finally(() => this.flights.delete(reject));
    });
  }

  private becomeConnected(sentAtMs: number): void {
    if (!this.isSuspended || this.stopped.signal.aborted) return;
    this.isSuspended = false;
    this.events.resumed(sentAtMs);
  }

  private becomeSuspended(): void {
    if (this.isSuspended || this.stopped.signal.aborted) return;
    this.isSuspended = true;
    this.events.suspended();
  }

  private becomeOver(): void {
    if (this.stopped.signal.aborted) return;
    const { events } = this;
    // While `end` waits for just this, its user is told by that.
    if (this.ending !== undefined) return;
    this.dispose();
    events.over();
  }
}

/** Also a LinkBroken: whether the request was done before the session ended is not known. */
class SessionOver extends LinkBroken {}

function statOf(done: unknown): NodeStat {
  const fields = objectOf(done, 'node');
  const owner = typeof fields.owner === 'string' ? fields.owner : undefined;
  return { version: integerOf(fields, 'version'), owner };
}
