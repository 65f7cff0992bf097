// Looks through all logs now and then for segments that are too old or too many.
import type { Clock, Logger, Timer } from '@zhumq/base';
import type { PartitionRegistry } from './partition/partition-registry.js';

export class RetentionTask {
  private readonly timer: Timer;
  private running = false;

  constructor(
    private readonly registry: PartitionRegistry,
    private readonly clock: Clock,
    periodMs: number,
    private readonly logger: Logger,
  ) {
    this.timer = clock.every(periodMs, () => void this.run());
  }

  stop(): void {
    this.timer.cancel();
  }

  private async run(): Promise<void> {
    if (this.running) return;
    this.running = true;
    try {
      for (const partition of [...this.registry.all()]) {
        if (partition.replicator.role === 'failed') continue;
        try {
          await partition.log.enforceRetention(this.clock.wallMs());
        } catch (error) {
          this.logger.error({ err: error, ...partition.name }, 'retention failed');
        }
      }
    } finally {
      this.running = false;
    }
  }
}
