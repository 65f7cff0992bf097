// Which partitions must be served although some servers are away: those of which enough is left. What is left is what
// may vote, or was in sync: not a replica that lost what it had not synced, nor one whose disk was lost.
import type { Partition } from '@zhumq/broker';
import type { ServerSlot } from '../simulated-cluster.js';
import type { TopicPlan } from '../simulation-options.js';
import type { Ensemble } from '../world/ensemble.js';
import type { StoreObserver } from './store-observer.js';

export class Availability {
  constructor(
    private readonly brokers: readonly ServerSlot[],
    private readonly store: StoreObserver,
    private readonly topics: readonly TopicPlan[],
    private readonly away: readonly ServerSlot[],
    private readonly ensemble: Pick<Ensemble, 'isReachable'>,
  ) {}

  /** Partitions, as topic and number, that could be served and are not in `served`. */
  unserved(served: ReadonlySet<string>): string[] {
    return this.topics.flatMap(({ topic, partitions }) =>
      Array.from({ length: partitions }, (_, partition) => partition)
        .filter((partition) => !served.has(`${topic} ${partition}`))
        .filter((partition) => this.canBeServed(topic, partition))
        .map((partition) => `${topic} ${partition}`),
    );
  }

  /** Whom nobody but the metadata store hears: in mode fetch it leads on, and what it has is waited for. */
  private keepsSession(broker: number): boolean {
    return this.away.some(
      ({ kind, id, machine }) =>
        kind === 'broker' &&
        id === broker &&
        machine.life?.paused === false &&
        this.ensemble.isReachable(machine.name),
    );
  }

  private canBeServed(topic: string, partition: number): boolean {
    const record = this.store.recordOf(topic, partition);
    if (record === undefined) return true;
    const present = this.brokers.filter((slot) => !this.away.includes(slot));
    // One that is not up yet says nothing: it counts until it does.
    const replicas = present.filter(({ id, broker, ready }) => {
      if (!record.replicas.some((replica) => replica.broker === id)) return false;
      const replica = find(broker?.partitions ?? [], topic, partition);
      return !ready || (replica !== undefined && replica.replicator.role !== 'failed');
    });
    if (record.mode === 'fetch') {
      if (record.replicas.some(({ broker }) => this.keepsSession(broker))) return false;
      const inSync = replicas.some(({ id, broker }) => {
        const own = record.replicas.find((replica) => replica.broker === id);
        const copy = find(broker?.partitions ?? [], topic, partition);
        return (
          own !== undefined &&
          record.isr.includes(own.replicaId) &&
          copy?.log.hardState?.tainted !== true
        );
      });
      return inSync && replicas.length >= MIN_IN_SYNC;
    }
    const voters = replicas.filter(({ broker }) => {
      const replica = find(broker?.partitions ?? [], topic, partition);
      return replica?.log.hardState?.tainted !== true;
    });
    return voters.length > record.replicas.length / 2;
  }
}

/** As topics of runs have it. */
const MIN_IN_SYNC = 2;

function find(
  partitions: Iterable<Partition>,
  topic: string,
  partition: number,
): Partition | undefined {
  for (const one of partitions)
    if (one.name.topic === topic && one.name.partition === partition) return one;
  return undefined;
}
