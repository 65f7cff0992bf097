// Carries the ISR changes of the partitions that are led here to the zkserver: everything that waits in one call, one call
// at a time. The zkserver writes them conditionally, so a call that is repeated does nothing twice; what is left without
// an answer is unknown, and counts on both sides until a newer version of the record is seen (rule 10).
import type { Clock, Logger } from '@zhumq/base';
import { errorOf } from '@zhumq/rpc';
import type { IsrChange, IsrChangeResult, ZkServerClient } from '@zhumq/rpc';
import type { IsrProposal } from '../replication/fetch/fetch-ports.js';
import type { FetchReplicator } from '../replication/fetch/fetch-replicator.js';
import { partitionStateOf } from '../replication/fetch/partition-state.js';
import type { ZkServerLink } from './zkserver-link.js';

export interface IsrChangesOptions {
  readonly brokerId: number;
  readonly incarnation: number;
  readonly link: Pick<ZkServerLink, 'callActive'>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The record is of another generation by now. */
  readonly onStale: () => void;
  /** An ISR was changed as this broker proposed, for metrics. */
  readonly onChanged?: (before: number, after: number) => void;
}

interface Proposed {
  readonly replicator: FetchReplicator;
  readonly proposal: IsrProposal;
}

export class IsrChanges {
  private waiting: Proposed[] = [];
  private readonly stop = new AbortController();
  private sending = false;

  constructor(private readonly options: IsrChangesOptions) {}

  /** A replicator has one proposal under way at most, so this is bounded by the partitions. */
  add(replicator: FetchReplicator, proposal: IsrProposal): void {
    this.waiting.push({ replicator, proposal });
    if (this.sending) return;
    this.sending = true;
    // What else is proposed in this turn goes with it.
    setImmediate(() => void this.send());
  }

  close(): void {
    this.stop.abort();
    this.waiting = [];
  }

  private async send(): Promise<void> {
    while (this.waiting.length > 0 && !this.stop.signal.aborted)
      await this.sendSome(this.waiting.splice(0, MAX_CHANGES));
    this.sending = false;
  }

  private async sendSome(proposed: readonly Proposed[]): Promise<void> {
    const { logger, link } = this.options;
    for (const { replicator, proposal } of proposed)
      logger.info({ ...replicator.group, reason: proposal.reason }, 'proposes another ISR');
    const changes = proposed.map((one) => this.changeOf(one));
    const limit = this.limit();
    try {
      const call = (client: ZkServerClient) =>
        client.changeIsr(changes, { timeoutMs: CALL_MS, signal: limit.signal });
      const results = await link.callActive(call, limit.signal);
      proposed.forEach((one, index) => this.settle(one, results[index]));
    } catch (error) {
      if (this.stop.signal.aborted) return;
      logger.warn(
        { err: error },
        'no answer to changes of ISRs; whether they were made is unknown',
      );
      for (const { replicator, proposal } of proposed) replicator.proposalUnknown(proposal.id);
    } finally {
      limit.end();
    }
  }

  /** Ends a call that no zkserver answers: what has changed meanwhile is to be proposed instead. */
  private limit(): { readonly signal: AbortSignal; end(): void } {
    const abort = new AbortController();
    const stop = (): void => abort.abort();
    const timer = this.options.clock.after(GIVE_UP_MS, stop);
    this.stop.signal.addEventListener('abort', stop, { once: true });
    return {
      signal: abort.signal,
      end: () => {
        timer.cancel();
        this.stop.signal.removeEventListener('abort', stop);
      },
    };
  }

  private settle({ replicator, proposal }: Proposed, result: IsrChangeResult | undefined): void {
    const { logger, onStale, onChanged } = this.options;
    const { group } = replicator;
    const failure = result?.failure && errorOf(result.failure);
    const before = replicator.isr.length;
    const info = result?.assignment?.info;
    if (failure !== undefined)
      logger.info({ err: failure, ...group }, 'another ISR was refused, or its fate is unknown');
    if (result?.assignment !== undefined && info?.generation === group.generation) {
      const state = partitionStateOf(result.assignment);
      if (state !== undefined) replicator.assign(state);
    } else if (info !== undefined) onStale();
    if (result === undefined || failure?.kind.outcome === 'unknown')
      return replicator.proposalUnknown(proposal.id);
    if (failure === undefined) onChanged?.(before, proposal.isr.length);
    replicator.proposalSettled(proposal.id);
  }

  private changeOf({ replicator, proposal }: Proposed): IsrChange {
    const { topicId, partition, generation } = replicator.group;
    return {
      topicId,
      partition,
      generation,
      epoch: replicator.epoch,
      broker: this.options.brokerId,
      incarnation: this.options.incarnation,
      version: proposal.version,
      isr: proposal.isr.map(({ replica, incarnation }) => ({ replicaId: replica, incarnation })),
    };
  }
}

/** Changes of one call. */
const MAX_CHANGES = 500;
const CALL_MS = 5_000;
/** After that the outcome counts as unknown. */
const GIVE_UP_MS = 10_000;
