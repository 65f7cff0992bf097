// The options of a zkserver, declared once: file, environment, flags, validation and reference come from here.
import { defineOptions } from '@zhumq/base';
import type { OptionValues } from '@zhumq/base';

export const zkServerOptions = defineOptions(
  {
    'session.timeout': {
      type: 'duration',
      default: '6s',
      min: '1s',
      max: '60s',
      doc: 'Session with the metadata store: a zkserver that is cut off acts no more after two thirds of it; another one takes over after all of it.',
    },
    'reconcile.interval': {
      type: 'duration',
      default: '5s',
      min: '100ms',
      max: '10m',
      doc: 'How often everything is read and compared again, in case a watch was missed. Changes do not wait for it.',
    },
    'reconcile.timeout': {
      type: 'duration',
      default: '10s',
      min: '100ms',
      max: '5m',
      doc: 'How long one broker may take to accept its desired state before it is sent again.',
    },
    'ring.vnodes': {
      type: 'integer',
      default: 128,
      min: 1,
      max: 4096,
      doc: 'Points on the ring per unit of weight. The same on all zkservers; a change affects new topics only.',
    },
    'default.partitions': {
      type: 'integer',
      default: 1,
      min: 1,
      max: 10_000,
      doc: 'Partitions of a topic whose creator asks for 0.',
    },
    'default.replication.factor': {
      type: 'integer',
      default: 3,
      min: 1,
      max: 100,
      doc: 'Replicas of a topic whose creator asks for 0; with fewer live brokers, as many as there are.',
    },
    'max.partitions.per.topic': {
      type: 'integer',
      default: 10_000,
      min: 1,
      max: 100_000,
      doc: 'A topic with more partitions is refused.',
    },
  },
  (options) =>
    options['default.partitions'] > options['max.partitions.per.topic']
      ? 'default.partitions is larger than max.partitions.per.topic'
      : undefined,
);

export type ZkServerOptions = OptionValues<(typeof zkServerOptions)['declarations']>;
