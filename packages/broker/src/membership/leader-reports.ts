// Tells the zkserver which partitions are led here. Reports are level-triggered: what could not be delivered is
// reported again, from the state at that time.
import type { Logger } from '@zhumq/base';
import type { LeaderReport } from '@zhumq/rpc';
import type { Partition } from '../partition/partition.js';
import type { ZkServerLink } from './zkserver-link.js';

export interface LeaderReportsOptions {
  readonly brokerId: number;
  readonly incarnation: number;
  readonly link: ZkServerLink;
  readonly logger: Logger;
}

export class LeaderReports {
  private readonly due = new Set<Partition>();
  private readonly stop = new AbortController();
  private taken: readonly Partition[] = [];
  private sending = false;

  constructor(private readonly options: LeaderReportsOptions) {}

  /** The partition is led here and has committed in its term. */
  add(partition: Partition): void {
    this.due.add(partition);
    void this.send();
  }

  close(): void {
    this.stop.abort();
    this.due.clear();
  }

  private async send(): Promise<void> {
    if (this.sending) return;
    this.sending = true;
    try {
      while (this.due.size > 0 && !this.stop.signal.aborted) {
        await this.options.link.callActive((client) => {
          // Made anew for every try: by the time a zkserver answers, leadership may have moved.
          for (const partition of this.taken) this.due.add(partition);
          const reports = this.take();
          return reports.length === 0
            ? Promise.resolve([])
            : client.reportLeaders(reports, { timeoutMs: 10_000 });
        }, this.stop.signal);
        this.taken = [];
      }
    } catch (error) {
      this.taken = [];
      if (!this.stop.signal.aborted)
        this.options.logger.error({ err: error }, 'leader report refused');
    } finally {
      this.sending = false;
    }
  }

  /** Moves what is due to `taken`: what becomes due again while the call is under way is reported again. */
  private take(): LeaderReport[] {
    this.taken = [...this.due].slice(0, MAX_REPORTS);
    for (const partition of this.taken) this.due.delete(partition);
    const leading = this.taken.filter(
      (partition) => partition.leads && partition.replicator.established,
    );
    return leading.map((partition) => ({
      topicId: partition.name.topicId,
      partition: partition.name.partition,
      generation: partition.name.generation,
      epoch: partition.replicator.epoch,
      broker: this.options.brokerId,
      incarnation: this.options.incarnation,
    }));
  }
}

/** Reports of one call. */
const MAX_REPORTS = 500;
