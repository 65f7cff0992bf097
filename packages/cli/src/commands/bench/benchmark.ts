// What all benchmarks have in common: which cluster, the progress on standard error, and the result.
import { mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ClusterChoice, Verdict, Watch } from '@zhumq/bench';
import type { Options } from 'yargs';
import { durationMs, optionalNumber, textOf } from '../../arguments.js';
import type { Flags } from '../../arguments.js';
import { bootstrapServers } from '../../client-session.js';
import { EXIT, Interrupted, UsageError } from '../../exit-codes.js';
import { Interruption } from '../../interruption.js';
import { OUTPUT_OPTION, formatOf, isJson, print } from '../../output.js';
import { ProgressBar } from './progress-bar.js';

/** Of benchmarks that kill or stop processes: those of a cluster that is there are not theirs. */
export const OWN_CLUSTER_FLAGS = {
  ...OUTPUT_OPTION,
  brokers: { default: '3', describe: 'Brokers of its own cluster, each a process' },
  replicas: { default: '3', describe: 'Copies of each partition' },
  'data-dir': { describe: 'Folder on the disk that is measured [the folder for temporary files]' },
} as const satisfies Record<string, Options>;

export const CLUSTER_FLAGS = {
  ...OWN_CLUSTER_FLAGS,
  bootstrap: {
    alias: 'b',
    describe: 'HOST:PORT[,HOST:PORT…] of a cluster that is there [a cluster of its own is started]',
  },
} as const satisfies Record<string, Options>;

export interface Benchmark<R> {
  run(cluster: ClusterChoice, watch: Watch): Promise<R>;
  lines(result: R): readonly string[];
  exitCode(result: R): number;
}

export async function runBenchmark<R>(flags: Flags, benchmark: Benchmark<R>): Promise<number> {
  const cluster = clusterOf(flags);
  const interruption = new Interruption();
  const bar = new ProgressBar();
  try {
    const result = await benchmark.run(cluster, {
      progress: (phase, share) => bar.show(phase, share),
      signal: interruption.signal,
    });
    bar.end();
    if (isJson(formatOf(flags))) print(JSON.stringify(result));
    else for (const line of benchmark.lines(result)) print(line);
    return benchmark.exitCode(result);
  } catch (error) {
    if (interruption.by !== undefined)
      throw new Interrupted(`interrupted by ${interruption.by}; nothing was measured`);
    throw error;
  } finally {
    bar.end();
    interruption.end();
  }
}

function clusterOf(flags: Flags): ClusterChoice {
  const directory = textOf(flags, 'data-dir') ?? tmpdir();
  mkdirSync(directory, { recursive: true });
  const [brokers, replicas] = [wholeNumber(flags, 'brokers', 1), wholeNumber(flags, 'replicas', 1)];
  const own = flags.bootstrap === undefined;
  if (own && replicas > brokers)
    throw new UsageError(
      `--replicas ${replicas} needs as many brokers; there are ${brokers} (--brokers)`,
    );
  return {
    bootstrap: own ? undefined : bootstrapServers(flags),
    command: join(__dirname, '..', '..', '..', 'bin', 'zhumq.js'),
    ...{ directory, brokers },
  };
}

export function wholeNumber(flags: Flags, flag: string, min: number): number {
  return optionalNumber(flags, flag, min) ?? min;
}

export function milliseconds(flags: Flags, flag: string): number {
  return durationMs(flag, String(flags[flag]));
}

export function exitCodeOf({ verified }: Verdict): number {
  return verified ? EXIT.ok : EXIT.failed;
}
