// zhumq bench e2e: how long a message takes from send() to a consumer's handler.
import type { E2eResult } from '@zhumq/bench';
import type { Verb } from '../../command-tree.js';
import { CLUSTER_FLAGS, exitCodeOf, runBenchmark, wholeNumber } from './benchmark.js';
import { costLines, latencyLine, perSecond, verdictLines } from './figures.js';
import { DELIVERY_FLAG, LOAD_FLAGS, loadSettings } from './load-flags.js';

export const benchE2eVerb: Verb = {
  usage: 'e2e',
  describe: 'Measure the time from send() to a handler, at a fixed rate',
  options: {
    ...CLUSTER_FLAGS,
    ...LOAD_FLAGS,
    ...DELIVERY_FLAG,
    producers: { default: '2', describe: 'Producers, each with connections of its own' },
    rate: { default: '1000', describe: 'Messages a second of all producers together' },
  },
  examples: [['bench e2e --delivery push --rate 1000', 'push, as soon as it is committed']],
  run: (flags) =>
    runBenchmark(flags, {
      run: async (cluster, watch) => {
        const { benchE2e } = await import('@zhumq/bench');
        const settings = {
          ...loadSettings(flags),
          messagesPerSecond: wholeNumber(flags, 'rate', 1),
          delivery: flags.delivery as 'pull' | 'push',
        };
        return benchE2e(cluster, settings, watch);
      },
      lines: resultLines,
      exitCode: exitCodeOf,
    }),
};

function resultLines(result: E2eResult): string[] {
  return [
    `${perSecond(result.messagesPerSecond)}, delivery by ${result.settings.delivery}`,
    latencyLine('to the handler', result.latencyMs),
    latencyLine('acknowledged', result.produceLatencyMs),
    ...costLines(result.cpuSecondsPerMillion),
    ...verdictLines(result),
  ];
}
