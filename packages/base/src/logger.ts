// Logs: one JSON object per line with `time`, `level`, `msg` and what the caller knows, written by pino.
// Formatting for people stands in log-format.ts, limits for hostile input in rate-limited-logger.ts.
import type { DestinationStream, Logger as PinoSink } from 'pino';
import { formatLogLine } from './log-format.js';
import { pinoLibrary } from './server-libraries.js';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/** What a log line is about, by name: `{ topic, partition, epoch, err }`. Errors go under `err`. */
export type LogContext = object;

export interface Logger {
  debug(context: LogContext, message: string): void;
  info(context: LogContext, message: string): void;
  warn(context: LogContext, message: string): void;
  error(context: LogContext, message: string): void;
  /** A logger that adds `bindings` to each line. */
  child(bindings: LogContext): Logger;
}

/** The logger of a program: it holds the level for itself and all its children. */
export interface RootLogger extends Logger {
  level: LogLevel;
}

export interface LoggerOptions {
  readonly level: LogLevel;
  /** The `component` of each line, unless a child names another. */
  readonly name: string;
  /** A file descriptor or a stream; standard error by default, because standard output carries data. */
  readonly destination?: number | LogDestination;
  readonly format?: 'json' | 'pretty-short';
}

export interface LogDestination {
  write(text: string): unknown;
}

const SEVERITIES: Readonly<Record<LogLevel, number>> = {
  debug: 20,
  info: 30,
  warn: 40,
  error: 50,
  silent: 60,
};

/** Lines are written before the call returns: what a program says before it crashes is not lost. */
export function createLogger(options: LoggerOptions): RootLogger {
  const written = openDestination(options.destination ?? 2);
  const destination =
    options.format === 'pretty-short'
      ? { write: (line: string) => written.write(formatLogLine(line)) }
      : written;
  const pino = pinoLibrary();
  const sink = pino(
    {
      level: 'debug',
      base: { component: options.name },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: pino.stdSerializers.err, error: pino.stdSerializers.err },
    },
    destination as DestinationStream,
  );
  return new PinoRootLogger(sink, new Threshold(options.level));
}

/** Says nothing. */
export const silentLogger: Logger = Object.freeze({
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silentLogger,
});

/** Shared by a logger and its children; pino copies the level into each child, so it could not be changed later. */
class Threshold {
  severity: number;

  constructor(public level: LogLevel) {
    this.severity = SEVERITIES[level];
  }

  set(level: LogLevel): void {
    this.level = level;
    this.severity = SEVERITIES[level];
  }
}

class PinoLogger implements Logger {
  constructor(
    private readonly sink: PinoSink,
    protected readonly threshold: Threshold,
  ) {}

  debug(context: LogContext, message: string): void {
    if (this.threshold.severity <= SEVERITIES.debug) this.sink.debug(context, message);
  }

  info(context: LogContext, message: string): void {
    if (this.threshold.severity <= SEVERITIES.info) this.sink.info(context, message);
  }

  warn(context: LogContext, message: string): void {
    if (this.threshold.severity <= SEVERITIES.warn) this.sink.warn(context, message);
  }

  error(context: LogContext, message: string): void {
    if (this.threshold.severity <= SEVERITIES.error) this.sink.error(context, message);
  }

  child(bindings: LogContext): Logger {
    return new PinoLogger(this.sink.child(bindings), this.threshold);
  }
}

class PinoRootLogger extends PinoLogger implements RootLogger {
  get level(): LogLevel {
    return this.threshold.level;
  }

  set level(level: LogLevel) {
    this.threshold.set(level);
  }
}

function openDestination(destination: number | LogDestination): LogDestination {
  if (typeof destination !== 'number') return destination;
  const file = pinoLibrary().destination({ fd: destination, sync: true });
  // A reader that closed its end (`zhumq broker 2>&1 | head`) must not take the server down.
  file.on('error', () => undefined);
  return file;
}
