// The producer's options with their defaults, checked.
import { acksNumber } from '@zhumq/model';
import type { UsableCodec } from '@zhumq/model';
import type { ProducerOptions } from '../api/producer.js';
import {
  bytesOption,
  choiceOption,
  durationOption,
  integerOption,
  invalidOption,
} from '../option-values.js';

export interface ProducerSettings {
  /** As on the wire: -1, 1 or 0. */
  readonly acks: number;
  readonly idempotent: boolean;
  readonly lingerMs: number;
  readonly batchBytes: number;
  readonly maxBufferedBytes: number;
  readonly waitsWhenFull: boolean;
  readonly codec: UsableCodec;
  readonly deliveryTimeoutMs: number;
  readonly maxInFlight: number;
}

const MIB = 2 ** 20;
/** The broker recognises the last five batches of a producer. */
const WINDOW = 5;

/** Throws INVALID_OPTION. */
export function producerSettings(options: ProducerOptions): ProducerSettings {
  const acks = acksNumber(choiceOption('acks', options.acks, 'all', ['all', 'leader', 'none']));
  if (acks === 0 && options.idempotent === true) {
    throw invalidOption('idempotent', true, "false with acks 'none', where nothing is retried");
  }
  const idempotent = acks !== 0 && (options.idempotent ?? true);
  const maxInFlight = integerOption('maxInFlight', options.maxInFlight, WINDOW, {
    min: 1,
    max: WINDOW,
  });
  return {
    acks,
    idempotent,
    lingerMs: durationOption('linger', options.linger, '0ms'),
    batchBytes: bytesOption('batchBytes', options.batchBytes, '256KiB', {
      min: 1024,
      max: 32 * MIB,
    }),
    maxBufferedBytes: bytesOption('maxBuffered', options.maxBuffered, '64MiB', {
      min: 1024,
      max: 2 ** 40,
    }),
    waitsWhenFull: choiceOption('whenFull', options.whenFull, 'wait', ['wait', 'throw']) === 'wait',
    codec: choiceOption('compression', options.compression, 'none', ['none', 'gzip', 'lz4']),
    deliveryTimeoutMs: durationOption('deliveryTimeout', options.deliveryTimeout, '2m'),
    // Without sequence numbers a broker can not tell that a batch overtook one that it refused a moment ago.
    maxInFlight: idempotent || acks === 0 ? maxInFlight : 1,
  };
}
