// How much a stranger can cost a server. Everything that grows with what a client does is bounded by one of these.

export interface ServerLimits {
  /** Longest message in either direction, in bytes. */
  readonly maxFrameBytes: number;
  /** Fields and items of one request, nested ones included, unless its method may have any number. */
  readonly maxValues: number;
  /** Answers that a client does not take, in bytes; beyond it no more of its requests are read. One answer may exceed it. */
  readonly maxBufferedBytes: number;
  /** Requests of one connection that are served at the same time; more are not read. */
  readonly maxInFlightRequests: number;
  /** Bytes of these requests. */
  readonly maxInFlightBytes: number;
  /** Connections; more are closed at once. */
  readonly maxConnections: number;
  /** A connection has to send its first frame within this time. */
  readonly handshakeTimeoutMs: number;
  /** A frame that was begun has to be complete within this time. */
  readonly frameTimeoutMs: number;
  /** A client with more than maxBufferedBytes to take has to take something within this time. */
  readonly drainTimeoutMs: number;
}

export const MAX_FRAME_BYTES = 64 * 1024 * 1024;
/** Reading so many takes about five milliseconds. */
const MAX_VALUES = 150_000;
/** Positions of groups in one request to commit or reset them: reading so many takes some three milliseconds. */
export const MAX_POSITIONS = 20_000;
export const MAX_BUFFERED_BYTES = 16 * 1024 * 1024;

export const DEFAULT_SERVER_LIMITS: ServerLimits = Object.freeze({
  maxFrameBytes: MAX_FRAME_BYTES,
  maxValues: MAX_VALUES,
  maxBufferedBytes: MAX_BUFFERED_BYTES,
  maxInFlightRequests: 1024,
  maxInFlightBytes: 64 * 1024 * 1024,
  maxConnections: 10_000,
  handshakeTimeoutMs: 10_000,
  frameTimeoutMs: 30_000,
  drainTimeoutMs: 60_000,
});
