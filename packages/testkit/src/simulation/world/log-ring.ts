// The last log lines and faults of a run, kept as they came and made into text only when somebody asks.
import type { LogContext, Logger } from '@zhumq/base';
import type { Scheduler } from './scheduler.js';

type Level = 'info' | 'warn' | 'error' | 'fault';

interface Line {
  readonly atMs: number;
  readonly who: string;
  readonly level: Level;
  readonly context: LogContext;
  readonly message: string;
}

export class LogRing {
  /** Written as they come, too; for looking at one run. */
  echo: ((line: string) => void) | undefined;
  private readonly lines: Line[] = [];
  private next = 0;

  constructor(
    private readonly scheduler: Scheduler,
    private readonly capacity: number,
  ) {}

  logger(who: string): Logger {
    return new RingLogger(this, who);
  }

  fault(who: string, message: string): void {
    this.add(who, 'fault', {}, message);
  }

  add(who: string, level: Level, context: LogContext, message: string): void {
    const line = { atMs: this.scheduler.nowMs, who, level, context, message };
    if (this.lines.length < this.capacity) this.lines.push(line);
    else this.lines[this.next] = line;
    this.next = (this.next + 1) % this.capacity;
    this.echo?.(textOf(line));
  }

  /** Oldest first. */
  texts(): string[] {
    const full = this.lines.length === this.capacity;
    const ordered = full
      ? [...this.lines.slice(this.next), ...this.lines.slice(0, this.next)]
      : this.lines;
    return ordered.map(textOf);
  }
}

class RingLogger implements Logger {
  constructor(
    private readonly ring: LogRing,
    private readonly who: string,
  ) {}

  debug(): void {
    // Too many to be of use in a ring.
  }

  info(context: LogContext, message: string): void {
    this.ring.add(this.who, 'info', context, message);
  }

  warn(context: LogContext, message: string): void {
    this.ring.add(this.who, 'warn', context, message);
  }

  error(context: LogContext, message: string): void {
    this.ring.add(this.who, 'error', context, message);
  }

  child(): Logger {
    return this;
  }
}

function textOf({ atMs, who, level, context, message }: Line): string {
  const details = Object.entries(context)
    .map(([name, value]) => `${name}=${valueText(value)}`)
    .join(' ');
  return `${atMs.toFixed(1).padStart(10)} ${who.padEnd(10)} ${level.padEnd(5)} ${message} ${details}`.trimEnd();
}

function valueText(value: unknown): string {
  if (value instanceof Error) {
    const cause = value.cause instanceof Error ? ` <- ${value.cause.message}` : '';
    return `"${value.message}${cause}"`;
  }
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
