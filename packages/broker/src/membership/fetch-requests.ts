// What replicas in mode fetch want of the zkserver, each wish to the file that carries it.
import type { Logger } from '@zhumq/base';
import type { IsrProposal, ZkServerRequests } from '../replication/fetch/fetch-ports.js';
import type { FetchReplicator } from '../replication/fetch/fetch-replicator.js';
import type { IsrChanges } from './isr-changes.js';
import type { Resignations } from './resignations.js';
import type { StateRequests } from './state-requests.js';
import type { ZkServerLink } from './zkserver-link.js';

export interface FetchRequestsOptions {
  readonly isrChanges: IsrChanges;
  readonly resignations: Resignations;
  /** Asked late: the requests want assignments, which want replicas. */
  readonly stateRequests: () => StateRequests;
  readonly link: Pick<ZkServerLink, 'callActive'>;
  /** Broker that holds a replica. */
  readonly brokerOf: (replicaId: string) => number | undefined;
  readonly logger: Logger;
}

export class FetchRequests implements ZkServerRequests {
  private readonly stop = new AbortController();

  constructor(private readonly options: FetchRequestsOptions) {}

  changeIsr(replicator: FetchReplicator, proposal: IsrProposal): void {
    this.options.isrChanges.add(replicator, proposal);
  }

  askState(): void {
    this.options.stateRequests().ask();
  }

  resign(replicator: FetchReplicator, epoch: number): void {
    this.options.resignations.add(replicator, epoch);
  }

  /** Tried once: whoever asked for it sees whether it came about. */
  electLeader(replicator: FetchReplicator, toReplica: string): void {
    const { link, logger, brokerOf } = this.options;
    const toBroker = brokerOf(toReplica);
    if (toBroker === undefined) return;
    const { topic, partition } = replicator.log.identity;
    const signal = AbortSignal.any([this.stop.signal, AbortSignal.timeout(ELECT_MS)]);
    link
      .callActive((client) => client.electLeader(topic, partition, toBroker), signal)
      .catch((error: unknown) => {
        if (!this.stop.signal.aborted)
          logger.warn({ err: error, topic, partition, toBroker }, 'leadership was not handed over');
      });
  }

  close(): void {
    this.stop.abort();
    this.options.isrChanges.close();
    this.options.resignations.close();
  }
}

const ELECT_MS = 5_000;
