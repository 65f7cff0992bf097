// The door of @zhumq/base: what every room needs and no domain word.
export { assert, assertNever, AssertionFailed } from './assert.js';
export { Backoff } from './backoff.js';
export type { BackoffOptions } from './backoff.js';
export { SystemClock, delay } from './clock.js';
export type { Clock, Timer } from './clock.js';
export { formatBytes, formatDurationMs, parseBytes, parseDurationMs } from './quantities.js';
export type { Bytes, Duration } from './quantities.js';
export { SeededRandom, randomId, systemRandom } from './random.js';
export type { Random } from './random.js';
export { SerialExecutor } from './serial-executor.js';
export { ZhumqError } from './zhumq-error.js';
export type { ErrorContext, ErrorKind } from './zhumq-error.js';
