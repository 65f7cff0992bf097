// The consumer as programs see it: types only.
import type { Bytes, Duration } from '@zhumq/base';
import type { ZhumqError } from '@zhumq/base';
import type { CallOptions } from './client.js';
import type { Message } from './message.js';
import type { Topic } from './topic.js';

/** Where to go on reading one partition, as position() gives it; kept by the program across restarts. */
export interface Position {
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

export interface ReadOptions {
  /** All partitions by default, and also those that are added later. */
  readonly partitions?: readonly number[];
  /** 'latest' by default: only what is sent from now on. Partitions that are added later are read from their beginning. */
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
  /** 'pull' is what there is at present. */
  readonly delivery?: 'pull' | 'push';
}

export interface RawConsumerOptions extends ReadOptions {
  readonly topic: string;
}

export interface ConsumerOptions<KeyIn, ValueIn, KeyOut, ValueOut> extends ReadOptions {
  readonly topic: Topic<KeyIn, ValueIn, KeyOut, ValueOut>;
}

export interface RunOptions {
  /** Handlers that run at a time; 1 by default. */
  readonly concurrency?: number;
  /** 'partition' (default): one message of a partition at a time, in order; 'none': any. */
  readonly order?: 'partition' | 'none';
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

/** Messages between the position and the high watermark. */
export interface Lag {
  readonly messages: number;
  readonly partitions: readonly { readonly partition: number; readonly messages: number }[];
}

export interface ConsumerEvents {
  /** Partitions that were added to the topic and are read from now on. */
  assigned: { readonly partitions: readonly number[] };
  /** A partition can not be read at present; it is tried again and again. */
  stalled: { readonly partition: number; readonly error: ZhumqError };
  /** A stalled partition is read again. */
  reconnected: { readonly partition: number; readonly broker: string };
  /** Lost data was noticed and `onTruncated` says to go on, at `resumedAt`. */
  truncated: { readonly partition: number; readonly offset: number; readonly resumedAt: number };
  /** The position was out of range and `onOutOfRange` says to go on, at `resumedAt`. */
  outOfRange: { readonly partition: number; readonly offset: number; readonly resumedAt: number };
}

/** Reads one topic; in one way at a time: run(), for await, or fetch(). */
export interface Consumer<K = Buffer, V = Buffer>
  extends AsyncDisposable, AsyncIterable<Message<K, V>> {
  /**
   * Calls the handler for each message. Resolves when `signal` is aborted or the consumer closed; rejects with what a
   * handler throws, or with an error that no waiting can cure. The positions are then before the first message that is
   * not handled.
   */
  run(
    handler: (message: Message<K, V>, context: { readonly signal: AbortSignal }) => unknown,
    options?: RunOptions,
  ): Promise<void>;
  /** Up to `max` messages that are there; waits for the first one, and gives an empty array when none came in time. */
  fetch(options?: FetchOptions): Promise<Message<K, V>[]>;
  /** Resolves when every partition knows where it begins: what is sent after that is not missed by 'latest'. */
  ready(options?: CallOptions): Promise<void>;
  /** Where each partition goes on: behind the last message taken (run: handled). */
  position(): readonly Position[];
  /** Goes on elsewhere; what was prefetched is dropped. Without `partitions`: in all of them. */
  seek(to: StartPosition, partitions?: readonly number[]): Promise<void>;
  /** Gives no more messages of these partitions (default: all) until resume(). */
  pause(partitions?: readonly number[]): void;
  resume(partitions?: readonly number[]): void;
  lag(options?: CallOptions): Promise<Lag>;
  /** Stops reading; waits for handlers that run, 30 s at most unless `timeout` says otherwise. */
  close(options?: CallOptions): Promise<void>;
  /** Returns what removes the listener. */
  on<E extends keyof ConsumerEvents>(
    event: E,
    listener: (event: ConsumerEvents[E]) => void,
  ): () => void;
}
