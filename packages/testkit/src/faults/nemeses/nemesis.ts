// A nemesis plans faults: what is done to the cluster, for how long, and whether it must go on serving meanwhile. What it
// plans depends on the seed only.
import type { Random } from '@zhumq/base';
import type { ProcessCluster } from '../processes/process-cluster.js';

/** What the machine has to offer. */
export type Need = 'namespaces' | 'proxies' | 'disks' | 'clocks';

export interface Fault {
  /** What is hit, for people and for the history. */
  readonly target: string;
  /** Real time from its begin to its end, at least. */
  readonly holdMs: number;
  /**
   * When producers must go on. `bounded`: while it lasts, within the promised time; `meanwhile`: while it lasts; `afterwards`:
   * when it has ended.
   */
  readonly resumes: 'bounded' | 'meanwhile' | 'afterwards';
  /** Ends as soon as the partitions that are always in mode raft go on, before others had to; absent: when all do. */
  readonly waitsForRaftOnly?: boolean;
  begin(): Promise<void>;
  end(): Promise<void>;
}

export interface Nemesis {
  /** One sentence. */
  readonly about: string;
  /** How often it is drawn, relative to others. */
  readonly weight: number;
  /** Any of these is enough; absent: any machine will do. */
  readonly needs?: readonly Need[];
  /** Each round sends SIGKILL. */
  readonly kills?: true;
  readonly partitions?: true;
  plan(cluster: ProcessCluster, random: Random): Fault;
}

export function pick<T>(random: Random, from: readonly T[]): T {
  return from[random.below(from.length)];
}

/** In an order of the seed's. */
export function shuffled<T>(random: Random, from: readonly T[]): T[] {
  const rest = [...from];
  return from.map(() => rest.splice(random.below(rest.length), 1)[0]);
}

/** A time of the seed's, between two. */
export function between(random: Random, leastMs: number, mostMs: number): number {
  return leastMs + random.below(mostMs - leastMs + 1);
}
