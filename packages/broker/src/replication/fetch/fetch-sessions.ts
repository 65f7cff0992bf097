// The sessions of all brokers that follow partitions here: begins them, finds them, wakes them, and ends those that nobody
// uses any more. One for each broker; whoever begins another has lost the first.
import type { Clock, Logger, Timer } from '@zhumq/base';
import { zhumqError } from '@zhumq/model';
import type {
  FetchPosition,
  FetchRequest,
  FetchResponse,
  Outgoing,
  PositionReport,
} from '@zhumq/rpc';
import type { PartitionRegistry } from '../../partition/partition-registry.js';
import type { EndOfTick } from '../end-of-tick.js';
import type { GroupAddress } from '../raft/raft-messages.js';
import { partitionKey, positionFromWire } from './fetch-messages.js';
import type { WaitingFollowers } from './fetch-ports.js';
import { FetchSession } from './fetch-session.js';
import { PartitionAnswers } from './partition-answer.js';
import type { Throttle } from '../throttle.js';

export interface FetchSessionsOptions {
  readonly registry: PartitionRegistry;
  /** Incarnation of this broker: sessions of an earlier life are not taken for those of this one. */
  readonly incarnation: number;
  /** Broker that holds a replica. */
  readonly brokerOf: (replicaId: string) => number | undefined;
  /** Longest wait and largest answer, whatever a request says. */
  readonly maxWaitMs: number;
  readonly maxBytes: number;
  readonly throttle: Throttle;
  readonly endOfTick: EndOfTick;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Bytes of batches sent, for metrics. */
  readonly onSent?: (bytes: number) => void;
}

export class FetchSessions implements WaitingFollowers {
  private readonly byBroker = new Map<number, FetchSession>();
  /** Who asked for a partition. */
  private readonly askers = new Map<string, Set<FetchSession>>();
  private readonly answers: PartitionAnswers;
  private readonly expiring: Timer;
  private nextId: number;

  constructor(private readonly options: FetchSessionsOptions) {
    const { registry, throttle, clock, incarnation } = options;
    this.answers = new PartitionAnswers({ registry, throttle });
    this.expiring = clock.every(EXPIRY_CHECK_MS, () => this.expire());
    this.nextId = (incarnation % LIVES) * IDS_PER_LIFE;
  }

  get size(): number {
    return this.byBroker.size;
  }

  /** Throws SESSION_UNKNOWN, STALE_INCARNATION, OVERLOADED and INVALID_REQUEST. */
  fetch(request: FetchRequest, signal: AbortSignal): Promise<Outgoing<FetchResponse>> {
    this.check(request.fromBroker, request.incarnation);
    if (request.positions.length > MAX_POSITIONS || request.forgotten.length > MAX_POSITIONS) {
      throw zhumqError(
        'INVALID_REQUEST',
        `a fetch names at most ${MAX_POSITIONS} partitions, not ${request.positions.length}`,
      );
    }
    const session = request.sessionId === 0 ? this.begin(request) : this.find(request);
    session.sequence = request.sequence;
    for (const key of request.forgotten) session.forget(key);
    this.each(request, (group, position) => session.ask(group, position));
    if (session.size > MAX_PARTITIONS) {
      this.end(request.fromBroker);
      throw zhumqError('OVERLOADED', `a fetch session has at most ${MAX_PARTITIONS} partitions`);
    }
    // Nobody is there any more to read an answer: whoever comes back begins another session.
    const gone = (): void => {
      if (this.byBroker.get(request.fromBroker) === session) this.end(request.fromBroker);
    };
    signal.addEventListener('abort', gone, { once: true });
    const { maxWaitMs, maxBytes } = this.options;
    return session
      .poll({
        maxWaitMs: Math.min(Math.max(request.maxWaitMs, 0), maxWaitMs),
        maxBytes: Math.min(Math.max(request.maxBytes, 1), maxBytes),
      })
      .finally(() => signal.removeEventListener('abort', gone));
  }

  /** Nothing is answered: what makes no sense is dropped. */
  report(report: PositionReport): void {
    if (report.positions.length > MAX_POSITIONS) return;
    const session = this.byBroker.get(report.fromBroker);
    if (session === undefined || session.incarnation !== report.incarnation) return;
    this.each(report, (group, position) => {
      this.answers.report(group, position);
      session.reported(group, position);
    });
    // As in a request; there is nobody to tell, and the next request begins another session.
    if (session.size > MAX_PARTITIONS) this.end(report.fromBroker);
  }

  wake({ topicId, partition }: GroupAddress): void {
    const key = partitionKey(topicId, partition);
    for (const session of this.askers.get(key) ?? []) session.wake(key);
  }

  close(): void {
    this.expiring.cancel();
    for (const broker of [...this.byBroker.keys()]) this.end(broker);
  }

  private each(
    message: { fromBroker: number; incarnation: number; positions: readonly FetchPosition[] },
    use: (group: GroupAddress, position: NonNullable<ReturnType<typeof positionFromWire>>) => void,
  ): void {
    const { fromBroker, incarnation, positions } = message;
    const { brokerOf, logger } = this.options;
    for (const wire of positions) {
      const position = positionFromWire(wire, incarnation);
      const { topicId, partition, generation, replicaId } = wire;
      // Of a replica that no state has named yet it may well be the broker: it is told of partitions in its own time.
      const holder = brokerOf(replicaId) ?? fromBroker;
      if (position === undefined || holder !== fromBroker)
        logger.warn({ topicId, partition, fromBroker }, 'position dropped: it makes no sense');
      else use({ topicId, partition, generation }, position);
    }
  }

  /** Of an earlier life of the sender: it can only be late. */
  private check(fromBroker: number, incarnation: number): void {
    const known = this.byBroker.get(fromBroker)?.incarnation ?? 0;
    if (incarnation >= known) return;
    throw zhumqError(
      'STALE_INCARNATION',
      `a fetch of incarnation ${incarnation} of broker ${fromBroker}, which is in ${known} by now`,
      { fromBroker, incarnation },
    );
  }

  private begin({ fromBroker, incarnation }: FetchRequest): FetchSession {
    this.end(fromBroker);
    if (this.byBroker.size >= MAX_SESSIONS)
      throw zhumqError('OVERLOADED', `${MAX_SESSIONS} brokers fetch here already`);
    const { endOfTick, clock, logger, onSent } = this.options;
    const session = new FetchSession({
      id: ++this.nextId,
      broker: fromBroker,
      incarnation,
      answers: this.answers,
      endOfTick,
      clock,
      logger,
      onAsked: (key, asker, asked) => this.onAsked(key, asker, asked),
      onSent: (bytes) => onSent?.(bytes),
    });
    this.byBroker.set(fromBroker, session);
    return session;
  }

  private find({ fromBroker, incarnation, sessionId, sequence }: FetchRequest): FetchSession {
    const session = this.byBroker.get(fromBroker);
    const isIt =
      session?.id === sessionId &&
      session.incarnation === incarnation &&
      session.sequence + 1 === sequence;
    if (isIt) return session;
    throw zhumqError(
      'SESSION_UNKNOWN',
      `broker ${fromBroker} has no fetch session ${sessionId} here that goes on with request ${sequence}`,
      { sessionId, sequence },
    );
  }

  private end(broker: number): void {
    const session = this.byBroker.get(broker);
    this.byBroker.delete(broker);
    session?.close();
  }

  private onAsked(key: string, session: FetchSession, asked: boolean): void {
    const askers = this.askers.get(key);
    if (!asked) {
      askers?.delete(session);
      if (askers?.size === 0) this.askers.delete(key);
    } else if (askers === undefined) this.askers.set(key, new Set([session]));
    else askers.add(session);
  }

  private expire(): void {
    const oldestMs = this.options.clock.monotonicMs() - IDLE_MS;
    for (const [broker, session] of [...this.byBroker])
      if (session.isIdle && session.lastUsedMs < oldestMs) this.end(broker);
  }
}

/** Brokers that may follow here. */
const MAX_SESSIONS = 1_000;
/** Partitions in one message, and in one session. */
const MAX_POSITIONS = 10_000;
const MAX_PARTITIONS = 100_000;
/** A session without requests for so long is forgotten. */
const IDLE_MS = 60_000;
const EXPIRY_CHECK_MS = 10_000;
/** Ids of two lives hardly ever meet, and every id is an exact number. */
const LIVES = 2 ** 21;
const IDS_PER_LIFE = 2 ** 31;
