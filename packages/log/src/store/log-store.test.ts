import { SeededRandom } from '@zhumq/base';
import { isError } from '@zhumq/model';
import { CONFIG, StoreWorld, identityOf, settle } from './store-world.test-support.js';

test('what was notified durable is there after a power loss, and nothing else that was never written', async () => {
  const world = new StoreWorld();
  await world.open();
  const notes = world.create(0);
  notes.append('one,');
  notes.vote(7);
  notes.append('two,');
  await settle();
  expect(notes.durable.at(-1)).toBe(3);
  world.crash(1);
  await world.open();
  expect(world.notes(0).content()).toBe('one,two,');
  expect(world.notes(0).hardState?.term).toBe(7);
  expect(world.notes(0).sequence).toBe(3);
});

test('a replica is told once per sync, with the largest sequence', async () => {
  const world = new StoreWorld();
  await world.open();
  const notes = world.create(0);
  for (let number = 0; number < 5; number++) notes.append(`${number}`);
  await settle();
  expect(notes.durable).toEqual([5]);
});

test('the lock keeps a second store out and names the process', async () => {
  const world = new StoreWorld();
  await world.open();
  const refused = await world.open().catch((error: unknown) => error);
  expect(isError(refused, 'DATA_DIRECTORY_LOCKED')).toBe(true);
});

test('a lock that a killed process left is no obstacle, and the incarnation grows with each start', async () => {
  const world = new StoreWorld();
  const first = world.clock.wallMs();
  const incarnations: number[] = [];
  for (let start = 0; start < 3; start++) {
    incarnations.push((await world.open()).incarnation);
    world.fileSystem.kill();
  }
  expect(incarnations).toEqual([first, first + 1, first + 2]);
});

test('a directory of another broker or cluster is refused', async () => {
  const world = new StoreWorld();
  const store = await world.open();
  await store.adoptCluster('c1');
  await expect(store.adoptCluster('c2')).rejects.toMatchObject({ code: 'DATA_DIRECTORY_MISMATCH' });
  await store.close();
  await expect(world.open({ brokerId: 2 })).rejects.toMatchObject({
    code: 'DATA_DIRECTORY_MISMATCH',
  });
  await expect(world.open({ clusterId: 'c2' })).rejects.toMatchObject({
    code: 'DATA_DIRECTORY_MISMATCH',
  });
  expect((await world.open({ clusterId: 'c1' })).clusterId).toBe('c1');
});

test('changes of the identity that overlap are all kept', async () => {
  const world = new StoreWorld();
  await world.open();
  world.crash(1);
  const store = await world.open();
  await Promise.all([store.adoptCluster('c1'), store.settleUncleanStart()]);
  world.fileSystem.kill();
  const incarnation = world.clock.wallMs() + 2;
  expect(await world.open()).toMatchObject({ clusterId: 'c1', cleanStart: true, incarnation });
});

test('a new data directory begins a later life than the one that it takes the place of', async () => {
  const old = new StoreWorld();
  await old.open();
  old.fileSystem.kill();
  const { incarnation } = await old.open();
  const wiped = new StoreWorld();
  wiped.clock.jumpWall(60_000);
  expect((await wiped.open()).incarnation).toBeGreaterThan(incarnation);
});

test('a data directory whose meta is gone but whose replicas are there is refused', async () => {
  const world = new StoreWorld();
  await world.open();
  world.create(0).append('x');
  await world.store.close();
  world.fileSystem.unlinkSync('/data/meta');
  await expect(world.open()).rejects.toMatchObject({ code: 'DATA_CORRUPT' });
});

test('a rotten meta is refused, whichever bit it is', async () => {
  const world = new StoreWorld();
  await (await world.open()).close();
  const { length } = world.fileSystem.contentOf('/data/meta');
  for (let position = 0; position < length; position++) {
    world.fileSystem.flipBit('/data/meta', position, position % 8);
    await expect(world.open()).rejects.toMatchObject({ code: 'DATA_CORRUPT' });
    world.fileSystem.flipBit('/data/meta', position, position % 8);
  }
});

describe('clean and unclean starts', () => {
  test('a clean stop, or the same boot, is clean', async () => {
    const world = new StoreWorld();
    await (await world.open()).close();
    world.bootId = 'boot-2';
    expect((await world.open()).cleanStart).toBe(true);
    world.fileSystem.kill();
    expect((await world.open()).cleanStart).toBe(true);
  });

  test('a power loss is unclean, over further restarts on the same boot, until it is settled', async () => {
    const world = new StoreWorld();
    await world.open();
    world.crash(3);
    expect((await world.open()).cleanStart).toBe(false);
    world.fileSystem.kill();
    expect((await world.open()).cleanStart).toBe(false);
    await world.store.close();
    expect((await world.open()).cleanStart).toBe(false);
    await world.store.settleUncleanStart();
    expect(world.store.cleanStart).toBe(true);
    world.fileSystem.kill();
    expect((await world.open()).cleanStart).toBe(true);
  });
});

describe('replicas come and go', () => {
  test('rule 6: an id that was deleted is never made again, also not after checkpoints and restarts', async () => {
    const world = new StoreWorld();
    await world.open();
    world.create(0).append('gone');
    await settle();
    await world.store.deleteReplica(identityOf(0).replicaId);
    for (let start = 0; start < 2; start++) {
      expect(() => world.create(0)).toThrow(/taken out of service/);
      await world.store.checkpoint();
      world.crash(start);
      await world.open();
    }
    expect(world.store.replicas()).toEqual([]);
    expect(world.fileSystem.listSync('/data/partitions')).toEqual([]);
    expect(world.fileSystem.listSync('/data/deleted')).toEqual([]);
  });

  test('an id that exists is refused', async () => {
    const world = new StoreWorld();
    await world.open();
    world.create(0);
    expect(() => world.create(0)).toThrow(/exists already/);
  });

  test('an id whose folder could not be made is not spent', async () => {
    const world = new StoreWorld();
    await world.open();
    world.fileSystem.fault = ({ path }) =>
      path.endsWith('notes') ? { kind: 'error', code: 'ENOSPC' } : undefined;
    expect(() => world.create(0)).toThrow(/could not be made/);
    world.fileSystem.fault = undefined;
    world.create(0).append('x');
    await settle();
    world.crash(1);
    await world.open();
    expect(world.notes(0).content()).toBe('x');
  });

  test('a topic whose name leads out of the directory is refused', async () => {
    const world = new StoreWorld();
    await world.open();
    for (const topic of ['../x', '', 'a/b', 'a\0']) {
      expect(() => world.store.createReplica(identityOf(0, topic), CONFIG)).toThrow();
    }
  });

  test('rule 23: a folder that the log does not know is set aside, not deleted', async () => {
    const world = new StoreWorld();
    await world.open();
    await world.store.close();
    const stray = '/data/partitions/orders-9.0000000a';
    world.fileSystem.makeDirectorySync(stray);
    world.fileSystem.openSync(`${stray}/notes`, 'create').writeSync([Buffer.from('precious')], 0);
    await world.open();
    expect(world.store.quarantinedAtStart).toHaveLength(1);
    expect(world.fileSystem.contentOf('/data/quarantine/orders-9.0000000a/notes').toString()).toBe(
      'precious',
    );
  });

  test('quarantine keeps the files and retires the id', async () => {
    const world = new StoreWorld();
    await world.open();
    world.create(0).append('look at me');
    await settle();
    const path = await world.store.quarantine(identityOf(0).replicaId, 'a test');
    expect(world.fileSystem.contentOf(`${path}/notes`).toString()).toBe('look at me');
    expect(world.fileSystem.contentOf(`${path}/reason`).toString()).toBe('a test\n');
    expect(world.store.isRetired(identityOf(0).replicaId)).toBe(true);
  });

  test('retired ids are forgotten when nothing refers to them any more, also over restarts', async () => {
    const world = new StoreWorld();
    await world.open();
    for (const number of [0, 1, 2]) world.create(number).append('x');
    await settle();
    const [deleted, named, aside] = [0, 1, 2].map((number) => identityOf(number).replicaId);
    for (const id of [deleted, named]) await world.store.deleteReplica(id);
    const path = await world.store.quarantine(aside, 'a test');
    const retired = (): boolean[] => [deleted, named, aside].map((id) => world.store.isRetired(id));
    expect(retired()).toEqual([true, true, true]);
    world.store.forgetRetired(new Set([named]));
    expect(retired()).toEqual([false, true, true]);
    await world.store.checkpoint();
    world.crash(1);
    await world.open();
    expect(retired()).toEqual([false, true, true]);
    for (const file of world.fileSystem.files())
      if (file.startsWith(`${path}/`)) world.fileSystem.unlinkSync(file);
    world.fileSystem.removeDirectorySync(path ?? '');
    world.store.forgetRetired(new Set());
    expect(retired()).toEqual([false, false, false]);
  });

  test('a checkpoint in the course of a deletion takes no replica out of service', async () => {
    const failures: string[] = [];
    for (let turns = 0; turns < 40; turns++) {
      const world = new StoreWorld();
      world.metrics = { replicaFailed: () => failures.push(`after ${turns} turns`) };
      await world.open();
      for (let number = 0; number < 4; number++) world.create(number).append('x');
      await settle();
      world.fileSystem.device = () => settle(1);
      const checkpoint = world.store.checkpoint();
      await settle(turns);
      await Promise.all([world.store.deleteReplica(identityOf(3).replicaId), checkpoint]);
      expect(world.fatal).toEqual([]);
    }
    expect(failures).toEqual([]);
  });

  test('a deletion that a crash interrupts leaves the replica whole or gone', async () => {
    for (let at = 0; at < 60; at++) {
      const world = new StoreWorld();
      await world.open();
      world.create(0).append('x');
      await settle();
      const from = world.fileSystem.operationCount;
      world.fileSystem.fault = (_, index) => (index === from + at ? { kind: 'crash' } : undefined);
      const deleted = await world.store.deleteReplica(identityOf(0).replicaId).then(
        () => true,
        () => false,
      );
      await settle(3);
      world.crash(at);
      await world.open();
      const { replicaId } = identityOf(0);
      const there = world.store.replica(replicaId) !== undefined;
      expect(there && deleted).toBe(false);
      expect(there).toBe(!world.store.isRetired(replicaId));
      if (there) expect(world.notes(0).content()).toBe('x');
    }
  });
});

test('the reserve of free space makes the disk full before it is', async () => {
  const world = new StoreWorld();
  await world.open();
  expect(world.store.diskFull).toBe(false);
  world.fileSystem.freeSpace = 999;
  world.clock.advance(1000);
  await settle(2);
  expect(world.store.diskFull).toBe(true);
  expect(world.store.freeBytes).toBe(999);
});

test('close makes everything durable, whatever its flush policy', async () => {
  const world = new StoreWorld();
  await world.open();
  const notes = world.create(0);
  await settle();
  notes.append('direct', true);
  await world.store.close();
  world.fileSystem.crash(new SeededRandom(5));
  await world.open();
  expect(world.notes(0).content()).toBe('direct');
});
