import { Placer } from '../placement/placer.js';
import type { PlacementBroker } from '../placement/placer.js';
import { applyWrite } from '../view/apply-write.js';
import { findTopic, partitionsOf } from '../view/cluster-view.js';
import type { ClusterView } from '../view/cluster-view.js';
import type { Event } from './decision.js';
import { reconcile } from './reconcile.js';

let ids = 0;
const input = {
  isAwaited: () => false,
  controllerEpoch: 7,
  newId: () => (++ids).toString(16).padStart(32, '0'),
  placerFor: (brokers: readonly PlacementBroker[]) => new Placer(brokers, 128),
  defaults: {
    ...{ partitions: 1, replicationFactor: 1, maxPartitions: 100, groupsPartitions: 5 },
    switchParallel: 8,
  },
};

const wanted: Event = { kind: 'internal-topic-wanted', name: '__groups' };

function clusterOf(count: number): ClusterView {
  const brokers = Array.from({ length: count }, (_, at) => ({
    ...{ id: at + 1, host: 'h', port: 1, rack: '', weight: 1, incarnation: 1, clean: true },
    directoryId: `d${at}`,
  }));
  const view: ClusterView = {
    ...{ clusterId: 'c', zkservers: [], knownBrokers: new Map(), producerIds: undefined },
    ...{ topicNodes: new Map(), topicNames: new Map(), tombstones: new Map() },
    topicSwitches: new Map(),
    liveBrokers: new Map(brokers.map((one) => [one.id, one])),
  };
  return after(view, { kind: 'look' });
}

const after = (view: ClusterView, event: Event): ClusterView =>
  reconcile(view, event, input).reduce(applyWrite, view);

test.each([
  [1, 1],
  [2, 2],
  [5, 3],
])('with %i brokers __groups is made in mode raft with %i replicas', (brokers, replicas) => {
  const topic = findTopic(after(clusterOf(brokers), wanted), '__groups');
  expect(topic?.record).toMatchObject({
    ...{ partitions: 5, replicationFactor: replicas },
    config: { flush: 'fsync', 'retention.ms': '-1', 'retention.bytes': '-1' },
  });
  const records = topic === undefined ? [] : partitionsOf(topic);
  expect(records).toHaveLength(5);
  for (const [, record] of records) {
    expect(record).toMatchObject({ mode: 'raft', generation: 1 });
    expect(record.voters).toHaveLength(replicas);
  }
});

test('asked again, nothing is written, whoever lives then', () => {
  const made = after(clusterOf(1), wanted);
  expect(reconcile(made, wanted, input)).toEqual([]);
  const grown = { ...made, liveBrokers: clusterOf(3).liveBrokers };
  expect(reconcile(grown, wanted, input)).toEqual([]);
});

test('other names, and clusters without brokers, are refused', () => {
  const other: Event = { kind: 'internal-topic-wanted', name: '__secrets' };
  expect(() => reconcile(clusterOf(3), other, input)).toThrow(
    '"__secrets" is no internal topic of this version; there is __groups',
  );
  // Properties that every object has.
  for (const name of ['constructor', 'toString', '__proto__'])
    expect(() => reconcile(clusterOf(3), { ...other, name }, input)).toThrow(
      expect.objectContaining({ code: 'INVALID_TOPIC' }),
    );
  expect(() => reconcile(clusterOf(0), wanted, input)).toThrow(
    expect.objectContaining({ code: 'NOT_ENOUGH_BROKERS' }),
  );
});

test.each<[string, Event]>([
  ['be deleted', { kind: 'delete-topic', name: '__groups' }],
  ['be altered', { kind: 'alter-topic', name: '__groups', config: { 'retention.ms': '1s' } }],
  [
    'be switched to another mode',
    { kind: 'switch-wanted', topic: '__groups', partition: 0, to: 'fetch' },
  ],
  [
    'be switched to another mode',
    { kind: 'topic-switch-wanted', topic: '__groups', to: 'fetch', parallel: 0 },
  ],
])('a topic of zhumq itself can not %s', (what, event) => {
  const view = after(clusterOf(3), wanted);
  expect(() => reconcile(view, event, input)).toThrow(
    expect.objectContaining({
      code: 'INVALID_TOPIC',
      message: expect.stringContaining(`can not ${what}`) as string,
    }),
  );
});

test('users can not create one', () => {
  const wish = {
    ...{ name: '__groups', partitions: 1, replicationFactor: 1, config: {} },
    mode: 'raft',
  } as const;
  expect(() => reconcile(clusterOf(1), { kind: 'create-topic', wish }, input)).toThrow(
    expect.objectContaining({ code: 'INVALID_TOPIC' }),
  );
});
