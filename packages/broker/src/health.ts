// What /livez, /readyz and the gauges tell of a broker.
import type { HealthReport } from '@zhumq/base';
import type { PartitionState } from '@zhumq/fetch';
import type { LogStore } from '@zhumq/log';
import type { Assignments } from './membership/assignments.js';
import type { Registration } from './membership/registration.js';
import type { BrokerGauges } from './metrics.js';
import type { Partition } from './partition/partition.js';
import type { PartitionRegistry } from './partition/partition-registry.js';
import { FetchReplicator } from './replication/fetch/fetch-replicator.js';

export interface BrokerHealthOptions {
  readonly registry: PartitionRegistry;
  readonly store: LogStore;
  readonly registration: Registration;
  readonly assignments: Assignments;
  /** Why the broker can not go on, if it can not. */
  readonly failure: () => Error | undefined;
}

export class BrokerHealth implements BrokerGauges {
  /** Set when the broker begins to stop: no new work should be sent to it. */
  stopping = false;

  constructor(private readonly options: BrokerHealthOptions) {}

  reports(): { live: () => HealthReport; ready: () => HealthReport } {
    return { live: () => this.live(), ready: () => this.ready() };
  }

  partitions(): number {
    return this.options.registry.size;
  }

  leaders(): number {
    return this.count((partition) => partition.leads);
  }

  sleeping(): number {
    const { size, awake } = this.options.registry;
    return size - awake.size;
  }

  failedReplicas(): number {
    return this.count((partition) => partition.replicator.role === 'failed');
  }

  leaderless(): number {
    return this.count((partition) => partition.replicator.leaderReplica === undefined);
  }

  underReplicated(): number {
    return this.count((partition) => {
      const state = ledState(partition);
      return state !== undefined && state.isr.length < state.replicas.length;
    });
  }

  underMinInsync(): number {
    return this.count((partition) => {
      const state = ledState(partition);
      return state !== undefined && state.isr.length < state.minInsyncReplicas;
    });
  }

  freeBytes(): number {
    return this.options.store.freeBytes;
  }

  pendingWriteBytes(): number {
    return this.options.store.pendingBytes;
  }

  registered(): boolean {
    return this.options.registration.registered;
  }

  private live(): HealthReport {
    const failed = this.options.failure();
    return {
      checks: [
        {
          name: 'write-ahead log',
          ok: failed === undefined,
          detail: failed?.message ?? 'takes writes',
        },
      ],
    };
  }

  /** The metadata store being away does not make a broker unready: data keeps flowing. */
  private ready(): HealthReport {
    const known = this.options.assignments.state !== undefined;
    return {
      checks: [
        ...this.live().checks,
        {
          name: 'assignment',
          ok: known,
          detail: known ? 'known' : 'no zkserver has said yet what to hold',
        },
        {
          name: 'running',
          ok: !this.stopping,
          detail: this.stopping ? 'the broker is stopping' : 'takes requests',
        },
      ],
    };
  }

  private count(wanted: (partition: Partition) => boolean): number {
    let count = 0;
    for (const partition of this.options.registry.all()) if (wanted(partition)) count++;
    return count;
  }
}

/** What is recorded of a partition that is led here in mode fetch. */
function ledState({ leads, replicator }: Partition): PartitionState | undefined {
  return leads && replicator instanceof FetchReplicator ? replicator.state : undefined;
}
