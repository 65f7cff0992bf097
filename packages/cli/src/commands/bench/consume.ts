// zhumq bench consume: how fast what is there is read.
import type { ConsumeResult } from '@zhumq/bench';
import type { Verb } from '../../command-tree.js';
import { CLUSTER_FLAGS, exitCodeOf, runBenchmark, wholeNumber } from './benchmark.js';
import { costLines, perSecond, verdictLines } from './figures.js';
import { DELIVERY_FLAG, LOAD_FLAGS, loadSettings } from './load-flags.js';

export const benchConsumeVerb: Verb = {
  usage: 'consume',
  describe: 'Produce for a while, then read all of it as fast as it goes',
  options: {
    ...CLUSTER_FLAGS,
    ...LOAD_FLAGS,
    ...DELIVERY_FLAG,
    duration: { default: '10s', describe: 'How long is produced what is read then' },
    consumers: { default: '1', describe: 'Consumers, each a process; each reads everything' },
    group: {
      type: 'boolean',
      default: false,
      describe: 'The consumers are one group: they share the messages and commit',
    },
    cold: {
      type: 'boolean',
      default: false,
      describe: "Drop the machine's page cache before reading (Linux, root)",
    },
  },
  examples: [
    ['bench consume --consumers 10', 'ten that read the same'],
    ['bench consume --group --consumers 2', 'two that share and commit'],
  ],
  run: (flags) =>
    runBenchmark(flags, {
      run: async (cluster, watch) => {
        const { benchConsume } = await import('@zhumq/bench');
        const settings = {
          ...loadSettings(flags),
          consumers: wholeNumber(flags, 'consumers', 1),
          delivery: flags.delivery as 'pull' | 'push',
          group: flags.group === true,
          cold: flags.cold === true,
        };
        return benchConsume(cluster, settings, watch);
      },
      lines: resultLines,
      exitCode: exitCodeOf,
    }),
};

function resultLines(result: ConsumeResult): string[] {
  return [
    `${perSecond(result.messagesPerSecond)}, ${result.megabytesPerSecond} MB/s: ${result.messages} messages in ${result.seconds} s`,
    `read from the disk: ${result.diskBytesPerByte} bytes for each byte delivered`,
    ...costLines(result.cpuSecondsPerMillion, result.peakRss),
    ...verdictLines(result),
  ];
}
