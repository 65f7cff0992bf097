// The switch of a whole topic: how many at once, what waits, and when it is over.
import { paths } from '@zhumq/metadata';
import { partitionRecordCodec } from '@zhumq/model';
import type { BrokerRegistration, PartitionRecord, TopicSwitch } from '@zhumq/model';
import type { DecisionInput, Event } from '../controller/decision.js';
import { reconcile } from '../controller/reconcile.js';
import { Placer } from '../placement/placer.js';
import { broker } from '../testing/fetch-world.js';
import { applyWrite } from '../view/apply-write.js';
import { findTopic, partitionsOf } from '../view/cluster-view.js';
import type { ClusterView } from '../view/cluster-view.js';
import { checkedRows, switchRows } from './switch-rows.js';

let ids = 0;
const input: DecisionInput = {
  isAwaited: () => false,
  controllerEpoch: 7,
  newId: () => (++ids).toString(16).padStart(32, '0'),
  placerFor: (brokers) => new Placer(brokers, 128),
  defaults: {
    partitions: 1,
    replicationFactor: 3,
    maxPartitions: 10_000,
    groupsPartitions: 8,
    switchParallel: 8,
  },
};

class TopicWorld {
  view: ClusterView = {
    ...{ clusterId: 'c', zkservers: [], liveBrokers: new Map(), knownBrokers: new Map() },
    ...{ topicNodes: new Map(), topicNames: new Map(), tombstones: new Map() },
    topicSwitches: new Map(),
    producerIds: undefined,
  };

  constructor(partitions: number) {
    this.live(broker(1), broker(2), broker(3));
    const wish = { name: 't', partitions, replicationFactor: 3, mode: 'raft', config: {} } as const;
    this.apply({ kind: 'create-topic', wish });
  }

  live(...brokers: BrokerRegistration[]): void {
    this.view = { ...this.view, liveBrokers: new Map(brokers.map((one) => [one.id, one])) };
  }

  apply(event: Event): void {
    this.view = reconcile(this.view, event, input).reduce(applyWrite, this.view);
  }

  want(to: 'raft' | 'fetch', parallel = 0): void {
    this.apply({ kind: 'topic-switch-wanted', topic: 't', to, parallel });
  }

  /** The partitions that are under way end: done, or given up. */
  endOf(partition: number, how: 'done' | 'given-up'): void {
    const { generation, transition } = this.record(partition);
    const saga = {
      ...{ topicId: this.topicId, partition, generation },
      transitionId: transition?.id ?? '',
    };
    if (how === 'given-up') {
      this.apply({ kind: 'switch-given-up', saga, reason: 'why', mayBeSealed: false });
      return;
    }
    this.apply({ kind: 'group-sealed', saga });
    const answers = this.record(partition).replicas.map((replica) => ({
      ...{ ...replica, incarnation: 1, epoch: 1, end: { epoch: 1, offset: 1 }, tainted: false },
    }));
    this.apply({ kind: 'group-closed', saga, answers, at: '' });
  }

  change(partition: number, change: Partial<PartitionRecord>): void {
    const path = paths.partition('t', partition);
    const node = this.topic.partitions.get(partition);
    const data = partitionRecordCodec.encode({ ...this.record(partition), ...change });
    this.view = applyWrite(this.view, [{ kind: 'set', path, data, version: node?.version ?? 0 }]);
  }

  get topic() {
    const topic = findTopic(this.view, 't');
    if (topic === undefined) throw new Error('the topic is gone');
    return topic;
  }

  get topicId(): string {
    return this.topic.record.topicId;
  }

  record(partition: number): PartitionRecord {
    const record = this.topic.partitions.get(partition)?.value;
    if (record === undefined) throw new Error('no such partition');
    return record;
  }

  get underWay(): readonly number[] {
    const all = partitionsOf(this.topic);
    return all.filter(([, { transition }]) => transition !== undefined).map(([number]) => number);
  }

  get wish(): TopicSwitch | undefined {
    return this.view.topicSwitches.get(this.topicId)?.value;
  }

  get states(): readonly string[] {
    return switchRows(this.view, this.topic, -1).map(({ state }) => state);
  }
}

test('as many begin as the wish allows, each end begins the next one, and the wish goes with the last', () => {
  const world = new TopicWorld(5);
  world.want('fetch', 2);
  expect(world.underWay).toEqual([0, 1]);
  expect(world.wish).toMatchObject({ topic: 't', to: 'fetch', parallel: 2, waiting: [2, 3, 4] });
  expect(world.states).toEqual(['seal', 'seal', 'waiting', 'waiting', 'waiting']);
  world.endOf(1, 'done');
  expect(world.underWay).toEqual([0, 2]);
  world.endOf(0, 'given-up');
  world.endOf(2, 'done');
  expect(world.underWay).toEqual([3, 4]);
  expect(world.wish?.waiting).toEqual([]);
  world.endOf(3, 'done');
  expect(world.wish).toBeDefined();
  world.endOf(4, 'done');
  expect(world.wish).toBeUndefined();
  expect(world.states).toEqual(['given-up', 'done', 'done', 'done', 'done']);
});

test('without a number, as many begin as the option says', () => {
  const world = new TopicWorld(20);
  world.want('fetch');
  expect(world.underWay).toHaveLength(8);
});

test('asked again it begins nothing anew; asked for the other mode it is refused', () => {
  const world = new TopicWorld(5);
  world.want('fetch', 2);
  const before = world.view;
  world.want('fetch', 4);
  expect(world.view).toEqual(before);
  expect(() => world.want('raft')).toThrow(/whole topic to mode fetch is under way/);
});

test('what is in that mode, or on its way there, is not among it', () => {
  const world = new TopicWorld(3);
  world.apply({ kind: 'switch-wanted', topic: 't', partition: 0, to: 'fetch' });
  world.endOf(0, 'done');
  world.apply({ kind: 'switch-wanted', topic: 't', partition: 1, to: 'fetch' });
  world.want('fetch', 2);
  expect(world.underWay).toEqual([1, 2]);
  expect(world.wish?.waiting).toEqual([]);
  world.endOf(1, 'done');
  world.endOf(2, 'done');
  world.want('fetch');
  expect(world.wish).toBeUndefined();
});

test('a partition that can not be switched now is named as refused and holds nobody up', () => {
  const world = new TopicWorld(3);
  world.change(0, { learners: ['x'] });
  world.want('fetch', 1);
  expect(world.underWay).toEqual([1]);
  expect(world.states).toEqual(['refused', 'seal', 'waiting']);
  const [row] = switchRows(world.view, world.topic, 0);
  expect(row).toMatchObject({ state: 'refused', id: '', reason: expect.stringMatching(/voters/) });
});

test('a partition in a recovery is waited for', () => {
  const world = new TopicWorld(2);
  world.change(0, { transition: { id: 'r', to: 'raft', phase: 'close' } });
  world.want('fetch', 2);
  expect(world.underWay).toEqual([0, 1]);
  expect(world.wish?.waiting).toEqual([0]);
  world.change(0, { transition: undefined });
  world.apply({ kind: 'look' });
  expect(world.record(0).transition).toMatchObject({ to: 'fetch', phase: 'seal' });
});

test('a look goes on where a zkserver stopped between the wish and its first partition', () => {
  const world = new TopicWorld(3);
  const event: Event = { kind: 'topic-switch-wanted', topic: 't', to: 'fetch', parallel: 2 };
  const [first] = reconcile(world.view, event, input);
  world.view = applyWrite(world.view, first);
  expect(world.underWay).toEqual([]);
  world.apply({ kind: 'look' });
  expect(world.underWay).toEqual([0, 1]);
});

test('the wish goes with its topic', () => {
  const world = new TopicWorld(3);
  world.want('fetch', 1);
  const { topicId } = world;
  world.apply({ kind: 'delete-topic', name: 't' });
  expect(world.view.topicSwitches.has(topicId)).toBe(false);
});

test('2,000 partitions that can not be switched are refused in as many looks as it takes', () => {
  const world = new TopicWorld(2000);
  world.live(broker(1));
  world.want('fetch');
  for (let looks = 0; looks < 5; looks++) world.apply({ kind: 'look' });
  expect(new Set(world.states)).toEqual(new Set(['refused']));
  expect(world.wish).toBeUndefined();
});

test('a check tells what would happen', () => {
  const world = new TopicWorld(3);
  world.change(0, { learners: ['x'] });
  const states = (to: 'raft' | 'fetch') =>
    checkedRows(world.view, world.topic, -1, to).map(({ state }) => state);
  expect(states('fetch')).toEqual(['refused', 'waiting', 'waiting']);
  expect(states('raft')).toEqual(['done', 'done', 'done']);
});
