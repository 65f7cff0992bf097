// The consumer's options with their defaults, checked.
import type { ReadOptions, StartPosition } from '../api/consumer.js';
import {
  bytesOption,
  choiceOption,
  durationOption,
  integerOption,
  invalidOption,
} from '../option-values.js';

export interface ConsumerSettings {
  readonly partitions: readonly number[] | undefined;
  readonly from: StartPosition;
  readonly prefetchBytes: number;
  readonly maxWaitMs: number;
  readonly minBytes: number;
  readonly maxBytes: number;
  readonly maxPartitionBytes: number;
  readonly onOutOfRange: 'error' | 'earliest' | 'latest';
  readonly onTruncated: 'error' | 'resume';
  readonly delivery: 'pull' | 'push';
}

const MIB = 2 ** 20;
const MAX_PARTITION = 0x7fff_ffff;

/** Throws INVALID_OPTION. */
export function consumerSettings(options: ReadOptions): ConsumerSettings {
  const size = { min: 1, max: 1024 * MIB };
  return {
    partitions: partitionsOf(options.partitions),
    from: startOf(options.from ?? 'latest'),
    prefetchBytes: bytesOption('prefetchBytes', options.prefetchBytes, '8MiB', size),
    maxWaitMs: durationOption('maxWait', options.maxWait, '1s'),
    minBytes: bytesOption('minBytes', options.minBytes, 1, size),
    maxBytes: bytesOption('maxBytes', options.maxBytes, '4MiB', { min: 1, max: 32 * MIB }),
    maxPartitionBytes: bytesOption('maxPartitionBytes', options.maxPartitionBytes, '1MiB', {
      min: 1,
      max: 32 * MIB,
    }),
    onOutOfRange: choiceOption('onOutOfRange', options.onOutOfRange, 'error', [
      'error',
      'earliest',
      'latest',
    ]),
    onTruncated: choiceOption('onTruncated', options.onTruncated, 'error', ['error', 'resume']),
    delivery: choiceOption('delivery', options.delivery, 'pull', ['pull', 'push']),
  };
}

/** Throws INVALID_OPTION. */
export function startOf(given: StartPosition): StartPosition {
  if (given === 'earliest' || given === 'latest') return given;
  if (typeof given === 'number') {
    return integerOption('from', given, 0, { min: 0, max: Number.MAX_SAFE_INTEGER });
  }
  if (given instanceof Date) {
    if (given.getTime() >= 0) return given;
  } else if (Array.isArray(given)) {
    for (const { partition, offset } of given) {
      integerOption('from.partition', partition, 0, { min: 0, max: MAX_PARTITION });
      integerOption('from.offset', offset, 0, { min: 0, max: Number.MAX_SAFE_INTEGER });
    }
    return given;
  }
  throw invalidOption('from', given, "'earliest', 'latest', an offset, a Date or positions");
}

function partitionsOf(given: readonly number[] | undefined): readonly number[] | undefined {
  if (given === undefined) return undefined;
  const range = { min: 0, max: MAX_PARTITION };
  for (const partition of given) integerOption('partitions', partition, 0, range);
  if (given.length === 0) throw invalidOption('partitions', '[]', 'one partition at least');
  return [...new Set(given)];
}
