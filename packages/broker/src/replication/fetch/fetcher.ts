// Asks one other broker for everything that this one follows there: one long poll at a time over all partitions, the next
// one as soon as the last is answered. A request names only positions that have changed since the one before; what becomes
// durable while it waits is reported by a oneway message, together for all partitions of a turn of the event loop.
//
// Everything that may have got lost is made good by a new session, which begins with all positions.
import { Backoff } from '@zhumq/base';
import type { Clock, Logger, Random, Timer } from '@zhumq/base';
import { isError, zhumqError } from '@zhumq/model';
import type { Position, ReceivedAnswer } from '@zhumq/fetch';
import { fetchClient } from '@zhumq/rpc';
import type {
  FetchClient,
  FetchedPartition,
  FetchPosition,
  FetchResponse,
  RpcChannel,
} from '@zhumq/rpc';
import type { EndOfTick, TickFlusher } from '../end-of-tick.js';
import type { GroupAddress } from '../raft/raft-messages.js';
import type { PeerAddress } from '../raft/raft-transport.js';
import { answerFromWire, partitionKey, positionToWire } from './fetch-messages.js';

/** A replica that follows. */
export interface FetchFollower {
  readonly group: GroupAddress;
  /** What to ask; undefined while there is nothing to ask for. */
  position(): Position | undefined;
  received(answer: ReceivedAnswer): void;
}

export interface FetcherOptions {
  readonly brokerId: number;
  readonly incarnation: number;
  readonly clusterId: () => string;
  /** Where a broker is; undefined while nobody has told. */
  readonly addressOf: (brokerId: number) => PeerAddress | undefined;
  readonly connect: (address: PeerAddress) => RpcChannel;
  /** This broker's disk is too far behind to take more. */
  readonly congested: () => boolean;
  /** How long the leader waits while it has nothing to tell. */
  readonly maxWaitMs: number;
  /** Bytes of batches in one answer: what one leader can make this broker hold at once. */
  readonly maxBytes: number;
  readonly endOfTick: EndOfTick;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Bytes of batches received, for metrics. */
  readonly onFetched?: (bytes: number) => void;
}

interface Followed {
  readonly key: string;
  readonly follower: FetchFollower;
  /** Replica that is asked. */
  readonly leader: string;
}

interface Connection {
  readonly address: PeerAddress;
  readonly channel: RpcChannel;
  readonly client: FetchClient;
}

export class Fetcher implements TickFlusher {
  private readonly followed = new Map<string, Followed>();
  /** What the next request has to say. */
  private readonly changed = new Set<Followed>();
  private readonly forgotten = new Set<string>();
  /** What the leader should hear of before that. */
  private readonly unreported = new Set<Followed>();
  /** Answers that changed nothing: said again a little later, in case that the leader knows better then. */
  private readonly again = new Set<Followed>();
  private connection: Connection | undefined;
  private sessionId = 0;
  private sequence = 0;
  private inFlight = false;
  private pause: Timer | undefined;
  private restating: Timer | undefined;
  private failures = 0;
  private closed = false;
  private readonly backoff: Backoff;

  constructor(
    private readonly toBroker: number,
    private readonly options: FetcherOptions,
  ) {
    this.backoff = new Backoff({ minMs: MIN_BACKOFF_MS, maxMs: MAX_BACKOFF_MS }, options.random);
  }

  get size(): number {
    return this.followed.size;
  }

  follow(follower: FetchFollower, leader: string): void {
    const { topicId, partition } = follower.group;
    const key = partitionKey(topicId, partition);
    this.drop(this.followed.get(key));
    const followed = { key, follower, leader };
    this.followed.set(key, followed);
    this.forgotten.delete(key);
    this.note(followed);
  }

  unfollow(follower: FetchFollower): void {
    const followed = this.find(follower);
    if (followed === undefined) return;
    this.drop(followed);
    this.followed.delete(followed.key);
    this.forgotten.add(followed.key);
  }

  positionChanged(follower: FetchFollower): void {
    const followed = this.find(follower);
    if (followed !== undefined) this.note(followed);
  }

  /** Called by EndOfTick: asks, or reports while an answer is awaited. */
  flush(): void {
    if (this.closed || this.followed.size === 0) return;
    if (this.inFlight) this.report();
    else if (this.pause === undefined) this.request();
  }

  close(): void {
    this.closed = true;
    this.pause?.cancel();
    this.restating?.cancel();
    this.connection?.channel.close();
  }

  private find({ group }: FetchFollower): Followed | undefined {
    return this.followed.get(partitionKey(group.topicId, group.partition));
  }

  private note(followed: Followed): void {
    this.changed.add(followed);
    this.unreported.add(followed);
    this.options.endOfTick.add(this);
  }

  private drop(followed: Followed | undefined): void {
    if (followed === undefined) return;
    this.changed.delete(followed);
    this.unreported.delete(followed);
    this.again.delete(followed);
  }

  private request(): void {
    const { clock, maxWaitMs, maxBytes, congested } = this.options;
    const connection = this.connect();
    if (connection === undefined) return this.pauseFor(this.backoff.nextMs());
    if (congested()) return this.pauseFor(CONGESTION_MS);
    if (this.sessionId === 0) {
      for (const followed of this.followed.values()) this.changed.add(followed);
      this.forgotten.clear();
    }
    const positions = this.take(this.changed, (followed) => this.unreported.delete(followed));
    const forgotten = [...this.forgotten];
    this.forgotten.clear();
    const { sessionId } = this;
    const sequence = ++this.sequence;
    const request = { ...this.envelope(), sessionId, sequence, positions, forgotten };
    const askedMs = clock.monotonicMs();
    this.inFlight = true;
    connection.client
      .fetch({ ...request, maxWaitMs, maxBytes }, { timeoutMs: maxWaitMs + ANSWER_MARGIN_MS })
      .then((response) => this.answered(response, askedMs))
      .catch((error: unknown) => this.failed(error as Error))
      .catch((error: unknown) =>
        this.options.logger.error({ err: error, toBroker: this.toBroker }, 'fetching broke off'),
      );
  }

  private report(): void {
    if (this.unreported.size === 0 || this.connection === undefined) return;
    const positions = this.take(this.unreported);
    try {
      // When it is dropped, the next request says the same.
      if (positions.length > 0)
        this.connection.client.reportPositions({ ...this.envelope(), positions });
    } catch (error) {
      const { logger } = this.options;
      logger.error({ err: error, toBroker: this.toBroker }, 'positions could not be reported');
    }
    if (this.unreported.size > 0) this.options.endOfTick.add(this);
  }

  private envelope() {
    const { brokerId, incarnation, clusterId } = this.options;
    const { toBroker } = this;
    return { clusterId: clusterId(), fromBroker: brokerId, incarnation, toBroker };
  }

  private take(from: Set<Followed>, taken?: (followed: Followed) => void): FetchPosition[] {
    const positions: FetchPosition[] = [];
    for (const followed of from) {
      if (positions.length === MAX_POSITIONS) break;
      from.delete(followed);
      taken?.(followed);
      const position = followed.follower.position();
      if (position !== undefined) positions.push(positionToWire(followed.follower.group, position));
    }
    return positions;
  }

  private answered(response: FetchResponse, askedMs: number): void {
    if (this.closed) return;
    const { sessionId, partitions } = response;
    if (!Number.isSafeInteger(sessionId) || sessionId <= 0)
      throw malformed(`names session ${sessionId}`);
    if (this.sessionId !== 0 && this.sessionId !== sessionId)
      throw malformed(`is of session ${sessionId} instead of ${this.sessionId}`);
    this.inFlight = false;
    this.checkSize(partitions);
    this.sessionId = sessionId;
    this.failures = 0;
    this.backoff.reset();
    for (const wire of partitions) this.deliver(wire);
    const { clock, maxWaitMs, endOfTick } = this.options;
    // An empty answer before its time would have us ask as fast as the network is.
    const early = partitions.length === 0 && clock.monotonicMs() - askedMs < maxWaitMs / 2;
    if (early) this.pauseFor(MIN_BACKOFF_MS);
    endOfTick.add(this);
  }

  /** One batch may be larger than what was asked for; more than that was not asked for. */
  private checkSize(partitions: readonly FetchedPartition[]): void {
    const { maxBytes, onFetched } = this.options;
    let bytes = 0;
    let filled = 0;
    for (const { batches } of partitions) {
      const { length } = batches as Buffer;
      bytes += length;
      if (length > 0) filled++;
    }
    if (bytes > maxBytes && filled > 1)
      throw malformed(`has ${bytes} bytes of batches; ${maxBytes} were asked for`);
    onFetched?.(bytes);
  }

  private deliver(wire: FetchedPartition): void {
    const followed = this.followed.get(partitionKey(wire.topicId, wire.partition));
    if (followed === undefined) return;
    const { follower, leader } = followed;
    const before = follower.position();
    if (wire.generation !== follower.group.generation) return;
    const answer = answerFromWire(wire, leader);
    if (answer === undefined) throw malformed('has damaged batches or values out of range');
    follower.received(answer);
    // That nothing more has come is no news to the leader.
    if (answer.kind === 'records' && answer.batches.length === 0) return;
    // It may follow somebody else by now.
    if (this.followed.get(followed.key) !== followed) return;
    if (asksTheSame(before, follower.position())) this.restateLater(followed);
    else this.note(followed);
  }

  private restateLater(followed: Followed): void {
    this.again.add(followed);
    this.restating ??= this.options.clock.after(RESTATE_MS, () => {
      this.restating = undefined;
      for (const one of this.again) this.note(one);
      this.again.clear();
    });
  }

  /** What the other side knows of us is in doubt: the next request begins a session. */
  private failed(error: Error): void {
    this.inFlight = false;
    this.sessionId = 0;
    this.sequence = 0;
    if (this.closed) return;
    const { logger, endOfTick } = this.options;
    const { toBroker } = this;
    const isFirst = this.failures++ === 0;
    if (isFirst && isError(error, 'SESSION_UNKNOWN')) return endOfTick.add(this);
    if (isFirst) logger.warn({ err: error, toBroker }, 'fetching failed; it is tried again');
    this.pauseFor(this.backoff.nextMs());
  }

  private pauseFor(ms: number): void {
    if (this.closed || this.pause !== undefined) return;
    this.pause = this.options.clock.after(ms, () => {
      this.pause = undefined;
      this.options.endOfTick.add(this);
    });
  }

  /** Made anew when the broker has moved; undefined while nobody knows where it is. */
  private connect(): Connection | undefined {
    const address = this.options.addressOf(this.toBroker);
    const known = this.connection?.address;
    if (address !== undefined && known?.host === address.host && known.port === address.port)
      return this.connection;
    this.connection?.channel.close();
    this.connection = undefined;
    if (address === undefined) return undefined;
    const channel = this.options.connect(address);
    this.connection = { address, channel, client: fetchClient(channel) };
    this.sessionId = 0;
    this.sequence = 0;
    return this.connection;
  }
}

function asksTheSame(one: Position | undefined, other: Position | undefined): boolean {
  return (
    one !== undefined &&
    one.offset === other?.offset &&
    one.epoch === other.epoch &&
    one.lastEpoch === other.lastEpoch
  );
}

function malformed(what: string): Error {
  return zhumqError('INVALID_REQUEST', `the leader's answer ${what}; it is dropped`);
}

/** Positions in one message; the others follow in the next. */
const MAX_POSITIONS = 10_000;
/** For an answer on its way, after the leader has waited. */
const ANSWER_MARGIN_MS = 10_000;
const MIN_BACKOFF_MS = 10;
const MAX_BACKOFF_MS = 1_000;
/** Until it is looked again whether the disk has caught up. */
const CONGESTION_MS = 20;
const RESTATE_MS = 500;
