// What the text of an option means and which values are allowed (zod), and how a value is written again.
import type { z } from 'zod';
import { assertNever } from './assert.js';
import { formatHostPort, parseHostPort } from './host-port.js';
import type { HostPort } from './host-port.js';
import type { ListOption, OptionDeclaration } from './option-declaration.js';
import { formatDurationMs, formatExactBytes, parseBytes, parseDurationMs } from './quantities.js';
import { zodLibrary } from './server-libraries.js';

/** Where a value was written decides how a bare number is read: code means milliseconds, people must give the unit. */
export type WrittenBy = 'code' | 'person';

/** The value, or undefined when what is given is not `allowedValues`. */
export function readOptionValue(
  declaration: OptionDeclaration,
  given: unknown,
  by: WrittenBy,
): unknown {
  schemas ??= new Schemas();
  const read = schemas.of(declaration, by).safeParse(given);
  return read.success ? read.data : undefined;
}

/** What is allowed, in words that follow "must be": `an integer from 1 to 10`. */
export function allowedValues(declaration: OptionDeclaration): string {
  switch (declaration.type) {
    case 'integer':
      return `an integer${range(declaration.min, declaration.max)}`;
    case 'number':
      return `a number${range(declaration.min, declaration.max)}`;
    case 'duration':
      return `a duration with its unit (500ms, 15s, 7d)${range(declaration.min, declaration.max)}`;
    case 'bytes':
      return `a size (65536, 64KiB, 1GiB)${range(declaration.min, declaration.max)}`;
    case 'boolean':
      return 'true or false';
    case 'string':
      return allowedText(declaration.patternDoc ?? 'text', declaration.maxLength);
    case 'enum':
      return `one of ${declaration.values.join(', ')}`;
    case 'hostPort':
      return declaration.defaultPort === undefined ? 'host:port' : 'host or host:port';
    case 'list':
      return `a list of ${itemNames(declaration)}${range(declaration.min, declaration.max, ' items')}`;
    default:
      return assertNever(declaration, 'option type');
  }
}

/** The text that `readOptionValue` reads as the same value. */
export function formatOptionValue(declaration: OptionDeclaration, value: unknown): string {
  if (value === undefined) return '';
  if (declaration.type === 'duration') return formatDurationMs(value as number);
  if (declaration.type === 'bytes') return formatExactBytes(value as number);
  if (Array.isArray(value)) return value.map(formatItem).join(',');
  return formatItem(value);
}

function formatItem(value: unknown): string {
  return typeof value === 'object' ? formatHostPort(value as HostPort) : String(value);
}

/** Made when the first value is read. */
class Schemas {
  private readonly z = zodLibrary();
  private readonly number = this.readBy((given) => {
    if (typeof given === 'number') return Number.isFinite(given) ? given : undefined;
    // Not Number(given) alone: that takes '', ' ' and '0x10' too.
    return /^[+-]?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(given.trim()) ? Number(given) : undefined;
  });
  private readonly size = this.readBy((given) => parseBytes(given));
  private readonly durationInCode = this.readBy((given) => parseDurationMs(given, 'ms'));
  private readonly durationInText = this.readBy((given) => {
    const bare = typeof given === 'number' || /^[\d.]*$/.test(given.trim());
    return bare && Number(given) !== 0 ? undefined : parseDurationMs(given, 'ms');
  });
  private readonly boolean = this.z.union([
    this.z.boolean(),
    this.z.stringbool({ truthy: ['true'], falsy: ['false'] }),
  ]);

  of(declaration: OptionDeclaration, by: WrittenBy): z.ZodType {
    const { z } = this;
    switch (declaration.type) {
      case 'integer':
        return within(this.number.pipe(z.int()), declaration.min, declaration.max);
      case 'number':
        return within(this.number, declaration.min, declaration.max);
      case 'duration': {
        const duration = by === 'code' ? this.durationInCode : this.durationInText;
        return within(duration, milliseconds(declaration.min), milliseconds(declaration.max));
      }
      case 'bytes':
        return within(this.size, bytes(declaration.min), bytes(declaration.max));
      case 'boolean':
        return this.boolean;
      case 'string': {
        const text = z.string().max(declaration.maxLength ?? Infinity);
        return declaration.pattern === undefined ? text : text.regex(declaration.pattern);
      }
      case 'enum':
        return z.enum(declaration.values as [string, ...string[]]);
      case 'hostPort':
        return this.address(declaration.defaultPort);
      case 'list':
        return this.list(declaration);
      default:
        return assertNever(declaration, 'option type');
    }
  }

  /** Reads with a function that gives undefined for what it does not understand. */
  private readBy<T>(read: (given: string | number) => T | undefined): z.ZodType<T> {
    const { z } = this;
    return z.union([z.string(), z.number()]).transform((given, context) => {
      const value = read(given);
      if (value !== undefined) return value;
      context.addIssue('not understood');
      return z.NEVER;
    });
  }

  private address(defaultPort?: number): z.ZodType<HostPort> {
    return this.readBy((given) => parseHostPort(String(given), defaultPort));
  }

  private list(declaration: ListOption): z.ZodType {
    const { z } = this;
    const items = {
      string: z.string().min(1),
      integer: this.number.pipe(z.int()),
      hostPort: this.address(declaration.defaultPort),
    };
    const array = z
      .array(items[declaration.of ?? 'string'])
      .min(declaration.min ?? 0)
      .max(declaration.max ?? Infinity);
    return z.preprocess((given) => (typeof given === 'string' ? split(given) : given), array);
  }
}

let schemas: Schemas | undefined;

function split(text: string): string[] {
  return text.trim() === '' ? [] : text.split(',').map((item) => item.trim());
}

function within(type: z.ZodType<number>, min = -Infinity, max = Infinity): z.ZodType<number> {
  return type.refine((value) => value >= min && value <= max);
}

function milliseconds(limit: string | number | undefined): number | undefined {
  return limit === undefined ? undefined : parseDurationMs(limit, 'ms');
}

function bytes(limit: string | number | undefined): number | undefined {
  return limit === undefined ? undefined : parseBytes(limit);
}

function range(min?: string | number, max?: string | number, what = ''): string {
  if (min !== undefined && max !== undefined) return ` from ${min} to ${max}${what}`;
  if (min !== undefined) return ` of at least ${min}${what}`;
  return max === undefined ? '' : ` of at most ${max}${what}`;
}

function allowedText(what: string, maxLength: number | undefined): string {
  return maxLength === undefined ? what : `${what} of at most ${maxLength} characters`;
}

function itemNames(declaration: ListOption): string {
  return { string: 'names', integer: 'integers', hostPort: 'host:port' }[
    declaration.of ?? 'string'
  ];
}
