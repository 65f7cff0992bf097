// zhumq bench idle: what partitions cost that nobody uses.
import { formatBytes } from '@zhumq/base';
import type { IdleResult } from '@zhumq/bench';
import type { Verb } from '../../command-tree.js';
import { OWN_CLUSTER_FLAGS, exitCodeOf, milliseconds, runBenchmark } from './benchmark.js';
import { verdictLines } from './figures.js';
import { LOAD_FLAGS_WITHOUT_DURATION, loadSettings } from './load-flags.js';

export const benchIdleVerb: Verb = {
  usage: 'idle',
  describe: 'Measure what partitions cost that nobody uses, and kill and restart everything',
  options: {
    ...OWN_CLUSTER_FLAGS,
    ...LOAD_FLAGS_WITHOUT_DURATION,
    partitions: { default: '1000', describe: 'Partitions that stand idle' },
    producers: { default: '1', describe: 'Of the messages that must be there after the restart' },
    processes: { default: '1', describe: 'Processes that the producers live in' },
    'warm-up': { default: '1s', describe: 'How long those messages are produced' },
    rate: { default: '1000', describe: 'How many of them a second' },
    settle: { default: '10s', describe: 'After the last partition has its leader' },
    idle: { default: '30s', describe: 'What is measured' },
  },
  examples: [['bench idle --partitions 10000 --idle 60s', '30,000 replicas on 3 brokers']],
  run: (flags) =>
    runBenchmark(flags, {
      run: async (cluster, watch) => {
        const { benchIdle } = await import('@zhumq/bench');
        const settings = {
          ...loadSettings(flags),
          settleMs: milliseconds(flags, 'settle'),
          idleMs: milliseconds(flags, 'idle'),
        };
        return benchIdle(cluster, settings, watch);
      },
      lines: resultLines,
      exitCode: exitCodeOf,
    }),
};

function resultLines(result: IdleResult): string[] {
  return [
    `${result.partitions} idle partitions: ${result.cpuPercent} % of a core, ` +
      `${formatBytes(result.rssBytesPerReplica)} for each replica`,
    ...Object.entries(result.cpuPercentOf).map(
      ([name, percent]) =>
        `  ${name.padEnd(14)} ${percent} % of a core, ${formatBytes(result.rssBytes[name] ?? 0)}, ` +
        `${result.openFiles[name] ?? 0} open files`,
    ),
    `created in ${result.secondsToCreate} s; after the kill of everything: started in ` +
      `${result.secondsToRestart} s, leaders for all in ${result.secondsToLeaders} s`,
    ...verdictLines(result),
  ];
}
