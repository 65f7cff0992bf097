// zhumq bench produce: how many messages a second, at which latency and cost, and whether all of them are there.
import type { ProduceResult } from '@zhumq/bench';
import type { Verb } from '../../command-tree.js';
import { CLUSTER_FLAGS, exitCodeOf, milliseconds, runBenchmark } from './benchmark.js';
import { costLines, latencyLine, perSecond, verdictLines } from './figures.js';
import { LOAD_FLAGS, loadSettings } from './load-flags.js';

export const benchProduceVerb: Verb = {
  usage: 'produce',
  describe: 'Produce as fast as it goes, read everything back, and compare',
  options: {
    ...CLUSTER_FLAGS,
    ...LOAD_FLAGS,
    rate: { describe: 'Messages a second of all producers together [as fast as it goes]' },
    ceiling: {
      default: '3s',
      describe: 'How long plain sockets and files are measured in the same run; 0: not at all',
    },
  },
  examples: [
    ['bench produce', 'a cluster of its own, 3 brokers, 1 KB, acks -1, mode raft'],
    ['bench produce --acks 1 --mode fetch -o json', 'for scripts: the last line is one object'],
  ],
  run: (flags) =>
    runBenchmark(flags, {
      run: async (cluster, watch) => {
        const { benchProduce } = await import('@zhumq/bench');
        const settings = { ...loadSettings(flags), ceilingMs: milliseconds(flags, 'ceiling') };
        return benchProduce(cluster, settings, watch);
      },
      lines: resultLines,
      exitCode: exitCodeOf,
    }),
};

function resultLines(result: ProduceResult): string[] {
  const { ceiling } = result;
  return [
    `${perSecond(result.messagesPerSecond)}, ${result.megabytesPerSecond} MB/s`,
    latencyLine('latency', result.latencyMs),
    ...costLines(result.cpuSecondsPerMillion, result.peakRss),
    ...(ceiling === null
      ? []
      : [`ceiling        ${perSecond(ceiling.messagesPerSecond)} (${result.ratioToCeiling} x)`]),
    `read back      ${perSecond(result.readBack.messagesPerSecond)}`,
    ...verdictLines(result),
  ];
}
