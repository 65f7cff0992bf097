// One timer for all groups of the broker: Raft ticks and the ends of waiting. Late timers (a busy event loop, a stopped
// process) are not made up for: a group must not believe that time passed in which it could not hear its leader.
import type { Clock, Timer } from '@zhumq/base';
import type { PartitionRegistry } from '../../partition/partition-registry.js';

export class RaftTicker {
  private readonly timer: Timer;

  constructor(
    private readonly registry: PartitionRegistry,
    private readonly clock: Clock,
    tickMs: number,
  ) {
    this.timer = clock.every(tickMs, () => this.tick());
  }

  stop(): void {
    this.timer.cancel();
  }

  private tick(): void {
    const nowMs = this.clock.monotonicMs();
    for (const partition of this.registry.all()) {
      partition.replicator.tick();
      partition.expire(nowMs);
    }
  }
}
