// zhumq bench switch: how long partitions acknowledge nothing while they are switched to another mode.
import type { SwitchResult } from '@zhumq/bench';
import type { Verb } from '../../command-tree.js';
import { EXIT } from '../../exit-codes.js';
import { CLUSTER_FLAGS, exitCodeOf, milliseconds, runBenchmark, wholeNumber } from './benchmark.js';
import { latencyLine, perSecond, spreadLine, verdictLines } from './figures.js';
import { LOAD_FLAGS_WITHOUT_DURATION, loadSettings } from './load-flags.js';

export const benchSwitchVerb: Verb = {
  usage: 'switch',
  describe: 'Switch the mode of a topic back and forth under load, and measure the pauses',
  options: {
    ...CLUSTER_FLAGS,
    ...LOAD_FLAGS_WITHOUT_DURATION,
    mode: { choices: ['raft', 'fetch'], default: 'raft', describe: 'The mode to begin with' },
    rate: { describe: 'Messages a second of all producers together [as fast as it goes]' },
    switches: { default: '10', describe: 'How often the topic is switched' },
    quiet: { default: '1s', describe: 'Between two switches; pauses are measured then, too' },
  },
  examples: [['bench switch --switches 20', 'ten times to fetch and ten times back to raft']],
  run: (flags) =>
    runBenchmark(flags, {
      run: async (cluster, watch) => {
        const { benchSwitch } = await import('@zhumq/bench');
        const settings = {
          ...loadSettings(flags),
          switches: wholeNumber(flags, 'switches', 1),
          quietMs: milliseconds(flags, 'quiet'),
        };
        return benchSwitch(cluster, settings, watch);
      },
      lines: resultLines,
      exitCode: (result) => (result.failedSwitches > 0 ? EXIT.failed : exitCodeOf(result)),
    }),
};

function resultLines(result: SwitchResult): string[] {
  return [
    spreadLine('pause', 'ms', result.pauseMs),
    spreadLine('without switch', 'ms', result.quietPauseMs),
    spreadLine('whole switch', 'ms', result.switchMs),
    `${result.failedSends} sends and ${result.failedSwitches} switches of a partition failed`,
    `at ${perSecond(result.messagesPerSecond)}`,
    latencyLine('latency', result.latencyMs),
    ...verdictLines(result),
  ];
}
