// A stopping broker hands its leaderships to followers that are caught up, so that producers do not wait for elections.
import { delay } from '@zhumq/base';
import type { Clock } from '@zhumq/base';
import type { PartitionRegistry } from './partition/partition-registry.js';

/** Resolves when nothing is led here any more or the time is over; returns how many leaderships are left. */
export async function handLeadershipAway(
  registry: PartitionRegistry,
  clock: Clock,
  graceMs: number,
): Promise<number> {
  const deadlineMs = clock.monotonicMs() + graceMs;
  for (;;) {
    const led = [...registry.all()].filter(
      (partition) => partition.leads && partition.replicator.handOver(),
    );
    if (led.length === 0 || clock.monotonicMs() >= deadlineMs) return led.length;
    await delay(clock, POLL_MS);
  }
}

/** Between looks at what is left; a transfer takes about two round trips. */
const POLL_MS = 20;
