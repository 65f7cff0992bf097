// The connections between the brokers of a test: real RPC methods and wire forms, no sockets. Messages leave one per turn
// of the event loop and arrive in order; links may be cut, jammed (no room for another byte) or watched.
import type { FetchHandler, FetchResponse, RaftHandler, RaftMessage, RpcChannel } from '@zhumq/rpc';
import { zhumqError } from '@zhumq/model';
import type { PeerAddress } from '../replication/raft/raft-transport.js';

interface Call {
  readonly name: string;
  readonly parameters: readonly string[];
}

interface Envelope {
  readonly messages: readonly (RaftMessage & { batches?: Buffer | readonly Buffer[] })[];
  readonly beat?: unknown;
}

export class Network {
  /** Links that lose everything, as "1>2". */
  readonly cut = new Set<string>();
  /** Links whose connection takes nothing more. */
  readonly jammed = new Set<string>();
  /** What answers at a broker; absent while it is down. */
  readonly handlers = new Map<number, RaftHandler & FetchHandler>();
  /** Asked for every message; false loses it. */
  filter: (from: number, to: number, message: RaftMessage) => boolean = () => true;
  /** Asked before every call that wants an answer; may throw, may wait. */
  beforeCall: (from: number, to: number, method: string) => Promise<void> | void = () => undefined;

  /** Sees every answer to a follower, and may change it. */
  onFetched: (follower: number, leader: number, answer: FetchResponse) => FetchResponse = (
    _follower,
    _leader,
    answer,
  ) => answer;

  channel(from: number, { brokerId: to }: PeerAddress): RpcChannel {
    const link = `${from}>${to}`;
    const isJammed = (): boolean => this.jammed.has(link);
    const channel = {
      get bufferedBytes(): number {
        return isJammed() ? 1e12 : 0;
      },
      send: (method: Call, values: readonly unknown[]): boolean => {
        if (this.cut.has(link)) return true;
        if (method.name === 'deliver') this.deliver(from, to, values[0] as Envelope);
        else this.post(from, to, method.name, values);
        return true;
      },
      call: (method: Call, values: readonly unknown[]) =>
        this.call(from, to, method.name, values.slice(0, method.parameters.length)),
      close: () => undefined,
    };
    return channel as unknown as RpcChannel;
  }

  /** Loses everything between a broker and the others, in both directions. */
  isolate(broker: number, others: readonly number[]): void {
    for (const other of others) {
      this.cut.add(`${broker}>${other}`);
      this.cut.add(`${other}>${broker}`);
    }
  }

  heal(): void {
    this.cut.clear();
    this.jammed.clear();
    this.filter = () => true;
    this.onFetched = (_follower, _leader, answer) => answer;
  }

  private deliver(from: number, to: number, envelope: Envelope): void {
    const messages = envelope.messages
      .filter((message) => this.filter(from, to, message))
      .map((message) => ({ ...message, batches: bytesOf(message.batches) }));
    setImmediate(() => {
      if (this.cut.has(`${from}>${to}`)) return;
      if (messages.length === 0 && envelope.beat === undefined) return;
      const received = { ...envelope, messages } as unknown;
      void this.handlers
        .get(to)
        ?.deliver(received as Parameters<RaftHandler['deliver']>[0], NO_CONTEXT);
    });
  }

  /** Other messages without an answer. */
  private post(from: number, to: number, method: string, values: readonly unknown[]): void {
    setImmediate(() => {
      const handler = this.handlers.get(to) as unknown as Record<string, Handle> | undefined;
      if (!this.cut.has(`${from}>${to}`)) handler?.[method](...values, NO_CONTEXT);
    });
  }

  private async call(
    from: number,
    to: number,
    method: string,
    values: readonly unknown[],
  ): Promise<unknown> {
    await this.beforeCall(from, to, method);
    const handler = this.handlers.get(to) as unknown as Record<string, Handle> | undefined;
    if (handler === undefined || this.cut.has(`${from}>${to}`)) {
      throw zhumqError('CONNECTION_LOST', `broker ${to} can not be reached`);
    }
    const answer = await handler[method](...values, { signal: new AbortController().signal });
    await new Promise((resolve) => setImmediate(resolve));
    // The connection may have been lost, or the other side may have died, while it was thinking.
    if (this.handlers.get(to) !== (handler as unknown) || this.cut.has(`${to}>${from}`)) {
      throw zhumqError('CONNECTION_LOST', `broker ${to} can not be reached`);
    }
    return method === 'fetch' ? this.fetched(from, to, answer as FetchResponse) : answer;
  }

  private fetched(from: number, to: number, answer: FetchResponse): FetchResponse {
    const partitions = answer.partitions.map((one) => ({ ...one, batches: bytesOf(one.batches) }));
    return this.onFetched(from, to, { ...answer, partitions } as FetchResponse);
  }
}

type Handle = (...values: readonly unknown[]) => unknown;

const NO_CONTEXT = undefined as unknown as Parameters<RaftHandler['deliver']>[1];

/** As bytes arrive: a copy, in one piece. */
function bytesOf(batches: Buffer | readonly Buffer[] | undefined): Buffer | undefined {
  if (batches === undefined) return undefined;
  return Buffer.isBuffer(batches) ? Buffer.from(batches) : Buffer.concat(batches);
}
