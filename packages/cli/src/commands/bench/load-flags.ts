// Flags of the load that all benchmarks share.
import type { ProduceLoadSettings, TopicSettings } from '@zhumq/bench';
import type { Options } from 'yargs';
import { optionalNumber, settings as topicSettings, textsOf } from '../../arguments.js';
import type { Flags } from '../../arguments.js';
import { ACKS } from '../produce.js';
import { milliseconds, wholeNumber } from './benchmark.js';

/** For benchmarks that end by themselves. */
export const LOAD_FLAGS_WITHOUT_DURATION = {
  partitions: { default: '12', describe: 'Partitions of the topic' },
  mode: { choices: ['raft', 'fetch'], default: 'raft', describe: 'How replicas are kept equal' },
  producers: { default: '10', describe: 'Producers, each with connections of its own' },
  processes: { default: '2', describe: 'Processes that the producers live in' },
  size: { default: '1024', describe: 'Bytes of a message; they can not be compressed' },
  acks: { choices: Object.keys(ACKS), default: '-1', describe: 'As for zhumq produce' },
  'batch-size': { default: '262144', describe: 'Bytes at which a batch is full' },
  linger: { default: '0ms', describe: 'How long a batch that is not full waits for company' },
  outstanding: { default: '256', describe: 'Messages of each producer under way' },
  'warm-up': { default: '3s', describe: 'What is not measured before' },
  config: { array: true, describe: 'NAME=VALUE: a setting of the topic' },
} as const satisfies Record<string, Options>;

export const LOAD_FLAGS = {
  ...LOAD_FLAGS_WITHOUT_DURATION,
  duration: { default: '15s', describe: 'What is measured' },
} as const satisfies Record<string, Options>;

export const DELIVERY_FLAG = {
  delivery: { choices: ['pull', 'push'], default: 'pull', describe: 'How consumers get messages' },
} as const satisfies Record<string, Options>;

export function loadSettings(flags: Flags): TopicSettings & ProduceLoadSettings {
  return {
    replicas: wholeNumber(flags, 'replicas', 1),
    partitions: wholeNumber(flags, 'partitions', 1),
    mode: flags.mode as TopicSettings['mode'],
    topicConfig: topicSettings('config', textsOf(flags, 'config')),
    producers: wholeNumber(flags, 'producers', 1),
    processes: wholeNumber(flags, 'processes', 1),
    messageBytes: wholeNumber(flags, 'size', 16),
    acks: ACKS[String(flags.acks)],
    batchBytes: wholeNumber(flags, 'batch-size', 1024),
    lingerMs: milliseconds(flags, 'linger'),
    outstanding: wholeNumber(flags, 'outstanding', 1),
    messagesPerSecond: optionalNumber(flags, 'rate', 1),
    warmUpMs: milliseconds(flags, 'warm-up'),
    durationMs: flags.duration === undefined ? 0 : milliseconds(flags, 'duration'),
  };
}
