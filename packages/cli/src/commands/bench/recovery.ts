// zhumq bench recovery: how fast a broker catches up that stood still.
import type { RecoveryResult } from '@zhumq/bench';
import type { Verb } from '../../command-tree.js';
import { OWN_CLUSTER_FLAGS, exitCodeOf, runBenchmark, wholeNumber } from './benchmark.js';
import { verdictLines } from './figures.js';
import { LOAD_FLAGS_WITHOUT_DURATION, loadSettings } from './load-flags.js';

export const benchRecoveryVerb: Verb = {
  usage: 'recovery',
  describe: 'Stop a broker, produce, let it go on, and measure how fast it catches up',
  options: {
    ...OWN_CLUSTER_FLAGS,
    ...LOAD_FLAGS_WITHOUT_DURATION,
    megabytes: { default: '1000', describe: 'What is produced meanwhile, in 10^6 bytes' },
  },
  examples: [['bench recovery --mode fetch --megabytes 4000', 'beside a copy of a file']],
  run: (flags) =>
    runBenchmark(flags, {
      run: async (cluster, watch) => {
        const { benchRecovery } = await import('@zhumq/bench');
        const settings = { ...loadSettings(flags), megabytes: wholeNumber(flags, 'megabytes', 1) };
        return benchRecovery(cluster, settings, watch);
      },
      lines: resultLines,
      exitCode: exitCodeOf,
    }),
};

function resultLines(result: RecoveryResult): string[] {
  return [
    `${result.megabytesPerSecond} MB/s: ${result.megabytesBehind} MB in ${result.seconds} s, ` +
      `${result.secondsBeforeFirst} s of them before the first`,
    `a copy of a file: ${result.copyMegabytesPerSecond} MB/s (${result.ratioToCopy} x)`,
    ...verdictLines(result),
  ];
}
