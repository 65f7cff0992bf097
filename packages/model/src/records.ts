// Records as values. Inside a batch each is: length, attributes (0), timestamp delta, offset delta, key, value, headers;
// all but attributes are zig-zag varints, a length of -1 stands for null.

/** Name and value; names may repeat. */
export type RecordHeader = readonly [key: string, value: Buffer | null];

/** What a producer gives. */
export interface RecordInput {
  /** Milliseconds since 1970. */
  readonly timestamp: number;
  readonly key: Uint8Array | null;
  /** null: a tombstone. */
  readonly value: Uint8Array | null;
  readonly headers?: readonly (readonly [key: string, value: Uint8Array | null])[];
}

/** What a consumer gets. Buffers share memory with the batch (or with its decompressed form). */
export interface DecodedRecord {
  readonly offset: number;
  readonly timestamp: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: readonly RecordHeader[];
}

/** Largest timestamp that a record can have: far beyond any date, and its delta still fits a varint of ours. */
export const MAX_TIMESTAMP_MS = 2 ** 52 - 1;
/** No record is smaller: seven fields of one byte. */
export const MIN_RECORD_BYTES = 7;
