// One timer for all groups of the broker: Raft ticks and the ends of waiting. Late timers (a busy event loop, a stopped
// process) are not made up for: a group must not believe that time passed in which it could not hear its leader. Groups that
// sleep get no ticks; what watches over them does.
import type { Clock, Timer } from '@zhumq/base';
import type { PartitionRegistry } from '../../partition/partition-registry.js';
import type { Hibernation } from './hibernation.js';

export interface RaftTickerOptions {
  readonly registry: PartitionRegistry;
  readonly hibernation: Hibernation;
  readonly clock: Clock;
  readonly tickMs: number;
  readonly heartbeatTicks: number;
}

export class RaftTicker {
  private readonly timer: Timer;
  private ticks = 0;

  constructor(private readonly options: RaftTickerOptions) {
    this.timer = options.clock.every(options.tickMs, () => this.tick());
  }

  stop(): void {
    this.timer.cancel();
  }

  private tick(): void {
    const { registry, hibernation, clock, heartbeatTicks } = this.options;
    const nowMs = clock.monotonicMs();
    hibernation.tick();
    for (const partition of registry.awake) {
      partition.replicator.tick();
      partition.expire(nowMs);
      if (partition.isDormant) registry.awake.delete(partition);
    }
    if (++this.ticks % heartbeatTicks === 0) hibernation.beat();
  }
}
