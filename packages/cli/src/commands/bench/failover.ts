// zhumq bench failover: how long nothing is acknowledged when the leader's process is killed.
import type { FailoverResult } from '@zhumq/bench';
import type { Verb } from '../../command-tree.js';
import {
  OWN_CLUSTER_FLAGS,
  exitCodeOf,
  milliseconds,
  runBenchmark,
  wholeNumber,
} from './benchmark.js';
import { latencyLine, perSecond, spreadLine, verdictLines } from './figures.js';
import { LOAD_FLAGS_WITHOUT_DURATION, loadSettings } from './load-flags.js';

export const benchFailoverVerb: Verb = {
  usage: 'failover',
  describe: 'Kill leaders under load, and wait for the next acknowledgements',
  options: {
    ...OWN_CLUSTER_FLAGS,
    ...LOAD_FLAGS_WITHOUT_DURATION,
    partitions: { default: '1', describe: 'Partitions of the topic' },
    producers: { default: '2', describe: 'Producers, each with connections of its own' },
    rate: { default: '1000', describe: 'Messages a second of all producers together' },
    rounds: { default: '5', describe: 'How often the broker that leads partition 0 is killed' },
    'restart-after': { default: '2s', describe: 'When a broker that was killed is started again' },
  },
  examples: [
    ['bench failover --mode raft', 'by the vote of the other replicas'],
    ['bench failover --mode fetch', 'by the session of the metadata store'],
  ],
  run: (flags) =>
    runBenchmark(flags, {
      run: async (cluster, watch) => {
        const { benchFailover } = await import('@zhumq/bench');
        const settings = {
          ...loadSettings(flags),
          rounds: wholeNumber(flags, 'rounds', 1),
          restartAfterMs: milliseconds(flags, 'restart-after'),
        };
        return benchFailover(cluster, settings, watch);
      },
      lines: resultLines,
      exitCode: exitCodeOf,
    }),
};

function resultLines(result: FailoverResult): string[] {
  return [
    spreadLine('fail-over', 'ms', result.failoverMs),
    ...(result.othersMs === null ? [] : [spreadLine('others', 'ms', result.othersMs)]),
    `at ${perSecond(result.messagesPerSecond)}, mode ${result.settings.mode}`,
    latencyLine('latency', result.latencyMs),
    ...verdictLines(result),
  ];
}
