// Tells the zkserver which partitions are led here. Reports are level-triggered: what could not be delivered is
// reported again, from the state at that time.
import { delay } from '@zhumq/base';
import type { Clock, Logger } from '@zhumq/base';
import type { LeaderReport, ZkServerClient } from '@zhumq/rpc';
import type { Partition } from '../partition/partition.js';
import type { ZkServerLink } from './zkserver-link.js';

export interface LeaderReportsOptions {
  readonly brokerId: number;
  readonly incarnation: number;
  readonly link: Pick<ZkServerLink, 'callActive'>;
  readonly clock: Clock;
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
      while (this.due.size > 0 && !this.stop.signal.aborted) await this.sendSome();
    } catch (error) {
      if (!this.stop.signal.aborted) throw error;
    } finally {
      this.sending = false;
    }
  }

  /** Nobody else tells the zkserver who leads: what was refused is reported again a little later. */
  private async sendSome(): Promise<void> {
    const { link, clock, logger } = this.options;
    const { signal } = this.stop;
    try {
      await link.callActive((client) => this.report(client), signal);
    } catch (error) {
      if (signal.aborted) return;
      logger.error({ err: error }, 'leader report refused; it will be sent again');
      this.putBack();
      await delay(clock, RETRY_MS, signal);
    }
    this.taken = [];
  }

  private report(client: ZkServerClient): Promise<unknown> {
    // Made anew for every try: by the time a zkserver answers, leadership may have moved.
    this.putBack();
    const reports = this.take();
    if (reports.length === 0) return Promise.resolve();
    return client.reportLeaders(reports, { timeoutMs: 10_000 });
  }

  private putBack(): void {
    for (const partition of this.taken) this.due.add(partition);
    this.taken = [];
  }

  /** Moves what is due to `taken`: what becomes due again while the call is under way is reported again. */
  private take(): LeaderReport[] {
    this.taken = [...this.due].slice(0, MAX_REPORTS);
    for (const partition of this.taken) this.due.delete(partition);
    const leading = this.taken.filter(isToBeReported);
    return leading.map((partition) => ({
      topicId: partition.name.topicId,
      partition: partition.name.partition,
      generation: partition.name.generation,
      epoch: partition.replicator.epoch,
      broker: this.options.brokerId,
      incarnation: this.options.incarnation,
      sealedBy: partition.replicator.sealedBy,
    }));
  }
}

/** In mode fetch the zkserver knows who leads; that the log is sealed is the only news (rule 17). */
function isToBeReported({ leads, replicator }: Partition): boolean {
  if (!leads || !replicator.established) return false;
  return replicator.mode === 'raft' || replicator.sealedBy !== undefined;
}

/** Reports of one call. */
const MAX_REPORTS = 500;
/** After a refusal. */
const RETRY_MS = 5_000;
