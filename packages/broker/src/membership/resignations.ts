// Tells the zkserver that partitions in mode fetch are led here no more, so that it elects others: a disk failed, or this
// broker stops (rules 3 and 4). Said again and again until another epoch is recorded: whoever was told may have died since.
import { delay } from '@zhumq/base';
import type { Clock, Logger } from '@zhumq/base';
import type { LeaderReport, ZkServerClient } from '@zhumq/rpc';
import type { FetchReplicator } from '../replication/fetch/fetch-replicator.js';
import type { ZkServerLink } from './zkserver-link.js';

export interface ResignationsOptions {
  readonly brokerId: number;
  readonly incarnation: number;
  readonly link: Pick<ZkServerLink, 'callActive'>;
  readonly clock: Clock;
  readonly logger: Logger;
}

export class Resignations {
  private readonly offices = new Map<FetchReplicator, number>();
  private readonly stop = new AbortController();
  private sending = false;
  /** Something was added since the last call began. */
  private added = false;

  constructor(private readonly options: ResignationsOptions) {}

  add(replicator: FetchReplicator, epoch: number): void {
    if (this.offices.get(replicator) === epoch) return;
    this.offices.set(replicator, epoch);
    this.added = true;
    if (this.sending) return;
    this.sending = true;
    setImmediate(() => void this.send());
  }

  close(): void {
    this.stop.abort();
    this.offices.clear();
  }

  private async send(): Promise<void> {
    const { link, clock, logger } = this.options;
    const { signal } = this.stop;
    while (this.prune() > 0 && !signal.aborted) {
      this.added = false;
      try {
        await link.callActive((client) => this.resign(client), signal);
      } catch (error) {
        if (!signal.aborted)
          logger.error({ err: error }, 'resignation refused; it will be said again');
      }
      if (!this.added) await delay(clock, REPEAT_MS, signal).catch(() => undefined);
    }
    this.sending = false;
  }

  /** Made anew for every try: by the time a zkserver answers, others may lead. */
  private resign(client: ZkServerClient): Promise<void> {
    this.prune();
    const reports = [...this.offices]
      .slice(0, MAX_REPORTS)
      .map(([one, epoch]) => this.report(one, epoch));
    if (reports.length === 0) return Promise.resolve();
    return client.resignLeaders(reports, { timeoutMs: CALL_MS });
  }

  private report({ group }: FetchReplicator, epoch: number): LeaderReport {
    const { brokerId: broker, incarnation } = this.options;
    const { topicId, partition, generation } = group;
    return { topicId, partition, generation, epoch, broker, incarnation };
  }

  /** Over when a larger epoch is recorded, or the replica is closed; returns how many are left. */
  private prune(): number {
    for (const [replicator, epoch] of this.offices)
      if (replicator.isStopped || (replicator.state?.epoch ?? 0) > epoch)
        this.offices.delete(replicator);
    return this.offices.size;
  }
}

/** Resignations of one call. */
const MAX_REPORTS = 500;
const CALL_MS = 10_000;
const REPEAT_MS = 2_000;
