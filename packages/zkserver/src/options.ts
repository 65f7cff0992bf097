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
    'leader.balance.interval': {
      type: 'duration',
      default: '5m',
      min: '0s',
      max: '7d',
      doc: 'How often leaderships in mode fetch go back to the preferred leaders that are in sync. 0: never by themselves.',
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
    'groups.partitions': {
      type: 'integer',
      default: 8,
      min: 1,
      max: 1000,
      doc: 'Partitions of the internal topic __groups, over which consumer groups are spread. It counts when the topic is made and is not changed afterwards.',
    },
    'switch.timeout.ms': {
      type: 'duration',
      default: '30s',
      min: '100ms',
      max: '1h',
      doc: 'How long the switch of one partition to another mode may take before it is given up: the partition goes on in its old mode.',
    },
    'switch.parallel': {
      type: 'integer',
      default: 8,
      min: 1,
      max: 1000,
      doc: 'Partitions of one topic that are switched to another mode at once, unless the wish says otherwise.',
    },
    'recovery.wait.ms': {
      type: 'duration',
      default: '30s',
      min: '100ms',
      max: '1h',
      doc: 'Mode raft, when most replicas lost what was not on disk and nobody leads: how long before a recovery begins, and how long it waits for the others once a majority has answered.',
    },
  },
  (options) =>
    options['default.partitions'] > options['max.partitions.per.topic']
      ? 'default.partitions is larger than max.partitions.per.topic'
      : undefined,
);

export type ZkServerOptions = OptionValues<(typeof zkServerOptions)['declarations']>;
