// The producer as programs see it: types only.
import type { Bytes, Duration } from '@zhumq/base';
import type { Acks, UsableCodec } from '@zhumq/model';
import type { CallOptions } from './client.js';
import type { OutgoingMessage, Receipt } from './message.js';
import type { Topic } from './topic.js';

export interface ProducerOptions {
  /**
   * When a send is done: 'all': committed by the replicas (default); 'leader': on the leader; 'none': handed to the
   * network, never retried.
   */
  readonly acks?: Acks;
  /** Retries are stored once and in order. True by default; off with acks 'none'. */
  readonly idempotent?: boolean;
  /**
   * How long a batch that is not full waits for company. 0 by default: it leaves at once when the broker is idle and
   * takes company while an earlier request is under way.
   */
  readonly linger?: Duration;
  /** Size at which a batch is full, before compression; 256 KiB by default. */
  readonly batchBytes?: Bytes;
  /** Most bytes of messages that are buffered or under way; 64 MiB by default. */
  readonly maxBuffered?: Bytes;
  /** What send() does when `maxBuffered` is reached: 'wait' (default), or reject with QUEUE_FULL. */
  readonly whenFull?: 'wait' | 'throw';
  /** 'none' by default; 'lz4' is the fast one, 'gzip' is read by everything. */
  readonly compression?: UsableCodec;
  /** From send() to its end, retries included; 2 min by default, at most half the topic's producer.expiration.ms. */
  readonly deliveryTimeout?: Duration;
  /** Batches under way per partition; 1 to 5, 5 by default. Always 1 where retries are not idempotent: order comes first. */
  readonly maxInFlight?: number;
}

/** Whether messages get acknowledged. */
export interface ProducerHealth {
  /** stalled: messages wait because the last try for their partition failed, see `reasons`; they are tried again. */
  readonly state: 'running' | 'stalled' | 'closed';
  /** For people: one sentence for each partition whose messages wait. */
  readonly reasons: readonly string[];
}

export interface Producer extends AsyncDisposable {
  /** Bytes of messages that are buffered or under way. */
  readonly bufferedBytes: number;
  /** Whether messages get acknowledged. */
  health(): ProducerHealth;
  /**
   * Settles once: with the receipt when the ack level is reached, or with a ZhumqError whose `outcome` says whether the
   * message may be stored all the same. `timeout` and `signal` end the waiting; a message under way may still be stored.
   * An array settles when all its messages have; it rejects with the first error, and `sendOutcomes(error)` has what
   * became of each.
   */
  send(topic: string, message: OutgoingMessage, options?: CallOptions): Promise<Receipt>;
  send(
    topic: string,
    messages: readonly OutgoingMessage[],
    options?: CallOptions,
  ): Promise<Receipt[]>;
  send<K, V>(
    topic: Topic<K, V, unknown, unknown>,
    message: OutgoingMessage<K, V>,
    options?: CallOptions,
  ): Promise<Receipt>;
  send<K, V>(
    topic: Topic<K, V, unknown, unknown>,
    messages: readonly OutgoingMessage<K, V>[],
    options?: CallOptions,
  ): Promise<Receipt[]>;
  /** Resolves when everything given to send() so far has settled, whatever its outcome. */
  flush(options?: CallOptions): Promise<void>;
  /** Takes no more messages, flushes (30 s at most, unless `timeout` says otherwise), rejects what is left. */
  close(options?: CallOptions): Promise<void>;
}
