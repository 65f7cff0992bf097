// Losing the active zkserver: by a stop, by its session, and at each write of a creation and a deletion.
import { isError } from '@zhumq/model';
import { InterruptedStore, withoutWatches } from './testing/interrupted-store.js';
import type { Interruption } from './testing/interrupted-store.js';
import {
  TestCluster,
  findTopic,
  pathsBelow,
  topicRequest,
  until,
  untilBrokers,
} from './testing/test-cluster.js';
import type { RunningZkServer } from './testing/test-cluster.js';

let cluster: TestCluster;
beforeEach(() => (cluster = new TestCluster()));
afterEach(() => cluster.stop());

async function startTwo() {
  const first = await cluster.startZkServer(1);
  await until(() => first.server.isActive);
  const second = await cluster.startZkServer(2);
  const brokers = await cluster.startBrokers(3);
  await untilBrokers(first.client, 3);
  await untilBrokers(second.client, 3);
  return { first, second, brokers };
}

const expire = ({ store }: RunningZkServer): void =>
  cluster.embedded.expireSession(store.session.token);

test('when the active zkserver stops, the other one takes over at once with a larger epoch', async () => {
  const { first, second, brokers } = await startTwo();
  const topic = await first.client.createTopic(topicRequest('orders'));
  await first.server.stop();
  // Far below the session timeout of 6 s.
  await until(() => second.server.isActive, 1000);
  await until(() => brokers.every((broker) => broker.last?.controllerEpoch === 2));
  expect(brokers[0].assigned).toEqual(['orders-0', 'orders-1']);
  expect(await findTopic(second.client, 'orders')).toEqual(topic);
  await second.client.createTopic(topicRequest('more'));
  const metadata = await second.client.metadata({});
  expect(metadata).toMatchObject({ controller: 2, controllerEpoch: 2 });
});

test('a zkserver that lost its session acts no more and comes back as a standby', async () => {
  const { first, second } = await startTwo();
  expire(first);
  const epoch = async () => (await second.client.metadata({ topics: [] })).controllerEpoch;
  await until(async () => (await epoch()) === 2);
  await until(() => second.server.isActive !== first.server.isActive);
  const [active, standby] = second.server.isActive ? [second, first] : [first, second];
  await active.client.createTopic(topicRequest('orders'));
  await until(async () => (await findTopic(standby.client, 'orders')) !== undefined);
});

test('a watch that never fires delays until the next look, and no longer', async () => {
  const { client, server } = await cluster.startZkServer(
    1,
    { 'reconcile.interval': '200ms' },
    withoutWatches,
  );
  await until(() => server.isActive);
  const [broker] = await cluster.startBrokers(3);
  await untilBrokers(client, 3);
  await client.createTopic(topicRequest('orders'));
  await until(() => broker.assigned.length === 2);
});

test('a write of an older controller fails after a new election (rule 33)', async () => {
  // The zombie does not notice the loss of its role: what it hears of its session is held back.
  const store = new InterruptedStore();
  const zombie = await cluster.startZkServer(1, {}, (inner) => store.around(inner));
  await until(() => zombie.server.isActive);
  const successor = await cluster.startZkServer(2);
  await cluster.startBrokers(3);
  await untilBrokers(zombie.client, 3);
  await untilBrokers(successor.client, 3);
  // Somebody takes the role away: as if the zombie had slept longer than its session.
  store.pauseWrites();
  const creation = zombie.client
    .createTopic(topicRequest('orders'))
    .catch((error: unknown) => error);
  await until(() => store.waiting > 0);
  await store.depose(successor.store);
  await until(() => successor.server.isActive);
  store.resumeWrites();
  expect(isError(await creation, 'NOT_CONTROLLER')).toBe(true);
  expect(await pathsBelow(successor.client, '/topics')).toEqual(['/topics']);
  expect(zombie.server.isActive).toBe(false);
});

const interruptions: Interruption[] = ['before', 'after'];
const cases = interruptions.flatMap((when) => [0, 1, 2, 3].map((write) => [when, write] as const));

test.each(cases)(
  'a creation that is cut off %s write %i is completed or leaves nothing',
  async (when, write) => {
    const { store, first, second } = await startInterruptible();
    store.interrupt(when, write, () => expire(first));
    // 1,200 partitions: the node, three multis of partitions, the payload.
    const request = topicRequest('large', { partitions: 1200 });
    await first.client.createTopic(request).catch(() => undefined);
    expect(store.interrupted).toBe(true);
    await isWhole(second);
    const exists = (await findTopic(second.client, 'large')) !== undefined;
    expect(exists).toBe(false);
    // And the name can be used.
    const topic = await second.client.createTopic(request);
    expect(topic.partitions).toHaveLength(1200);
  },
);

test.each(interruptions)(
  'a creation that is cut off %s its last write is there or not, as a whole',
  async (when) => {
    const { store, first, second } = await startInterruptible();
    store.interrupt(when, 4, () => expire(first));
    await first.client
      .createTopic(topicRequest('large', { partitions: 1200 }))
      .catch(() => undefined);
    await isWhole(second);
    const topic = await findTopic(second.client, 'large');
    expect(topic?.partitions.length).toBe(when === 'after' ? 1200 : undefined);
  },
);

test.each(cases)(
  'a deletion that is cut off %s write %i is completed or undone',
  async (when, write) => {
    const { store, first, second, brokers } = await startInterruptible();
    await first.client.createTopic(topicRequest('large', { partitions: 1200 }));
    await until(() => brokers.every((broker) => broker.assigned.length === 1200));
    store.interrupt(when, write, () => expire(first));
    await first.client.deleteTopic('large', false).catch(() => undefined);
    await isWhole(second);
    const isUndone = when === 'before' && write === 0;
    expect((await findTopic(second.client, 'large')) !== undefined).toBe(isUndone);
    await until(async () => (await pathsBelow(second.client, '/admin/deletions')).length === 1);
    const told = brokers.map((broker) =>
      broker.received.some((state) => state.tombstones.length > 0),
    );
    expect(told).toEqual([!isUndone, !isUndone, !isUndone]);
  },
);

test('a write that was done but not answered is found in the store (rule 33)', async () => {
  const { store, first } = await startInterruptible();
  store.interrupt('after', 0, () => undefined);
  const topic = await first.client.createTopic(topicRequest('orders'));
  expect(store.interrupted).toBe(true);
  expect(await findTopic(first.client, 'orders')).toEqual(topic);
});

test('a write that was not done and not answered is refused, and the next request works', async () => {
  const { store, first } = await startInterruptible();
  store.interrupt('before', 0, () => undefined);
  const error: unknown = await first.client
    .createTopic(topicRequest('orders'))
    .catch((e: unknown) => e);
  expect(isError(error, 'STORE_UNAVAILABLE')).toBe(true);
  await first.client.createTopic(topicRequest('orders'));
});

async function startInterruptible() {
  const store = new InterruptedStore();
  const first = await cluster.startZkServer(1, {}, (inner) => store.around(inner));
  await until(() => first.server.isActive);
  const second = await cluster.startZkServer(2);
  const brokers = await cluster.startBrokers(3);
  await untilBrokers(first.client, 3);
  await untilBrokers(second.client, 3);
  await until(async () => (await pathsBelow(first.client, '/brokers/registry')).length === 4);
  return { store, first, second, brokers };
}

/** The other one is active, and no half of a topic is left. */
async function isWhole({ server, client }: RunningZkServer): Promise<void> {
  await until(() => server.isActive);
  await until(async () => {
    const nodes = await client.dumpStore('/topics');
    const topics = nodes.filter(({ path }) => /^\/topics\/[^/]+$/.test(path));
    return topics.every(({ json }) => json !== 'null');
  });
}
