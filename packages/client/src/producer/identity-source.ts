// Producer ids: asked of any broker when one is needed, one question at a time, again and again until it is answered.
import { Backoff, delay } from '@zhumq/base';
import { zhumqError } from '@zhumq/model';
import type { ProducerIdentity } from '@zhumq/rpc';
import type { Cluster } from '../cluster/cluster.js';
import { asZhumqError } from '../errors.js';

/** So long one broker is waited for; the next one may not be frozen. */
const ASK_TIMEOUT_MS = 1500;
const BACKOFF = { minMs: 50, maxMs: 1000 };

export class IdentitySource {
  private identity: ProducerIdentity | undefined;
  private asking: Promise<void> | undefined;
  private turn: number;
  private lastFailure = '';

  constructor(
    private readonly cluster: Cluster,
    private readonly stopping: AbortSignal,
  ) {
    this.turn = cluster.options.random.below(1024);
  }

  /** The identity to use, if it is known and not the one that is spent. */
  current(spentProducerId: number): ProducerIdentity | undefined {
    return this.identity?.producerId === spentProducerId ? undefined : this.identity;
  }

  /** Why there is none yet, for people; empty before the first answer. */
  get failure(): string {
    return this.lastFailure;
  }

  /** Resolves when another identity is there, or the producer stops. */
  renew(): Promise<void> {
    this.asking ??= this.ask().finally(() => (this.asking = undefined));
    return this.asking;
  }

  private async ask(): Promise<void> {
    const { clock, random, logger } = this.cluster.options;
    const backoff = new Backoff(BACKOFF, random);
    while (!this.stopping.aborted) {
      try {
        this.identity = await this.askOne();
        this.lastFailure = '';
        return;
      } catch (error) {
        this.lastFailure = `no broker gives a producer id: ${asZhumqError(error).message}`;
        logger.debug({ err: error }, 'no producer id yet');
        this.cluster.refresh([]).catch(() => undefined);
        await delay(clock, backoff.nextMs(), this.stopping).catch(() => undefined);
      }
    }
  }

  private async askOne(): Promise<ProducerIdentity> {
    const alive = this.cluster.view.brokers.filter((broker) => broker.alive);
    if (alive.length === 0) throw zhumqError('CONNECTION_REFUSED', 'no broker is alive');
    const { endpoint } = alive[this.turn++ % alive.length];
    // A connection is not to be given up for a call that waits so short.
    return this.cluster.broker(endpoint).initProducer({ timeoutMs: ASK_TIMEOUT_MS });
  }
}
