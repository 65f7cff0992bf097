// Bits that rot in the write-ahead log: above the last position known durable they look like a torn tail, below it they
// are never silent (rule 24).
import { isError } from '@zhumq/model';
import { fileSeal } from './wal-frame.js';
import { scanWalFile } from './wal-scan.js';
import type { Finding } from './wal-scan.js';
import {
  CONFIG,
  StoreWorld,
  identityOf,
  restored,
  settle,
  snapshot,
} from './store-world.test-support.js';

// Thousands of starts.
jest.setTimeout(60_000);

const REPLICAS = 2;
const LARGE = { walFileBytes: 8 * 1024 };

/** A log with a checkpoint and several syncs behind it, not closed. */
async function writtenWorld(rounds = 4): Promise<StoreWorld> {
  const world = new StoreWorld();
  await world.open(LARGE);
  for (let number = 0; number < REPLICAS; number++) world.create(number);
  await settle();
  for (let round = 0; round < rounds; round++) {
    for (let number = 0; number < REPLICAS; number++) {
      world.notes(number).append(`${round}.`);
      if (round === 1) world.notes(number).vote(5);
    }
    await settle(3);
  }
  return world;
}

function findings(world: StoreWorld, path: string): Finding[] {
  const seal = fileSeal(world.store.directoryId, Number(/(\d+)\.wal$/.exec(path)?.[1]));
  const file = world.fileSystem.openSync(path, 'read');
  return [...scanWalFile(file, seal)].filter(({ kind }) => kind === 'frame');
}

/** Opens a damaged copy and says which promises it keeps. */
async function verdict(world: StoreWorld): Promise<{ kept: boolean; told: boolean }> {
  const store = await world.open(LARGE);
  let kept = true;
  for (let number = 0; number < REPLICAS; number++) {
    const log = store.replica(identityOf(number).replicaId);
    if (log === undefined) {
      kept = false;
      continue;
    }
    const notes = world.notes(number);
    kept &&= notes.content() === '0.1.2.3.' && notes.hardState?.term === 5;
  }
  return { kept, told: store.corruption.length > 0 };
}

test('L6: a flipped bit anywhere is either without effect, or reported, or behind the last position known durable', async () => {
  const pristine = await writtenWorld();
  const [path] = pristine.walFiles();
  const frames = findings(pristine, path);
  const lastWrite = frames.findLast((found) => found.kind === 'frame' && found.header.kind === 1);
  const end = frames.at(-1);
  if (lastWrite === undefined || end?.kind !== 'frame') throw new Error('nothing was written');
  const bytes = end.offset + 44 + end.header.bodyLength;
  pristine.fileSystem.kill();
  const image = snapshot(pristine);
  let told = 0;
  for (let position = 0; position < bytes; position++) {
    const world = restored(image);
    world.fileSystem.flipBit(path, position, position % 8);
    const { kept, told: isTold } = await verdict(world);
    if (isTold) told++;
    // The last write says that everything before it is durable; about itself nobody says anything.
    if (position < lastWrite.offset) expect(kept || isTold).toBe(true);
    await world.store.abort();
  }
  expect(told).toBeGreaterThan(bytes / 4);
});

test('after a clean stop every bit of the log counts', async () => {
  const pristine = await writtenWorld();
  const { directoryId } = pristine.store;
  await pristine.store.close();
  const image = snapshot(pristine);
  for (const path of pristine.walFiles()) {
    const seal = fileSeal(directoryId, Number(/(\d+)\.wal$/.exec(path)?.[1]));
    const file = pristine.fileSystem.openSync(path, 'read');
    for (const found of scanWalFile(file, seal)) {
      if (found.kind !== 'frame' || found.header.kind === 1) continue;
      for (let byte = 0; byte < 44 + found.header.bodyLength; byte += 3) {
        const world = restored(image);
        world.fileSystem.flipBit(path, found.offset + byte, byte % 8);
        const { kept, told } = await verdict(world);
        expect(kept || told).toBe(true);
        await world.store.abort();
      }
    }
  }
});

test('rule 24: a rotten body costs one replica its identity, an unreadable header all of them', async () => {
  const pristine = await writtenWorld();
  const [path] = pristine.walFiles();
  const append = findings(pristine, path).find(
    (found) => found.kind === 'frame' && found.header.kind === 16,
  );
  if (append?.kind !== 'frame') throw new Error('nothing was appended');
  pristine.fileSystem.kill();
  const image = snapshot(pristine);
  for (const [byte, lost] of [
    [50, 1],
    [30, REPLICAS],
  ] as const) {
    const world = restored(image);
    world.fileSystem.flipBit(path, append.offset + byte, 0);
    const store = await world.open(LARGE);
    expect(store.lostReplicas()).toHaveLength(lost);
    expect(store.replicas()).toHaveLength(REPLICAS - lost);
    expect(isError(store.corruption[0], 'DATA_CORRUPT')).toBe(true);
    expect(store.corruption[0]).toMatchObject({ context: { file: path, position: append.offset } });
    expect(store.lostReplicas()[0].damage).toMatchObject({ file: path, position: append.offset });
    // Not only until the next start, although the log is whole again.
    for (let start = 0; start < 2; start++) {
      const again = await restart(world);
      expect(again.corruption).toEqual([]);
      expect(again.lostReplicas()).toHaveLength(lost);
      const { replicaId } = append.header;
      expect(again.isRetired(replicaId)).toBe(true);
      expect(again.replica(replicaId)).toBeUndefined();
    }
  }
});

test('a lost replica can be deleted, and its id stays retired', async () => {
  const world = await writtenWorld();
  const [path] = world.walFiles();
  const append = findings(world, path).find(
    (found) => found.kind === 'frame' && found.header.kind === 16,
  );
  world.fileSystem.kill();
  world.fileSystem.flipBit(path, (append?.offset ?? 0) + 50, 0);
  const store = await world.open(LARGE);
  const [{ log }] = store.lostReplicas();
  await store.deleteReplica(log.identity.replicaId);
  const again = await restart(world);
  expect(again.lostReplicas()).toEqual([]);
  expect(() => again.createReplica(log.identity, CONFIG)).toThrow(/taken out of service/);
});

test('rule 33: a write-ahead file that is gone is noticed', async () => {
  const world = new StoreWorld();
  const SMALL = { walFileBytes: 1024 };
  await world.open(SMALL);
  const notes = world.create(0);
  for (let round = 0; round < 20; round++) {
    notes.append('x'.repeat(200));
    await settle(4);
  }
  const files = world.walFiles();
  expect(files.length).toBeGreaterThan(4);
  world.fileSystem.kill();
  world.fileSystem.unlinkSync(files[2]);
  const store = await world.open(SMALL);
  expect(store.corruption).toHaveLength(1);
  expect(store.lostReplicas()).toHaveLength(1);
});

test('rule 6: without any checkpoint the directory becomes a new one, and what it held is set aside', async () => {
  const world = await writtenWorld();
  const before = world.store.directoryId;
  world.fileSystem.kill();
  for (const path of world.walFiles()) world.fileSystem.replaceContent(path, Buffer.alloc(100));
  const store = await world.open(LARGE);
  expect(store.directoryId).not.toBe(before);
  expect(store.replicas()).toEqual([]);
  expect(store.quarantinedAtStart).toHaveLength(REPLICAS);
  expect(store.isRetired(identityOf(0).replicaId)).toBe(true);
});

describe('rules 5 and 9: files that are used again', () => {
  test('hard states survive the recycling of every file that held their frames', async () => {
    const world = new StoreWorld();
    const SMALL = { walFileBytes: 1024, checkpointBytes: 3000 };
    await world.open(SMALL);
    const [voter, writer] = [world.create(0), world.create(1)];
    voter.vote(8);
    for (let round = 0; round < 60; round++) {
      writer.append('x'.repeat(200));
      await settle(4);
    }
    expect(world.walFiles().length).toBeLessThan(10);
    expect(Number(/(\d+)\.wal$/.exec(world.walFiles()[0])?.[1])).toBeGreaterThan(5);
    world.crash(1);
    await world.open(SMALL);
    expect(world.notes(0).hardState?.term).toBe(8);
    expect(world.notes(1).content()).toHaveLength(60 * 200);
  });

  test('frames of an earlier life of a file are never taken for frames', async () => {
    const world = new StoreWorld();
    const SMALL = { walFileBytes: 2048, checkpointBytes: 4000 };
    await world.open(SMALL);
    const notes = world.create(0);
    // Frames of equal size, so that old ones stand exactly where the next ones would.
    for (let round = 0; round < 40; round++) {
      notes.append(String(round).padStart(100, '.'));
      await settle(4);
    }
    const { content, sequence } = { content: notes.content(), sequence: notes.sequence };
    const stale = world.walFiles().at(-1);
    if (stale === undefined) throw new Error('no file');
    world.fileSystem.kill();
    await world.open(SMALL);
    expect(world.notes(0).content()).toBe(content);
    expect(world.notes(0).sequence).toBe(sequence);
    expect(world.store.corruption).toEqual([]);
  });
});

test('recovery is idempotent: any number of starts find the same', async () => {
  const world = await writtenWorld();
  world.crash(4);
  await world.open(LARGE);
  const content = world.notes(0).content();
  for (let start = 0; start < 3; start++) {
    world.crash(start);
    await world.open(LARGE);
    expect(world.notes(0).content()).toBe(content);
    expect(world.notes(0).hardState?.term).toBe(5);
  }
});

async function restart(world: StoreWorld): Promise<StoreWorld['store']> {
  world.fileSystem.kill();
  return world.open(LARGE);
}
