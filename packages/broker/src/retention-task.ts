// Looks through all logs now and then for segments that are too old or too many. A partition that is sealed or being
// switched is left alone: without the seal, replicas would forget that they take no records (rule 17).
import type { Clock, Logger, Timer } from '@zhumq/base';
import type { Partition } from './partition/partition.js';
import type { PartitionRegistry } from './partition/partition-registry.js';

export interface RetentionTaskOptions {
  readonly registry: PartitionRegistry;
  /** Whether the record of a partition, as last told, names a switch or a recovery. */
  readonly isInTransition: (topicId: string, partition: number) => boolean;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly periodMs: number;
}

export class RetentionTask {
  private readonly timer: Timer;
  private running = false;

  constructor(private readonly options: RetentionTaskOptions) {
    this.timer = options.clock.every(options.periodMs, () => void this.run());
  }

  stop(): void {
    this.timer.cancel();
  }

  /** Once through all logs; never rejects. */
  async run(): Promise<void> {
    const { registry, clock, logger } = this.options;
    if (this.running) return;
    this.running = true;
    try {
      for (const partition of [...registry.all()]) {
        if (partition.replicator.role === 'failed' || this.mustKeepSeal(partition)) continue;
        try {
          await partition.log.enforceRetention(clock.wallMs());
        } catch (error) {
          logger.error({ err: error, ...partition.name }, 'retention failed');
        }
      }
    } finally {
      this.running = false;
    }
  }

  /** Not every follower knows whether its log is sealed, but all are told of a switch. */
  private mustKeepSeal({ name, replicator }: Partition): boolean {
    if (replicator.sealedBy !== undefined) return true;
    return this.options.isInTransition(name.topicId, name.partition);
  }
}
