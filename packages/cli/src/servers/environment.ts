// What every server of this program is given from outside: clock, randomness, logs, metrics.
import { Metrics, SystemClock, createLogger, systemRandom } from '@zhumq/base';
import type { Clock, LogLevel, Logger, Random } from '@zhumq/base';

export interface ServerEnvironment {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

export interface LogSettings {
  readonly level: LogLevel;
  readonly format: 'json' | 'pretty-short';
}

/** One per server: several servers of one process keep their metrics apart. */
export function serverEnvironment(name: string, log: LogSettings): ServerEnvironment {
  const metrics = new Metrics();
  metrics.addProcessMetrics();
  return {
    clock: new SystemClock(),
    random: systemRandom(),
    logger: createLogger({ level: log.level, format: log.format, name }),
    metrics,
  };
}
