// The door of @zhumq/base: what every room needs and no domain word.
export { assert, assertNever, AssertionFailed } from './assert.js';
export { Backoff } from './backoff.js';
export type { BackoffOptions } from './backoff.js';
export { BudgetRefused, ByteBudget } from './byte-budget.js';
export type { ByteBudgetLimits } from './byte-budget.js';
export { SystemClock, delay } from './clock.js';
export type { Clock, Timer } from './clock.js';
export { ConfigFileInvalid } from './config-file.js';
export type { ConfigFile } from './config-file.js';
export { Deadline } from './deadline.js';
export { formatHostPort, parseHostPort } from './host-port.js';
export type { HostPort } from './host-port.js';
export { createLogger, silentLogger } from './logger.js';
export type {
  LogContext,
  LogDestination,
  Logger,
  LoggerOptions,
  LogLevel,
  RootLogger,
} from './logger.js';
export { ManualClock } from './manual-clock.js';
export { BYTES_BUCKETS, Metrics, SECONDS_BUCKETS } from './metrics.js';
export type { CollectSeries } from './metrics.js';
export { SERIES_LIMIT } from './metric-handles.js';
export type {
  CounterHandle,
  GaugeHandle,
  HistogramHandle,
  Labelled,
  LabelValues,
} from './metric-handles.js';
export { nearestName } from './nearest-name.js';
export { ListenFailed, startOpsServer } from './ops-http.js';
export type { HealthCheck, HealthReport, OpsServer, OpsServerOptions } from './ops-http.js';
export type { OptionDeclaration, OptionDeclarations, OptionValues } from './option-declaration.js';
export { environmentName, flagName } from './option-sources.js';
export type { OptionSources } from './option-sources.js';
export { defineOptions, OptionSet, OptionsInvalid } from './options.js';
export type {
  OptionCheck,
  OptionFlag,
  OptionProblem,
  OptionRow,
  ResolvedOptions,
} from './options.js';
export {
  formatBytes,
  formatDurationMs,
  formatExactBytes,
  parseBytes,
  parseDurationMs,
} from './quantities.js';
export type { Bytes, Duration } from './quantities.js';
export { SeededRandom, randomId, systemRandom } from './random.js';
export type { Random } from './random.js';
export { rateLimited } from './rate-limited-logger.js';
export { SerialExecutor } from './serial-executor.js';
export { ZhumqError } from './zhumq-error.js';
export type { ErrorContext, ErrorKind } from './zhumq-error.js';
