import type { Operation } from '../file-system/faulty-file-system.js';
import { StoreWorld, identityOf, settle } from './store-world.test-support.js';

/** One write-ahead file is enough here: the preparation of the next one would mix with what is counted. */
const LARGE = { walFileBytes: 1 << 20 };

/** Says for each notification whether the frame's bytes were synced before, by the record of the file system. */
async function notificationsWithoutSync(world: StoreWorld): Promise<number> {
  await world.open(LARGE);
  const notes = world.create(0);
  await settle();
  const { operations } = world.fileSystem;
  let unsynced = 0;
  notes.onDurable = () => {
    // The frame was written by the last write to the log before the notification at the latest.
    const writes = lastIndex(operations, 'write');
    const syncs = lastIndex(operations, 'synced');
    const begun = operations.slice(0, syncs).findLastIndex(({ kind }) => kind === 'sync');
    if (syncs < writes || begun < writes) unsynced++;
  };
  for (let round = 0; round < 5; round++) {
    notes.append(`round ${round}`);
    await settle(4);
  }
  expect(notes.durable.at(-1)).toBe(5);
  return unsynced;
}

function lastIndex(operations: readonly Operation[], kind: Operation['kind']): number {
  return operations.findLastIndex((one) => one.kind === kind && one.path.endsWith('.wal'));
}

test('L2: every notification comes after the sync of its frame', async () => {
  expect(await notificationsWithoutSync(new StoreWorld())).toBe(0);
});

test('a disk whose sync does nothing is noticed by that test (mutant)', async () => {
  const world = new StoreWorld();
  const { fileSystem } = world;
  const openSync = fileSystem.openSync.bind(fileSystem);
  fileSystem.openSync = (path, mode) => {
    const handle = openSync(path, mode);
    handle.sync = () => Promise.resolve();
    return handle;
  };
  expect(await notificationsWithoutSync(world)).toBe(5);
});

test('frames of all replicas of a turn go out in one write, before the segments, with one sync', async () => {
  const world = new StoreWorld();
  await world.open(LARGE);
  const replicas = Array.from({ length: 20 }, (_, number) => world.create(number));
  await settle();
  const { operations } = world.fileSystem;
  operations.length = 0;
  for (const notes of replicas) {
    notes.append('a');
    notes.append('b');
  }
  await settle();
  expect(operations.filter(({ kind }) => kind === 'write')[0].path).toMatch(/wal$/);
  expect(
    operations.filter(({ kind, path }) => kind === 'write' && path.endsWith('wal')),
  ).toHaveLength(1);
  expect(operations.filter(({ kind }) => kind === 'sync')).toHaveLength(1);
  for (const notes of replicas) expect(notes.durable.at(-1)).toBe(2);
});

test('a replica that writes nothing costs nothing', async () => {
  const world = new StoreWorld();
  await world.open(LARGE);
  const [busy, idle] = [world.create(0), world.create(1)];
  await settle();
  const asked = jest.spyOn(idle, 'writeSegments');
  busy.append('x');
  await settle();
  expect(asked).not.toHaveBeenCalled();
});

test('what is written while a sync runs waits for the next one', async () => {
  const world = new StoreWorld();
  await world.open(LARGE);
  const notes = world.create(0);
  await settle();
  const path = world.walFiles()[0];
  const { operations } = world.fileSystem;
  operations.length = 0;
  notes.append('first');
  world.fileSystem.fault = (operation) => {
    // In the same moment in which the first sync begins, another write is gathered and written.
    if (operation.kind === 'sync' && operation.path === path && notes.sequence === 1) {
      notes.append('second');
    }
    return undefined;
  };
  await settle();
  expect(notes.durable).toEqual([0, 1, 2].slice(-notes.durable.length));
  expect(operations.filter(({ kind }) => kind === 'sync')).toHaveLength(2);
});

test('direct appends count when they are written, without a sync of the log', async () => {
  const world = new StoreWorld();
  await world.open(LARGE);
  const notes = world.create(0);
  await settle();
  world.fileSystem.operations.length = 0;
  notes.append('direct', true);
  await settle();
  expect(notes.durable.at(-1)).toBe(1);
  expect(world.fileSystem.operations.map(({ kind }) => kind)).toEqual(['write', 'write']);
});

test('rule 8: a direct append behind a frame that must be synced waits for it', async () => {
  const world = new StoreWorld();
  await world.open(LARGE);
  const notes = world.create(0);
  await settle();
  let synced = 0;
  notes.onDurable = () => {
    synced = world.fileSystem.operations.filter(({ kind }) => kind === 'synced').length;
  };
  const before = world.fileSystem.operations.filter(({ kind }) => kind === 'synced').length;
  notes.vote(3);
  notes.append('direct', true);
  await settle();
  expect(notes.durable.at(-1)).toBe(2);
  expect(synced).toBeGreaterThan(before);
});

test('nothing of a new replica counts before the frame that makes it is synced', async () => {
  const world = new StoreWorld();
  await world.open(LARGE);
  const notes = world.create(0);
  let synced = false;
  notes.onDurable = () => (synced = world.fileSystem.operations.at(-1)?.kind === 'synced');
  notes.append('direct', true);
  await settle();
  expect(synced).toBe(true);
  world.crash(8);
  await world.open(LARGE);
  expect(world.store.replica(identityOf(0).replicaId)).toBeDefined();
});

test('flush interval: segments and log are synced within the interval, once for all replicas', async () => {
  const world = new StoreWorld();
  await world.open(LARGE);
  const replicas = Array.from({ length: 5 }, (_, number) => world.create(number));
  await settle();
  for (const notes of replicas) {
    notes.append('soon', true);
    notes.syncWithin(500);
  }
  await settle();
  world.clock.advance(499);
  await settle();
  world.fileSystem.operations.length = 0;
  world.clock.advance(1);
  await settle(20);
  const synced = world.fileSystem.operations.filter(({ kind }) => kind === 'synced');
  expect(synced.filter(({ path }) => path.endsWith('notes'))).toHaveLength(5);
  expect(synced.filter(({ path }) => path.endsWith('wal'))).toHaveLength(1);
  world.crash(2);
  await world.open(LARGE);
  for (let number = 0; number < 5; number++) expect(world.notes(number).content()).toBe('soon');
});

test('pendingBytes rises with what is gathered and falls with the sync', async () => {
  const world = new StoreWorld();
  await world.open(LARGE);
  const notes = world.create(0);
  await settle();
  expect(world.store.pendingBytes).toBe(0);
  notes.append('x'.repeat(1000));
  expect(world.store.pendingBytes).toBeGreaterThan(1000);
  await settle();
  expect(world.store.pendingBytes).toBe(0);
});

describe('rule 7: a write-ahead log that fails ends the store', () => {
  test.each([
    ['EIO on its sync', 'sync', { kind: 'error', code: 'EIO' }],
    ['a sync that drops its pages once', 'sync', { kind: 'dropPages' }],
    ['ENOSPC on its write', 'write', { kind: 'error', code: 'ENOSPC' }],
  ] as const)('%s: nothing is acknowledged any more, by anyone', async (_, kind, fault) => {
    const world = new StoreWorld();
    await world.open(LARGE);
    const [one, other] = [world.create(0), world.create(1)];
    await settle();
    let failed = 0;
    world.fileSystem.fault = (operation) =>
      operation.kind === kind && operation.path.endsWith('.wal') && failed++ === 0
        ? fault
        : undefined;
    one.append('lost');
    await settle();
    expect(world.fatal).toHaveLength(1);
    expect(world.fatal[0]).toMatchObject({ code: 'DISK_FAILED' });
    const before = other.durable.length;
    // The disk is well again; that must not matter.
    other.append('too late');
    other.append('too late', true);
    await settle();
    expect(one.durable).not.toContain(1);
    expect(other.durable).toHaveLength(before);
    expect(world.fatal).toHaveLength(1);
    await expect(world.store.close()).rejects.toThrow();
    world.crash(1);
    await world.open(LARGE);
    expect(world.notes(1).content()).toBe('');
  });

  test('a write to a segment that fails takes that replica out of service, and only that', async () => {
    const world = new StoreWorld();
    await world.open(LARGE);
    const [bad, good] = [world.create(0), world.create(1)];
    await settle();
    world.fileSystem.fault = ({ kind, path }) =>
      kind === 'write' && path.includes('orders-0') ? { kind: 'error', code: 'ENOSPC' } : undefined;
    bad.append('lost');
    good.append('kept');
    await settle();
    expect(bad.failure).toMatchObject({ code: 'DISK_FAILED' });
    expect(bad.durable).not.toContain(1);
    expect(good.durable).toContain(1);
    expect(world.fatal).toEqual([]);
  });

  test('a checkpoint lets frames of a failed replica go only with a taint (rule 16)', async () => {
    const world = new StoreWorld();
    await world.open(LARGE);
    const bad = world.create(0);
    bad.vote(4);
    bad.append('acknowledged');
    await settle();
    world.fileSystem.fault = ({ kind, path }) =>
      kind === 'sync' && path.includes('orders-0') ? { kind: 'dropPages' } : undefined;
    await world.store.checkpoint();
    expect(bad.failure).toBeDefined();
    world.crash(1);
    await world.open(LARGE);
    expect(world.notes(0).hardState).toMatchObject({ term: 4, vote: 'me', tainted: true });
    const next = world.notes(0).vote(5);
    await settle();
    expect(world.notes(0).durable).toContain(next);
  });
});
