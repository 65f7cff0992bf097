// What a program gets from connect(): types only.
import type { Duration } from '@zhumq/base';
import type { Admin } from './admin.js';
import type {
  Consumer,
  ConsumerOptions,
  RawConsumerOptions,
  TopicsConsumerOptions,
} from './consumer.js';
import type { Producer, ProducerOptions } from './producer.js';

/** Where the client tells what it does; pino, and console with its arguments turned, fit. Silent by default. */
export interface ClientLogger {
  debug(context: object, message: string): void;
  info(context: object, message: string): void;
  warn(context: object, message: string): void;
  error(context: object, message: string): void;
}

export interface ConnectOptions {
  /** How long connect() tries all addresses again and again; 10 s by default. */
  readonly connectTimeout?: Duration;
  /** How long one request may take before it counts as lost; 10 s by default. A pull adds the time the server may wait. */
  readonly requestTimeout?: Duration;
  /** How long cached metadata is believed without any failure that says otherwise; 5 min by default. */
  readonly metadataMaxAge?: Duration;
  readonly logger?: ClientLogger;
  /** Gives connecting up; afterwards closes the client, which flushes its producers. */
  readonly signal?: AbortSignal;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
  readonly timeout?: Duration;
}

export interface Client extends AsyncDisposable {
  /** Identity of the cluster, 32 hexadecimal digits. */
  readonly clusterId: string;
  producer(options?: ProducerOptions): Producer;
  consumer<KeyIn, ValueIn, KeyOut, ValueOut>(
    options: ConsumerOptions<KeyIn, ValueIn, KeyOut, ValueOut>,
  ): Consumer<KeyOut, ValueOut>;
  consumer(options: RawConsumerOptions | TopicsConsumerOptions): Consumer<Buffer, Buffer>;
  admin(): Admin;
  /**
   * Flushes and closes all producers, closes all consumers, ends all connections; at most 30 s unless `timeout` says
   * otherwise. Rejects when messages that were sent with acks 'none' are known to be lost: they did not leave in time,
   * or the connection broke before the broker had read them all.
   */
  close(options?: CallOptions): Promise<void>;
}
