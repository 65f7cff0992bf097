// A limit on lines per second, for what strangers can cause: malformed frames, refused logins, unknown topics.
import { SystemClock } from './clock.js';
import type { Clock } from './clock.js';
import type { LogContext, Logger } from './logger.js';

const WINDOW_MS = 1000;

/**
 * Passes `perSecond` lines each second, counts the others and reports their number when the second is over.
 * Children share the limit of the logger they come from.
 */
export function rateLimited(
  logger: Logger,
  perSecond: number,
  clock: Clock = new SystemClock(),
): Logger {
  return new RateLimitedLogger(logger, new LineLimit(logger, perSecond, clock));
}

class LineLimit {
  private windowEndsMs = -Infinity;
  private passed = 0;
  private suppressed = 0;

  constructor(
    private readonly report: Logger,
    private readonly perSecond: number,
    private readonly clock: Clock,
  ) {}

  allows(): boolean {
    const now = this.clock.monotonicMs();
    if (now >= this.windowEndsMs) {
      this.windowEndsMs = now + WINDOW_MS;
      this.passed = 0;
    }
    if (this.passed < this.perSecond) {
      this.passed++;
      return true;
    }
    // The timer exists only while there is something to report.
    if (this.suppressed++ === 0) this.clock.after(this.windowEndsMs - now, () => this.tell());
    return false;
  }

  private tell(): void {
    const lines = this.suppressed;
    this.suppressed = 0;
    this.report.warn({ suppressed: lines }, `${lines} more log lines of this kind were suppressed`);
  }
}

class RateLimitedLogger implements Logger {
  constructor(
    private readonly logger: Logger,
    private readonly limit: LineLimit,
  ) {}

  debug(context: LogContext, message: string): void {
    if (this.limit.allows()) this.logger.debug(context, message);
  }

  info(context: LogContext, message: string): void {
    if (this.limit.allows()) this.logger.info(context, message);
  }

  warn(context: LogContext, message: string): void {
    if (this.limit.allows()) this.logger.warn(context, message);
  }

  error(context: LogContext, message: string): void {
    if (this.limit.allows()) this.logger.error(context, message);
  }

  child(bindings: LogContext): Logger {
    return new RateLimitedLogger(this.logger.child(bindings), this.limit);
  }
}
