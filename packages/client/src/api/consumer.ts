// The consumer as programs see it: types only.
import type { Bytes, Duration } from '@zhumq/base';
import type { ZhumqError } from '@zhumq/base';
import type { CallOptions } from './client.js';
import type { Message } from './message.js';
import type { Topic } from './topic.js';

/** Where to go on reading one partition, as position() gives it; kept by the program across restarts. */
export interface Position {
  /** Set where the consumer reads several topics. */
  readonly topic?: string;
  readonly partition: number;
  /** Offset of the next message. */
  readonly offset: number;
  /** Epoch of the last batch read before it; -1 when there was none. It lets the server notice lost data. */
  readonly lastEpoch: number;
}

/**
 * Where to begin. A number is an offset, for all partitions alike; a Date is the first message not older than it;
 * positions are for single partitions (the others begin at 'latest').
 */
export type StartPosition = 'earliest' | 'latest' | number | Date | readonly Position[];

/** For consumers of a group: its members share the partitions, and the cluster keeps its positions. */
export interface GroupOptions {
  /** Name of the group. Without it: every consumer reads everything, and the program keeps the positions. */
  readonly group?: string;
  /** A name that this consumer keeps over restarts: back within the session timeout, it has its partitions again. */
  readonly instanceId?: string;
  /** For people who look at the group; the program's name and process id by default. */
  readonly clientId?: string;
  /**
   * Without a heartbeat for so long the cluster takes the member for gone; 10 s by default. Heartbeats have a timer of
   * their own: a handler may take hours, as long as it leaves the event loop its turn.
   */
  readonly sessionTimeout?: Duration;
  /**
   * How long handlers of a partition that goes to another member may still run; then their signals are aborted and the
   * partition goes, and what they had not finished is handled again there. 30 s by default.
   */
  readonly drainTimeout?: Duration;
  /** true (default): positions are committed behind what is handled, by themselves; false: by commit() only. */
  readonly autoCommit?: boolean;
  /** How often; 1 s by default. Besides: when a partition is given up, when run() ends, at close(). */
  readonly commitInterval?: Duration;
  /** And after so many handled messages; 1000 by default. */
  readonly commitEvery?: number;
}

export interface ReadOptions extends GroupOptions {
  /** All partitions by default, and also those that are added later. Not in a group, which assigns them itself. */
  readonly partitions?: readonly number[];
  /**
   * 'latest' by default: only what is sent from now on. Partitions that are added later are read from their beginning.
   * In a group: where it has no position yet, 'earliest' by default; positions can not be given.
   */
  readonly from?: StartPosition;
  /** Most bytes of batches held before the program takes them; 8 MiB by default. */
  readonly prefetchBytes?: Bytes;
  /** How long the server may wait for minBytes; 1 s by default. */
  readonly maxWait?: Duration;
  /** The server answers as soon as it has this much; 1 by default. */
  readonly minBytes?: Bytes;
  /** Most bytes of one answer; 4 MiB by default. */
  readonly maxBytes?: Bytes;
  /** Most bytes of one partition in an answer; 1 MiB by default. A larger batch comes whole. */
  readonly maxPartitionBytes?: Bytes;
  /** 'error' (default): reading ends with OFFSET_OUT_OF_RANGE until seek(); else goes on there and emits 'outOfRange'. */
  readonly onOutOfRange?: 'error' | 'earliest' | 'latest';
  /** 'error' (default): reading ends with TRUNCATED until seek(); 'resume': goes on where the logs agree and emits 'truncated'. */
  readonly onTruncated?: 'error' | 'resume';
  /**
   * 'pull' (default): the consumer asks; 'push': brokers send as soon as something is committed, as far as prefetchBytes
   * goes. Messages, positions and errors are the same; maxWait, minBytes, maxBytes and maxPartitionBytes are for 'pull'.
   */
  readonly delivery?: 'pull' | 'push';
}

export interface RawConsumerOptions extends ReadOptions {
  readonly topic: string;
}

/** Several topics, in a group. */
export interface TopicsConsumerOptions extends ReadOptions {
  readonly topics: readonly string[];
  readonly group: string;
}

export interface ConsumerOptions<KeyIn, ValueIn, KeyOut, ValueOut> extends ReadOptions {
  readonly topic: Topic<KeyIn, ValueIn, KeyOut, ValueOut>;
}

export interface RunOptions {
  /** Handlers that run at a time; 1 by default. */
  readonly concurrency?: number;
  /**
   * 'partition' (default): one message of a partition at a time, in order; 'key': one message of a key at a time, in
   * order, other keys of the partition meanwhile (messages without a key wait for nobody); 'none': any.
   */
  readonly order?: 'partition' | 'key' | 'none';
  /** Ends run(): running handlers are waited for, then it resolves. */
  readonly signal?: AbortSignal;
}

export interface FetchOptions {
  /** Most messages; 500 by default. */
  readonly max?: number;
  /** How long to wait for the first one; 1 s by default. */
  readonly wait?: Duration;
  readonly signal?: AbortSignal;
}

export interface TakeOptions extends FetchOptions {
  /** The last message is the one that reaches so many bytes of keys, values and headers; no such limit by default. */
  readonly maxBytes?: number;
}

/** A message and what became of it. */
export interface TakenMessage<K = Buffer, V = Buffer> {
  readonly message: Message<K, V>;
  readonly handling: Handling;
}

/** What a program that took a message says of it, and what is known of that. It does not hold the message itself. */
export interface Handling {
  /** The message is handled. The position goes behind it when everything before it is handled, too. Idempotent. */
  done(): void;
  /** The partition is not this consumer's any more: what is not committed by now is handled again elsewhere. */
  readonly lost: boolean;
  /** In a group: the position that followed from done() is committed. */
  readonly committed: boolean;
}

export interface BatchesOptions {
  /** Most messages of a batch; 500 by default. */
  readonly max?: number;
  /** How long to collect after the first message; 200 ms by default. */
  readonly wait?: Duration;
  readonly signal?: AbortSignal;
}

export interface MessageBatch<K = Buffer, V = Buffer> {
  /** At least one; those of a partition in order. */
  readonly messages: readonly Message<K, V>[];
  /**
   * The batch is handled: the position moves behind it, in a group it is also committed, and then this resolves. Rejects
   * with FENCED_MEMBER when one of its partitions is another member's by now.
   */
  ack(): Promise<void>;
}

/** Messages between the position and the high watermark; in a group: of the partitions that this member has. */
export interface Lag {
  readonly messages: number;
  /** The largest of the partitions. */
  readonly seconds: number;
  readonly partitions: readonly PartitionLag[];
}

export interface PartitionLag {
  /** Set where the consumer reads several topics. */
  readonly topic?: string;
  readonly partition: number;
  /** Offsets that are unread. */
  readonly messages: number;
  /** Since the oldest unread message was written, exact to a batch; 0 when nothing is unread. */
  readonly seconds: number;
  /** In a group: the position that is committed, as far as this member knows; -1: none. */
  readonly committed?: number;
}

/** Whether anything gets done, not whether anything is connected. */
export interface ConsumerHealth {
  /**
   * joining: not in its group at present; running: messages are handled as they come, or there are none; stalled: see
   * `reasons`; closed.
   */
  readonly state: 'joining' | 'running' | 'stalled' | 'closed';
  /** For people: why it is stalled. */
  readonly reasons: readonly string[];
  /** Since a message was handled (taken), or a broker said that there is none while none waited here. */
  readonly lastProgressMs: number;
  /** Partitions being read. */
  readonly partitions: number;
  /** Messages that handlers, or the program, have at present. */
  readonly handling: number;
  /** Bytes of batches held for the program. */
  readonly bufferedBytes: number;
  /** In a group: the member; empty before it has joined. */
  readonly memberId?: string;
  /** In a group: since the last heartbeat that was answered. */
  readonly lastHeartbeatMs?: number;
}

export interface ConsumerEvents {
  /** Partitions that are read from now on: added to the topic, or given by the group. */
  assigned: { readonly topic: string; readonly partitions: readonly number[] };
  /**
   * In a group: partitions that are not read any more. `lost`: without having been given up, and another member may have
   * them already; handlers that still run for them are told by their signals, and what they do may be done twice.
   */
  revoked: {
    readonly topic: string;
    readonly partitions: readonly number[];
    readonly lost: boolean;
  };
  /** In a group: the cluster does not count this member any more; it joins anew by itself. */
  fenced: { readonly error: ZhumqError };
  /** In a group: positions could not be committed; what is behind them may be handled again. */
  commitFailed: { readonly error: ZhumqError };
  /**
   * In a group: the event loop stood still for so long that the session ended: something in this process keeps it busy.
   * Nothing more is handled until the cluster has said whose the partitions are.
   */
  blocked: { readonly delayMs: number };
  /** A partition can not be read at present; it is tried again and again. */
  stalled: { readonly topic: string; readonly partition: number; readonly error: ZhumqError };
  /** A stalled partition is read again. */
  reconnected: { readonly topic: string; readonly partition: number; readonly broker: string };
  /** Lost data was noticed and `onTruncated` says to go on, at `resumedAt`. */
  truncated: {
    readonly topic: string;
    readonly partition: number;
    readonly offset: number;
    readonly resumedAt: number;
  };
  /** The position was out of range and `onOutOfRange` says to go on, at `resumedAt`. */
  outOfRange: {
    readonly topic: string;
    readonly partition: number;
    readonly offset: number;
    readonly resumedAt: number;
  };
}

/**
 * Reads in one way at a time: run(), for await, batches(), fetch(), or take().
 *
 * In a group a message that a loop or fetch() gave counts as handled when the program asks for the next one; with one
 * that it broke off at, it begins again elsewhere unless commit() said otherwise.
 */
export interface Consumer<K = Buffer, V = Buffer>
  extends AsyncDisposable, AsyncIterable<Message<K, V>> {
  /**
   * Calls the handler for each message. Resolves when `signal` is aborted or the consumer closed; rejects with what a
   * handler throws, or with an error that no waiting can cure. The positions are then before the first message that is
   * not handled; in a group they are committed (unless autoCommit is off). The consumer stays a member: run it again, or
   * close it.
   */
  run(
    handler: (message: Message<K, V>, context: { readonly signal: AbortSignal }) => unknown,
    options?: RunOptions,
  ): Promise<void>;
  /** Up to `max` messages that are there; waits for the first one, and gives an empty array when none came in time. */
  fetch(options?: FetchOptions): Promise<Message<K, V>[]>;
  /**
   * As fetch(), but each message counts as handled when `handling.done()` was called, in any order and whenever it may be: for
   * programs that hand messages on to others. Several calls may have messages at a time.
   */
  take(options?: TakeOptions): Promise<TakenMessage<K, V>[]>;
  /** As for await, with many messages at a time. What was not acked when the loop ends comes again in the next one. */
  batches(options?: BatchesOptions): AsyncIterable<MessageBatch<K, V>>;
  /**
   * In a group: commits the positions, or those given, and resolves when that is durable. Everything that a loop or
   * fetch() gave counts as handled; of run() what its handlers finished. Rejects with FENCED_MEMBER when partitions were
   * lost with work that was not committed, and commits the rest all the same; with POSITION_BEHIND where a later position
   * is committed already.
   */
  commit(positions?: readonly Position[], options?: CallOptions): Promise<void>;
  /** Whether messages get handled. */
  health(): ConsumerHealth;
  /** Resolves when every partition knows where it begins: what is sent after that is not missed by 'latest'. */
  ready(options?: CallOptions): Promise<void>;
  /** Where each partition goes on: behind the last message taken (run: handled). */
  position(): readonly Position[];
  /**
   * Goes on elsewhere; what was prefetched is dropped. Without `partitions`: in all of them. In a group this consumer alone
   * reads again: what is committed goes back only by resetOffsets() of the admin, while the group has no members.
   */
  seek(to: StartPosition, partitions?: readonly number[]): Promise<void>;
  /** Gives no more messages of these partitions (default: all) until resume(). */
  pause(partitions?: readonly number[]): void;
  resume(partitions?: readonly number[]): void;
  lag(options?: CallOptions): Promise<Lag>;
  /**
   * Stops reading; waits for handlers that run, 30 s at most unless `timeout` says otherwise. In a group: then commits
   * (unless autoCommit is off) and leaves.
   */
  close(options?: CallOptions): Promise<void>;
  /** Returns what removes the listener. */
  on<E extends keyof ConsumerEvents>(
    event: E,
    listener: (event: ConsumerEvents[E]) => void,
  ): () => void;
}
