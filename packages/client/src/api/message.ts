// Messages as programs give and get them: types only.
import type { ReplicationMode } from '@zhumq/model';

/** A string is sent as UTF-8; null is a header without a value. */
export type HeaderValue = string | Uint8Array | null;

/** By name, or as pairs where their order matters; a name may have several values. */
export type OutgoingHeaders =
  | Readonly<Record<string, HeaderValue | readonly HeaderValue[]>>
  | ReadonlyMap<string, HeaderValue | readonly HeaderValue[]>
  | readonly (readonly [name: string, value: HeaderValue])[];

/** What is sent; to a topic that is given by its name, keys and values are bytes or UTF-8 text. */
export interface OutgoingMessage<K = string | Uint8Array, V = string | Uint8Array> {
  /** Messages of one key go to one partition, as with Kafka's default partitioner. */
  readonly key?: K | null;
  /** null: a tombstone. */
  readonly value: V | null;
  readonly headers?: OutgoingHeaders;
  /** Sends to this partition, whatever the key. */
  readonly partition?: number;
  /** Date, or milliseconds since 1970; the moment of send() by default. */
  readonly timestamp?: Date | number;
}

/** Where a message was stored. */
export interface Receipt {
  readonly topic: string;
  readonly partition: number;
  /** -1 with acks 'none', where nobody knows. */
  readonly offset: number;
  /** The record's timestamp, in milliseconds since 1970. */
  readonly timestamp: number;
  /** True when an earlier attempt had stored it already; it is there once. */
  readonly duplicate: boolean;
  /** The replication mode that served it; with acks 'none' the one that was known last. */
  readonly mode: ReplicationMode;
}

/** What is consumed. Its buffers share memory with the batch that it came in: copy what is small and kept for long. */
export interface Message<K = Buffer, V = Buffer> {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** Milliseconds since 1970. */
  readonly timestamp: number;
  readonly key: K | null;
  /** null: a tombstone. */
  readonly value: V | null;
  /** All values of each name, in the order of sending; a header without a value is an empty Buffer. */
  readonly headers: ReadonlyMap<string, readonly Buffer[]>;
}
