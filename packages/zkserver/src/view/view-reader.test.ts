import { SystemClock } from '@zhumq/base';
import { EmbeddedStore, createPersistentParents, paths } from '@zhumq/metadata';
import type { MetadataStore } from '@zhumq/metadata';
import { clusterIdentityCodec, isError, topicRecordCodec } from '@zhumq/model';
import { ViewReader } from './view-reader.js';

let embedded: EmbeddedStore;
let store: MetadataStore;
let reader: ViewReader;

beforeEach(async () => {
  embedded = new EmbeddedStore({ clock: new SystemClock() });
  store = embedded.connect();
  reader = new ViewReader(store, { members: () => undefined, topics: undefined });
  await createPersistentParents(store);
  await store.create(paths.clusterId, clusterIdentityCodec.encode({ clusterId: 'c' }));
});
afterEach(() => embedded.close());

const damage = async (): Promise<boolean> =>
  reader.readAll().then(
    () => false,
    (error: unknown) => isError(error, 'DATA_CORRUPT'),
  );

const topic = (partitions: number): Buffer =>
  topicRecordCodec.encode({ topicId: 't', partitions, replicationFactor: 1, config: {} });

test('an empty cluster is a view', async () => {
  const view = await reader.readAll();
  expect(view.clusterId).toBe('c');
  expect(view.topicNodes.size).toBe(0);
});

test('a node that can not be decoded makes no view, because brokers set aside what a view does not name', async () => {
  await store.create(paths.topic('t'), Buffer.from('not a topic'));
  expect(await damage()).toBe(true);
});

test('a topic without one of its partitions makes no view', async () => {
  await store.create(paths.topic('t'), topic(1));
  expect(await damage()).toBe(true);
});

test('a store without the cluster id makes no view', async () => {
  await store.delete(paths.clusterId, 0);
  expect(await damage()).toBe(true);
});

test('a node without payload is a leftover, not a topic', async () => {
  await store.create(paths.topic('t'), Buffer.alloc(0));
  const view = await reader.readAll();
  expect(view.topicNodes.get('t')).toMatchObject({ record: undefined, hasPartitionsParent: false });
});
