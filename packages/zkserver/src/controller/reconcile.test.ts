import { partitionRecordCodec, topicRecordCodec } from '@zhumq/model';
import type { BrokerRegistration, PartitionRecord } from '@zhumq/model';
import { paths } from '@zhumq/metadata';
import { Placer } from '../placement/placer.js';
import { applyWrite } from '../view/apply-write.js';
import { findTopic, namesById, partitionsOf, topicById, topicsOf } from '../view/cluster-view.js';
import type { ClusterView } from '../view/cluster-view.js';
import { lostReplicas } from './broker-registry.js';
import type { DecisionInput, Event, LeaderClaim, TopicWish, Write } from './decision.js';
import { reconcile } from './reconcile.js';

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

const broker = (id: number, given: Partial<BrokerRegistration> = {}): BrokerRegistration => ({
  ...{ id, host: 'h', port: 1, rack: '', weight: 1, incarnation: 1, clean: true },
  ...{ directoryId: `d${id}`, ...given },
});

const empty: ClusterView = {
  ...{ clusterId: 'c', zkservers: [], liveBrokers: new Map(), knownBrokers: new Map() },
  ...{ topicNodes: new Map(), topicNames: new Map(), tombstones: new Map() },
  topicSwitches: new Map(),
  producerIds: undefined,
};

const live = (view: ClusterView, ...brokers: BrokerRegistration[]): ClusterView => ({
  ...view,
  liveBrokers: new Map(brokers.map((one) => [one.id, one])),
});

const after = (view: ClusterView, event: Event): ClusterView =>
  reconcile(view, event, input).reduce(applyWrite, view);

const look: Event = { kind: 'look' };
const create = (name: string, given: Partial<TopicWish> = {}): Event => ({
  kind: 'create-topic',
  wish: { name, partitions: 2, replicationFactor: 3, mode: 'raft', config: {}, ...given },
});
const remove = (name: string): Event => ({ kind: 'delete-topic', name });

const three = after(live(empty, broker(1), broker(2), broker(3)), look);
const orders = after(three, create('orders'));

const refusalOf = (view: ClusterView, event: Event): unknown => {
  try {
    return reconcile(view, event, input);
  } catch (error) {
    return (error as { code?: string }).code;
  }
};

function recordOf(view: ClusterView, partition = 0): PartitionRecord {
  const record = view.topicNodes.get('orders')?.partitions.get(partition)?.value;
  if (record === undefined) throw new Error('no such partition');
  return record;
}

/** The view after the first `count` writes, as a crash would leave it. */
const cutOff = (view: ClusterView, writes: readonly Write[], count: number): ClusterView =>
  writes.slice(0, count).reduce(applyWrite, view);

test('a cluster in order needs no write', () => {
  expect(reconcile(three, look, input)).toEqual([]);
  expect(reconcile(orders, look, input)).toEqual([]);
});

test('a topic is found by its id as long as it exists, and not under the id of a successor', () => {
  const topicId = findTopic(orders, 'orders')?.record.topicId ?? '';
  const both = after(orders, create('payments'));
  expect(topicById(both, topicId)?.name).toBe('orders');
  const again = after(after(both, remove('orders')), create('orders'));
  expect(topicById(again, topicId)).toBeUndefined();
  expect(again.topicNames).toEqual(namesById(again.topicNodes.values()));
  expect([...again.topicNames.values()].toSorted()).toEqual(['orders', 'payments']);
});

test('a broker that is seen for the first time is written down', () => {
  expect([...three.knownBrokers.keys()]).toEqual([1, 2, 3]);
  expect(three.knownBrokers.get(2)?.value).toEqual({ last: broker(2), draining: false });
});

test('a broker that drains goes on draining when it registers again, and gets no replicas', () => {
  const known = three.knownBrokers.get(2);
  const draining: ClusterView = {
    ...live(three, broker(1), broker(2, { incarnation: 2 }), broker(3)),
    knownBrokers: new Map([
      ...three.knownBrokers,
      [2, { version: known?.version ?? 0, value: { last: broker(2), draining: true } }],
    ]),
  };
  const view = after(draining, look);
  expect(view.knownBrokers.get(2)?.value).toMatchObject({
    draining: true,
    last: { incarnation: 2 },
  });
  const topic = findTopic(after(view, create('t', { replicationFactor: 0 })), 't');
  expect(topic?.record.replicationFactor).toBe(2);
});

test('the payload of a topic is written last', () => {
  const writes = reconcile(three, create('large', { partitions: 1200 }), input);
  const [last] = writes.at(-1) ?? [];
  expect(last).toMatchObject({ kind: 'set', path: '/topics/large', version: 0 });
  expect(writes.length).toBeGreaterThan(3);
});

test('no multi is larger than the store takes', () => {
  const view = after(three, create('large', { partitions: 10_000 }));
  for (const write of [
    ...reconcile(three, create('large', { partitions: 10_000 }), input),
    ...reconcile(view, remove('large'), input),
  ]) {
    const bytes = write.map((one) => ('data' in one ? one.data.length : 0) + one.path.length + 64);
    expect(bytes.reduce((sum, size) => sum + size, 0)).toBeLessThan(400 * 1024);
    expect(write.length).toBeLessThanOrEqual(502);
  }
});

test('a creation that was cut off anywhere is taken back by the next look', () => {
  const writes = reconcile(three, create('large', { partitions: 1200 }), input);
  for (let count = 0; count < writes.length; count++) {
    const view = after(cutOff(three, writes, count), look);
    expect([...view.topicNodes.keys()]).toEqual([]);
    expect(view.tombstones.size).toBe(0);
  }
});

test('a topic can be created over the leftover of an earlier creation', () => {
  const writes = reconcile(three, create('large', { partitions: 1200 }), input);
  const view = after(cutOff(three, writes, 2), create('large', { partitions: 5 }));
  expect(findTopic(view, 'large')?.partitions.size).toBe(5);
});

test('a deletion that was cut off after its first write is completed by the next look', () => {
  const before = after(three, create('large', { partitions: 1200 }));
  const writes = reconcile(before, remove('large'), input);
  expect(writes.length).toBeGreaterThan(3);
  for (let count = 1; count <= writes.length; count++) {
    const halfway = cutOff(before, writes, count);
    expect(topicsOf(halfway)).toEqual([]);
    const view = after(halfway, look);
    expect([...view.topicNodes.keys()]).toEqual([]);
    const [{ value }] = [...view.tombstones.values()];
    expect(value).toMatchObject({ topic: 'large', controllerEpoch: 7, brokers: [1, 2, 3] });
  }
});

test('a tombstone goes when the last broker has confirmed, and not before (rule 23)', () => {
  let view = after(orders, remove('orders'));
  const [topicId] = view.tombstones.keys();
  const confirm = (id: number): Event => ({
    kind: 'deletions-confirmed',
    broker: id,
    topicIds: [topicId],
  });
  view = after(after(view, confirm(1)), confirm(1));
  expect(view.tombstones.get(topicId)?.value.brokers).toEqual([2, 3]);
  view = after(after(live(view), look), confirm(3));
  expect(view.tombstones.get(topicId)?.value.brokers).toEqual([2]);
  view = after(view, confirm(2));
  expect(view.tombstones.size).toBe(0);
});

test('a broker that was removed from the registry is not waited for (rule 23)', () => {
  const deleted = after(orders, remove('orders'));
  const known = new Map([...deleted.knownBrokers].filter(([id]) => id !== 3));
  const view = after({ ...live(deleted, broker(1)), knownBrokers: known }, look);
  expect([...view.tombstones.values()][0].value.brokers).toEqual([1, 2]);
});

test('a deleted and re-created topic has other ids throughout', () => {
  const again = after(after(orders, remove('orders')), create('orders'));
  const idsOf = (view: ClusterView) =>
    topicsOf(view).flatMap((topic) => [
      topic.record.topicId,
      ...partitionsOf(topic).flatMap(([, { replicas }]) => replicas.map((one) => one.replicaId)),
    ]);
  expect(idsOf(again).filter((id) => idsOf(orders).includes(id))).toEqual([]);
  expect(refusalOf(again, create('orders'))).toBe('TOPIC_EXISTS');
});

test('a replica is made for the directory that the broker has now (rule 6)', () => {
  for (const { broker: id, directoryId } of recordOf(orders).replicas) {
    expect(directoryId).toBe(`d${id}`);
  }
  expect(lostReplicas(orders)).toEqual([]);
});

test('replicas of a directory that was replaced stay assigned and are known as lost (rule 6)', () => {
  const wiped = after(live(orders, broker(1, { directoryId: 'new' }), broker(2), broker(3)), look);
  expect(wiped.topicNodes).toEqual(orders.topicNodes);
  const lost = lostReplicas(wiped);
  expect(lost.map(({ topic, partition, broker: id }) => [topic, partition, id])).toEqual([
    ['orders', 0, 1],
    ['orders', 1, 1],
  ]);
  // Also while the broker is away: the registry remembers.
  expect(lostReplicas(live(wiped))).toEqual(lost);
});

describe('a claim of leadership', () => {
  const topicId = findTopic(orders, 'orders')?.record.topicId ?? '';
  const claim = (given: Partial<LeaderClaim> = {}): LeaderClaim => ({
    ...{ topicId, partition: 0, generation: 1, epoch: 5, broker: 2, incarnation: 3 },
    ...given,
  });
  const claims = (...all: LeaderClaim[]): Event => ({ kind: 'leaders-claimed', claims: all });

  test('is recorded with its incarnation, and changes nothing else (rule 35)', () => {
    const record = recordOf(after(orders, claims(claim())));
    expect(record).toEqual({
      ...recordOf(orders),
      ...{ leader: { broker: 2, incarnation: 3 }, epoch: 5 },
    });
  });

  test('of the same epoch, or an older one, does not count (rule 2)', () => {
    const led = after(orders, claims(claim()));
    expect(reconcile(led, claims(claim({ broker: 1 })), input)).toEqual([]);
    expect(reconcile(led, claims(claim({ broker: 1, epoch: 4 })), input)).toEqual([]);
  });

  test('of another generation does not count, however large its epoch (rule 2)', () => {
    expect(reconcile(orders, claims(claim({ generation: 0, epoch: 99 })), input)).toEqual([]);
    expect(reconcile(orders, claims(claim({ generation: 2, epoch: 99 })), input)).toEqual([]);
  });

  test('does not count in mode fetch (rule 2)', () => {
    const fetching = partitionRecordCodec.encode({ ...recordOf(orders), mode: 'fetch' });
    const path = paths.partition('orders', 0);
    const view = applyWrite(orders, [{ kind: 'set', path, data: fetching, version: 0 }]);
    expect(reconcile(view, claims(claim({ epoch: 99 })), input)).toEqual([]);
  });

  test('by a broker without a replica does not count', () => {
    expect(reconcile(orders, claims(claim({ broker: 9 })), input)).toEqual([]);
  });

  test('of a topic that was deleted, or created again, does not count', () => {
    const again = after(after(orders, remove('orders')), create('orders'));
    expect(reconcile(again, claims(claim()), input)).toEqual([]);
  });

  test('is one of two in the same call: the newer one counts, in any order', () => {
    const older = claim({ broker: 1, epoch: 8 });
    const newer = claim({ broker: 3, epoch: 9 });
    for (const both of [claims(older, newer), claims(newer, older)]) {
      expect(recordOf(after(orders, both)).leader?.broker).toBe(3);
    }
  });
});

test('settings that are taken back vanish, others stay, unknown ones are refused', () => {
  const view = after(three, create('t', { config: { flush: 'os', 'segment.ms': '1h' } }));
  const alter = (config: Record<string, string>): Event => ({
    kind: 'alter-topic',
    name: 't',
    config,
  });
  const altered = after(view, alter({ flush: '' }));
  expect(findTopic(altered, 't')?.record.config).toEqual({ 'segment.ms': '1h' });
  expect(reconcile(altered, alter({ flush: '' }), input)).toEqual([]);
  expect(refusalOf(view, alter({ flsh: '' }))).toBe('INVALID_TOPIC');
  expect(refusalOf(view, alter({ flush: 'never' }))).toBe('INVALID_TOPIC');
  expect(refusalOf(view, { kind: 'alter-topic', name: 'x', config: {} })).toBe('UNKNOWN_TOPIC');
});

test('a topic in mode fetch begins with all replicas in sync, led by the preferred one', () => {
  const restarted = live(three, broker(1, { incarnation: 4 }), broker(2), broker(3));
  const view = after(restarted, create('orders', { mode: 'fetch', partitions: 3 }));
  for (const partition of [0, 1, 2]) {
    const record = recordOf(view, partition);
    const [{ broker: preferred }] = record.replicas;
    const incarnation = preferred === 1 ? 4 : 1;
    expect(record).toMatchObject({
      ...{ mode: 'fetch', generation: 1, epoch: 1, voters: [], elr: [], lossEpoch: 0 },
      leader: { broker: preferred, incarnation },
      isr: record.replicas.map(({ replicaId }) => replicaId),
    });
  }
});

test('no broker, no topic', () => {
  expect(refusalOf(empty, create('t', { replicationFactor: 0 }))).toBe('NOT_ENOUGH_BROKERS');
});

test('new topics go to where less is', () => {
  const four = after(live(orders, broker(1), broker(2), broker(3), broker(4)), look);
  const view = after(four, create('second', { partitions: 2 }));
  const second = findTopic(view, 'second');
  const held =
    second === undefined ? [] : partitionsOf(second).flatMap(([, record]) => record.replicas);
  expect(held.filter(({ broker: id }) => id === 4)).toHaveLength(2);
});

test('the view after a write is what reading again would give', () => {
  const data = topicRecordCodec.encode({
    topicId: 'x',
    partitions: 0,
    replicationFactor: 1,
    config: {},
  });
  const path = paths.topic('t');
  const created = applyWrite(empty, [{ kind: 'create', path, data }]);
  expect(created.topicNodes.get('t')).toMatchObject({ version: 0, record: { topicId: 'x' } });
  const set = applyWrite(created, [{ kind: 'set', path, data: Buffer.alloc(0), version: 0 }]);
  expect(set.topicNodes.get('t')).toMatchObject({ version: 1, record: undefined });
  expect(applyWrite(set, [{ kind: 'delete', path, version: 1 }]).topicNodes.size).toBe(0);
  expect(created.topicNodes.get('t')?.version).toBe(0);
});
