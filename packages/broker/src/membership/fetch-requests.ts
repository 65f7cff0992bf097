// What replicas in mode fetch want of the zkserver, each wish to the file that carries it.
import { delay } from '@zhumq/base';
import type { Clock, Logger } from '@zhumq/base';
import type { IsrProposal, ZkServerRequests } from '../replication/fetch/fetch-ports.js';
import type { FetchReplicator } from '../replication/fetch/fetch-replicator.js';
import { IsrChanges } from './isr-changes.js';
import type { IsrChangesOptions } from './isr-changes.js';
import { Resignations } from './resignations.js';
import type { ZkServerLink } from './zkserver-link.js';

export interface FetchRequestsOptions {
  readonly brokerId: number;
  readonly incarnation: number;
  readonly link: Pick<ZkServerLink, 'callActive'>;
  /** Broker that holds a replica. */
  readonly brokerOf: (replicaId: string) => number | undefined;
  /** Asks for the desired state. */
  readonly askState: () => void;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly onIsrChanged?: IsrChangesOptions['onChanged'];
}

export class FetchRequests implements ZkServerRequests {
  private readonly stop = new AbortController();
  private readonly isrChanges: IsrChanges;
  private readonly resignations: Resignations;

  constructor(private readonly options: FetchRequestsOptions) {
    this.isrChanges = new IsrChanges({
      ...options,
      onStale: options.askState,
      onChanged: options.onIsrChanged,
    });
    this.resignations = new Resignations(options);
  }

  changeIsr(replicator: FetchReplicator, proposal: IsrProposal): void {
    this.isrChanges.add(replicator, proposal);
  }

  askState(): void {
    this.options.askState();
  }

  resign(replicator: FetchReplicator, epoch: number): void {
    this.resignations.add(replicator, epoch);
  }

  /** Tried for a while: whoever asked for it sees whether it came about. */
  electLeader(replicator: FetchReplicator, toReplica: string): void {
    const { link, logger, brokerOf, clock } = this.options;
    const toBroker = brokerOf(toReplica);
    if (toBroker === undefined) return;
    const { topic, partition } = replicator.log.identity;
    const enough = new AbortController();
    const { signal } = enough;
    void delay(clock, ELECT_MS, AbortSignal.any([signal, this.stop.signal])).then(
      () => enough.abort(),
      () => enough.abort(),
    );
    link
      .callActive((client) => client.electLeader(topic, partition, toBroker, { signal }), signal)
      .catch((error: unknown) => {
        if (!this.stop.signal.aborted)
          logger.warn({ err: error, topic, partition, toBroker }, 'leadership was not handed over');
      })
      .finally(() => enough.abort());
  }

  close(): void {
    this.stop.abort();
    this.isrChanges.close();
    this.resignations.close();
  }
}

const ELECT_MS = 5_000;
