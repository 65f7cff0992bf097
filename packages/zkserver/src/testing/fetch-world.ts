// For tests: a view with one topic in mode fetch, three replicas `r1` to `r3` on the brokers 1 to 3, changed by events as
// the controller would.
import { partitionRecordCodec, topicRecordCodec } from '@zhumq/model';
import { paths } from '@zhumq/metadata';
import type { BrokerRegistration, PartitionRecord } from '@zhumq/model';
import type { DecisionInput, Event, Write } from '../controller/decision.js';
import { reconcile } from '../controller/reconcile.js';
import type { Election, IsrWish, ReplicaAnswer } from '../election/events.js';
import { Placer } from '../placement/placer.js';
import { applyWrite } from '../view/apply-write.js';
import type { ClusterView } from '../view/cluster-view.js';

export const TOPIC_ID = 'f'.repeat(32);
export const AT_MS = Date.UTC(2026, 0, 2);

const input: DecisionInput = {
  isAwaited: () => false,
  controllerEpoch: 7,
  newId: () => '0'.repeat(32),
  placerFor: (brokers) => new Placer(brokers, 128),
  defaults: {
    partitions: 1,
    replicationFactor: 3,
    maxPartitions: 10,
    groupsPartitions: 8,
    switchParallel: 1,
  },
};

export const broker = (
  id: number,
  given: Partial<BrokerRegistration> = {},
): BrokerRegistration => ({
  ...{ id, host: 'h', port: 1, rack: '', weight: 1, incarnation: 1, clean: true },
  ...{ directoryId: `d${id}`, ...given },
});

const EMPTY: ClusterView = {
  ...{ clusterId: 'c', zkservers: [], liveBrokers: new Map(), knownBrokers: new Map() },
  ...{ topicNodes: new Map(), topicNames: new Map(), tombstones: new Map() },
  topicSwitches: new Map(),
  producerIds: undefined,
};

export class FetchWorld {
  view: ClusterView;
  /** Brokers that count as alive although they are not registered. */
  awaited: readonly number[] = [];

  readonly key = { topicId: TOPIC_ID, partition: 0 };

  constructor(record: Partial<PartitionRecord> = {}, config: Record<string, string> = {}) {
    const topic = { topicId: TOPIC_ID, partitions: 1, replicationFactor: 3, config };
    const [path, parent] = [paths.topic('t'), paths.partitions('t')];
    const partition = partitionRecordCodec.encode({ ...firstRecord(), ...record });
    this.view = applyWrite(EMPTY, [
      { kind: 'create', path, data: topicRecordCodec.encode(topic) },
      { kind: 'create', path: parent, data: Buffer.alloc(0) },
      { kind: 'create', path: paths.partition('t', 0), data: partition },
    ]);
    this.live(1, 2, 3);
  }

  /** These brokers are alive, and no others: ids, or registrations. */
  live(...brokers: (number | BrokerRegistration)[]): void {
    const registrations = brokers.map((one) => (typeof one === 'number' ? broker(one) : one));
    this.view = { ...this.view, liveBrokers: new Map(registrations.map((one) => [one.id, one])) };
  }

  decide(event: Event): readonly Write[] {
    const isAwaited = (id: number): boolean => this.awaited.includes(id);
    return reconcile(this.view, event, { ...input, isAwaited });
  }

  /** The record after everything was written. */
  apply(event: Event): PartitionRecord {
    this.view = this.decide(event).reduce(applyWrite, this.view);
    return this.record;
  }

  get record(): PartitionRecord {
    return this.node.value;
  }

  get version(): number {
    return this.node.version;
  }

  /** An election on the present record, with these answers. */
  election(answers: readonly ReplicaAnswer[], given: Partial<Election> = {}): Event {
    const election: Election = {
      ...{ topicId: TOPIC_ID, partition: 0, version: this.version, answers, outOfService: [] },
      ...{ resigned: undefined, wanted: undefined, ...given },
    };
    return { kind: 'leaders-elected', elections: [election], atMs: AT_MS };
  }

  /** What the present leader wants as ISR: replica ids, with incarnation 1. */
  isrWish(isr: readonly string[], given: Partial<IsrWish> = {}): Event {
    return { kind: 'isr-changes-wanted', changes: [this.wish(isr, given)] };
  }

  wish(isr: readonly string[], given: Partial<IsrWish> = {}): IsrWish {
    const { generation, epoch, leader } = this.record;
    return {
      ...{ topicId: TOPIC_ID, partition: 0, generation, epoch, version: this.version },
      ...{ broker: leader?.broker ?? -1, incarnation: leader?.incarnation ?? -1 },
      isr: isr.map((replicaId) => ({ replicaId, incarnation: 1 })),
      ...given,
    };
  }

  private get node() {
    const node = this.view.topicNodes.get('t')?.partitions.get(0);
    if (node === undefined) throw new Error('the partition is gone');
    return node;
  }
}

/** The answer of broker `id`: its log ends at `offset`, in epoch 5. */
export const answer = (
  id: number,
  offset: number,
  given: Partial<ReplicaAnswer> = {},
): ReplicaAnswer => ({
  ...{ replicaId: `r${id}`, broker: id, incarnation: 1, epoch: 5, tainted: false },
  ...{ logEnd: { epoch: 5, offset }, ...given },
});

/** Led by broker 1 in epoch 5, all in sync. */
function firstRecord(): PartitionRecord {
  return {
    replicas: [1, 2, 3].map((id) => ({ broker: id, replicaId: `r${id}`, directoryId: `d${id}` })),
    ...{ mode: 'fetch', generation: 1, leader: { broker: 1, incarnation: 1 }, epoch: 5 },
    ...{ isr: ['r1', 'r2', 'r3'], voters: [], elr: [], learners: [], lossEpoch: 0 },
    ...{ seal: undefined, transition: undefined, possibleLoss: undefined, lastSwitch: undefined },
  };
}
