// zhumq bench produce: how many messages a second, at which latency and cost, and whether all of them are there.
import type { LoadSettings, ProduceResult } from '@zhumq/bench';
import type { Flags } from '../../arguments.js';
import { optionalNumber, settings as topicSettings, textsOf } from '../../arguments.js';
import type { Verb } from '../../command-tree.js';
import { EXIT } from '../../exit-codes.js';
import { ACKS } from '../produce.js';
import { CLUSTER_FLAGS, milliseconds, runBenchmark, wholeNumber } from './benchmark.js';
import { bytesOf, latencyLine, perSecond } from './figures.js';

export const benchProduceVerb: Verb = {
  usage: 'produce',
  describe: 'Produce as fast as it goes, read everything back, and compare',
  options: {
    ...CLUSTER_FLAGS,
    partitions: { default: '12', describe: 'Partitions of the topic' },
    mode: { choices: ['raft', 'fetch'], default: 'raft', describe: 'How replicas are kept equal' },
    producers: { default: '10', describe: 'Producers, each with connections of its own' },
    processes: { default: '2', describe: 'Processes that the producers live in' },
    size: { default: '1024', describe: 'Bytes of a message; they can not be compressed' },
    acks: { choices: Object.keys(ACKS), default: '-1', describe: 'As for zhumq produce' },
    'batch-size': { default: '262144', describe: 'Bytes at which a batch is full' },
    linger: { default: '0ms', describe: 'How long a batch that is not full waits for company' },
    outstanding: { default: '256', describe: 'Messages of each producer under way' },
    rate: { describe: 'Messages a second of all producers together [as fast as it goes]' },
    'warm-up': { default: '3s', describe: 'What is not measured before' },
    duration: { default: '15s', describe: 'What is measured' },
    ceiling: {
      default: '3s',
      describe: 'How long plain sockets and files are measured in the same run; 0: not at all',
    },
    config: { array: true, describe: 'NAME=VALUE: a setting of the topic' },
  },
  examples: [
    ['bench produce', 'a cluster of its own, 3 brokers, 1 KB, acks -1, mode raft'],
    ['bench produce --acks 1 --mode fetch -o json', 'for scripts: the last line is one object'],
  ],
  run: (flags) =>
    runBenchmark(flags, {
      run: async (cluster, progress, signal) => {
        const { benchProduce } = await import('@zhumq/bench');
        return benchProduce({ cluster, load: loadSettings(flags) }, progress, signal);
      },
      lines: resultLines,
      exitCode: ({ verified }) => (verified ? EXIT.ok : EXIT.failed),
    }),
};

function loadSettings(flags: Flags): LoadSettings {
  const rate = optionalNumber(flags, 'rate', 1);
  return {
    replicas: wholeNumber(flags, 'replicas', 1),
    partitions: wholeNumber(flags, 'partitions', 1),
    mode: flags.mode as LoadSettings['mode'],
    producers: wholeNumber(flags, 'producers', 1),
    processes: wholeNumber(flags, 'processes', 1),
    messageBytes: wholeNumber(flags, 'size', 16),
    acks: ACKS[String(flags.acks)],
    batchBytes: wholeNumber(flags, 'batch-size', 1024),
    lingerMs: milliseconds(flags, 'linger'),
    outstanding: wholeNumber(flags, 'outstanding', 1),
    messagesPerSecond: rate,
    warmUpMs: milliseconds(flags, 'warm-up'),
    durationMs: milliseconds(flags, 'duration'),
    ceilingMs: milliseconds(flags, 'ceiling'),
    topicConfig: topicSettings('config', textsOf(flags, 'config')),
  };
}

function resultLines(result: ProduceResult): string[] {
  const { ceiling, cpuSecondsPerMillion, peakRss } = result;
  const cost = Object.entries(cpuSecondsPerMillion).map(
    ([name, seconds]) =>
      `  ${name.padEnd(14)} ${seconds.toFixed(2)} CPU s per million, ${bytesOf(peakRss[name])} at most`,
  );
  return [
    `${perSecond(result.messagesPerSecond)}, ${result.megabytesPerSecond} MB/s`,
    latencyLine(result.latencyMs),
    ...cost,
    ...(ceiling === null
      ? []
      : [`ceiling        ${perSecond(ceiling.messagesPerSecond)} (${result.ratioToCeiling} x)`]),
    `read back      ${perSecond(result.readBack.messagesPerSecond)}`,
    `${result.verified ? 'verified' : 'NOT VERIFIED'}: ${result.sent} sent, ${result.acknowledged} acknowledged, ` +
      `${result.lost} lost, ${result.duplicated} duplicated, ${result.corrupt} corrupt, ${result.reordered} reordered`,
    ...Object.entries(result.failures).map(([code, count]) => `failed: ${count} x ${code}`),
  ];
}
