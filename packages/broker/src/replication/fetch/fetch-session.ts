// One other broker's long poll over everything that it follows here: what it asks for, what it was told, and the request
// that waits. Answered at the end of the turn in which there is something to tell, else when the wait is over.
//
// Fair: partitions that may have something to tell stand in a queue, and those that were served go to its end.
import type { Clock, Logger, Timer } from '@zhumq/base';
import type { LogSlice } from '@zhumq/log';
import type { FetchedPartition, FetchResponse, Outgoing } from '@zhumq/rpc';
import type { Position } from '@zhumq/fetch';
import type { EndOfTick, TickFlusher } from '../end-of-tick.js';
import type { GroupAddress } from '../raft/raft-messages.js';
import { partitionKey } from './fetch-messages.js';
import type { Asked, Outcome, PartitionAnswers, Room } from './partition-answer.js';

export interface FetchSessionOptions {
  readonly id: number;
  /** Broker that follows. */
  readonly broker: number;
  readonly incarnation: number;
  readonly answers: PartitionAnswers;
  readonly endOfTick: EndOfTick;
  readonly clock: Clock;
  readonly logger: Logger;
  /** A partition was asked for, or is not any more: who wakes it must know. */
  readonly onAsked: (key: string, session: FetchSession, asked: boolean) => void;
  /** Bytes of batches sent, for metrics. */
  readonly onSent: (bytes: number) => void;
}

/** A request as far as waiting goes. */
export interface Poll {
  readonly maxWaitMs: number;
  readonly maxBytes: number;
}

interface Waiting extends Poll {
  readonly resolve: (response: Outgoing<FetchResponse>) => void;
  readonly timer: Timer;
}

interface Gathered {
  readonly partitions: Outgoing<FetchedPartition>[];
  bytes: number;
  news: boolean;
}

export class FetchSession implements TickFlusher {
  /** Of the last request. */
  sequence = 0;
  /** Monotonic time of the last request. */
  lastUsedMs: number;
  private readonly asked = new Map<string, Asked>();
  /** May have something to tell. */
  private readonly ready = new Set<Asked>();
  /** Have nothing to tell but perhaps a high watermark, which the end of the wait is early enough for. */
  private readonly quiet = new Set<Asked>();
  private waiting: Waiting | undefined;
  private coldReads = 0;
  private renewedMs = -Infinity;
  private closed = false;

  constructor(private readonly options: FetchSessionOptions) {
    this.lastUsedMs = options.clock.monotonicMs();
  }

  get id(): number {
    return this.options.id;
  }

  get incarnation(): number {
    return this.options.incarnation;
  }

  get size(): number {
    return this.asked.size;
  }

  /** No request waits here: nobody would miss it. */
  get isIdle(): boolean {
    return this.waiting === undefined;
  }

  /** Said in a request: whatever this follower was told before of the partition, it asks anew. */
  ask(group: GroupAddress, position: Position): void {
    const key = partitionKey(group.topicId, group.partition);
    let asked = this.asked.get(key);
    if (asked?.group.generation !== group.generation) {
      this.forget(key);
      asked = { key, group, position, told: undefined, hot: false, cold: undefined };
      this.asked.set(key, asked);
      this.options.onAsked(key, this, true);
    }
    if (asked.cold !== undefined && asked.cold.offset !== position.offset) this.dropCold(asked);
    asked.position = position;
    asked.told = undefined;
    this.makeReady(asked);
  }

  /** Said between two requests: its ends, and where it goes on if that is news. */
  reported(group: GroupAddress, position: Position): void {
    const asked = this.asked.get(partitionKey(group.topicId, group.partition));
    const known = asked?.group.generation === group.generation ? asked.position : undefined;
    const goesOnElsewhere =
      known?.offset !== position.offset ||
      known.epoch !== position.epoch ||
      known.lastEpoch !== position.lastEpoch;
    if (asked === undefined || goesOnElsewhere) this.ask(group, position);
    else asked.position = position;
  }

  forget(key: string): void {
    const asked = this.asked.get(key);
    if (asked === undefined) return;
    this.dropCold(asked);
    this.asked.delete(key);
    this.ready.delete(asked);
    this.quiet.delete(asked);
    this.options.onAsked(key, this, false);
  }

  wake(key: string): void {
    const asked = this.asked.get(key);
    // Who was just sent batches names another position before it can be told more.
    if (asked !== undefined && asked.told?.moves !== true) this.makeReady(asked);
  }

  /** The follower is alive and has not moved elsewhere: what it said last still holds, and must not grow old with it. */
  private renew(nowMs: number): void {
    if (nowMs < this.renewedMs + RENEW_MS) return;
    this.renewedMs = nowMs;
    for (const { group, position } of this.asked.values())
      this.options.answers.report(group, position);
  }

  /** Resolves with what there is to tell, or with little or nothing when the wait is over. */
  poll(poll: Poll): Promise<Outgoing<FetchResponse>> {
    const { clock, endOfTick } = this.options;
    this.settle([]);
    this.lastUsedMs = clock.monotonicMs();
    this.renew(this.lastUsedMs);
    return new Promise((resolve) => {
      const timer = clock.after(poll.maxWaitMs, () => this.settle(this.gather(true).partitions));
      this.waiting = { ...poll, resolve, timer };
      endOfTick.add(this);
    });
  }

  /** Called by EndOfTick. */
  flush(): void {
    if (this.waiting === undefined) return;
    const gathered = this.gather(false);
    if (gathered.news) this.settle(gathered.partitions);
  }

  close(): void {
    this.closed = true;
    this.settle([]);
    for (const key of [...this.asked.keys()]) this.forget(key);
  }

  private makeReady(asked: Asked): void {
    this.quiet.delete(asked);
    this.ready.add(asked);
    if (this.waiting !== undefined) this.options.endOfTick.add(this);
  }

  private settle(partitions: Outgoing<FetchedPartition>[]): void {
    const { waiting } = this;
    if (waiting === undefined) return;
    this.waiting = undefined;
    waiting.timer.cancel();
    waiting.resolve({ sessionId: this.id, partitions });
  }

  /** `all`: also what is no reason to answer before the end of the wait. */
  private gather(all: boolean): Gathered {
    const gathered: Gathered = { partitions: [], bytes: 0, news: false };
    for (const asked of [...this.ready]) if (!this.gatherOne(asked, gathered, all)) break;
    if (!all && !gathered.news) return gathered;
    for (const asked of [...this.quiet]) if (!this.gatherOne(asked, gathered, true)) break;
    this.options.onSent(gathered.bytes);
    return gathered;
  }

  /** False when the answer is full. */
  private gatherOne(asked: Asked, gathered: Gathered, all: boolean): boolean {
    const maxBytes = this.waiting?.maxBytes ?? 0;
    if (gathered.bytes >= maxBytes) return false;
    const outcome = this.outcome(asked, {
      bytes: maxBytes - gathered.bytes,
      first: gathered.bytes === 0,
      coldBytes: this.coldReads < COLD_READS ? Math.ceil(maxBytes / COLD_READS) : 0,
    });
    switch (outcome.kind) {
      case 'noRoom':
        // Keeps its place at the head of the queue.
        return false;
      case 'busy':
        return true;
      case 'reading':
        this.readCold(asked, outcome.from, outcome.slice);
        return true;
      case 'throttled':
      case 'failed':
        this.ready.delete(asked);
        this.quiet.delete(asked);
        this.later(asked, outcome.waitMs);
        return true;
      case 'answer':
        this.take(asked, outcome, gathered, all);
        return true;
    }
  }

  /** One partition that can not be read does not keep the others from being answered. */
  private outcome(asked: Asked, room: Room): Outcome | Failed {
    try {
      return this.options.answers.to(asked, room);
    } catch (error) {
      const { broker, logger } = this.options;
      logger.warn({ err: error, ...asked.group, broker }, 'could not answer a follower');
      return { kind: 'failed', waitMs: READ_RETRY_MS };
    }
  }

  private take(asked: Asked, outcome: Answered, gathered: Gathered, all: boolean): void {
    const { wire, bytes, news, told } = outcome;
    this.ready.delete(asked);
    const tells = news || (all && asked.told?.highWatermark !== told.highWatermark);
    if (tells) {
      gathered.partitions.push(wire);
      gathered.bytes += bytes;
      gathered.news ||= news;
      asked.told = told;
      this.quiet.delete(asked);
      this.dropCold(asked);
    } else if (asked.told?.highWatermark !== told.highWatermark) {
      this.quiet.add(asked);
    }
  }

  /** At most a few at a time, and what they brought counts until it is sent: this bounds what a follower can make us hold. */
  private readCold(asked: Asked, from: number, reading: Promise<LogSlice>): void {
    this.dropCold(asked);
    const cold: NonNullable<Asked['cold']> = { offset: from, slice: undefined };
    asked.cold = cold;
    asked.hot = false;
    this.coldReads++;
    this.ready.delete(asked);
    this.quiet.delete(asked);
    reading.then(
      (slice) => {
        if (asked.cold !== cold) return;
        cold.slice = slice;
        this.makeReady(asked);
      },
      (error: unknown) => {
        if (asked.cold !== cold) return;
        this.dropCold(asked);
        const { broker, logger } = this.options;
        const context = { err: error, ...asked.group, from, broker };
        logger.warn(context, 'could not read for a follower');
        this.later(asked, READ_RETRY_MS);
      },
    );
  }

  private dropCold(asked: Asked): void {
    if (asked.cold === undefined) return;
    asked.cold = undefined;
    this.coldReads--;
    // Others may have waited for a read to end.
    if (this.waiting !== undefined) this.options.endOfTick.add(this);
  }

  private later(asked: Asked, ms: number): void {
    this.options.clock.after(ms, () => {
      if (!this.closed && this.asked.get(asked.key) === asked) this.makeReady(asked);
    });
  }
}

interface Failed {
  readonly kind: 'failed';
  readonly waitMs: number;
}

type Answered = Extract<Outcome, { kind: 'answer' }>;

/** Reads from disk for one session at a time. */
const COLD_READS = 4;
const READ_RETRY_MS = 100;
/** Much shorter than replica.lag.time.max.ms may be. */
const RENEW_MS = 250;
