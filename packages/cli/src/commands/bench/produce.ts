// zhumq bench produce: how many messages a second, at which latency and cost, and whether all of them are there.
import type { CeilingFile, ProduceResult } from '@zhumq/bench';
import type { Verb } from '../../command-tree.js';
import { CLUSTER_FLAGS, exitCodeOf, milliseconds, runBenchmark, wholeNumber } from './benchmark.js';
import { costLines, latencyLine, perSecond, verdictLines } from './figures.js';
import { LOAD_FLAGS, loadSettings } from './load-flags.js';

const CEILING_FILES: Readonly<Record<string, readonly CeilingFile[]>> = {
  grow: ['grow'],
  reuse: ['reuse'],
  both: ['grow', 'reuse'],
};

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
    'ceiling-file': {
      choices: ['grow', 'reuse', 'both'],
      default: 'grow',
      describe:
        'Files of the ceiling: growing ones, or ones that are written over; both: one after the other',
    },
    rounds: {
      default: '1',
      describe: 'How often ceiling and load are measured in turns; the round in the middle counts',
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
        const settings = {
          ...loadSettings(flags),
          ceilingMs: milliseconds(flags, 'ceiling'),
          ceilingFiles: CEILING_FILES[String(flags['ceiling-file'])],
          rounds: wholeNumber(flags, 'rounds', 1),
        };
        return benchProduce(cluster, settings, watch);
      },
      lines: resultLines,
      exitCode: exitCodeOf,
    }),
};

function resultLines(result: ProduceResult): string[] {
  return [
    `${perSecond(result.messagesPerSecond)}, ${result.megabytesPerSecond} MB/s`,
    latencyLine('latency', result.latencyMs),
    ...costLines(result.cpuSecondsPerMillion, result.peakRss),
    ...result.ceilings.map(({ file, messagesPerSecond }) => {
      const ratio = (result.messagesPerSecond / messagesPerSecond).toFixed(3);
      const files = file === 'grow' ? 'growing files' : 'files used again';
      return `ceiling        ${perSecond(messagesPerSecond)} onto ${files} (${ratio} x)`;
    }),
    ...(result.rounds.length > 1
      ? [
          `rounds         ${result.rounds.map((one) => one.messagesPerSecond).join(', ')} messages/s`,
        ]
      : []),
    `read back      ${perSecond(result.readBack.messagesPerSecond)}`,
    ...verdictLines(result),
  ];
}
