// Waiting for the cluster to be in a state, and for people to see how far it is.
import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from '@zhumq/client';
import type { Watch } from './run.js';

const LOOK_MS = 50;

/** Looks until the answer is true; rejects after the limit. An error is no answer yet. */
export async function until(
  phase: string,
  { progress, signal }: Watch,
  limitMs: number,
  isSo: () => Promise<boolean>,
): Promise<void> {
  const beganMs = performance.now();
  let last: unknown;
  for (;;) {
    const waitedMs = performance.now() - beganMs;
    progress(phase, waitedMs / limitMs);
    try {
      if (await isSo()) return;
    } catch (error) {
      last = error;
    }
    signal.throwIfAborted();
    if (waitedMs > limitMs) {
      const why = last instanceof Error ? `: ${last.message}` : '';
      throw new Error(`${phase} took longer than ${limitMs / 1e3} s${why}`);
    }
    await delay(LOOK_MS, undefined, { signal });
  }
}

/** Every broker is alive, and every partition has its leader and all of its copies at work. */
export async function isWhole(client: Client, brokers: number): Promise<boolean> {
  const { brokers: known, partitions } = await client.admin().clusterHealth();
  return (
    known.alive === brokers &&
    partitions.total > 0 &&
    partitions.withoutLeader === 0 &&
    partitions.underReplicated === 0
  );
}
