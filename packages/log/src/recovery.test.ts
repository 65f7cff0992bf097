// Store and partition log together: what a start makes of files that were cut or that rotted. Below the last position
// known to be on disk damage is a precise error; only above it is a tail cut, after the write-ahead log was replayed.
import { encodeBatch, readBatchHeader } from '@zhumq/model';
import type { FaultyFileSystem } from './file-system/faulty-file-system.js';
import { PartitionFactory } from './partition/partition-factory.js';
import type { Image } from './store/store-world.test-support.js';
import {
  CONFIG,
  StoreWorld,
  identityOf,
  restored,
  settle,
  snapshot,
} from './store/store-world.test-support.js';
import type { ReplicaLog } from './types.js';

const OPTIONS = { walFileBytes: 16 * 1024 };
const FOLDER = '/data/partitions/orders-0.00000001';
const SEGMENT = `${FOLDER}/00000000000000000000.log`;
const { replicaId } = identityOf(0);

const partitions = (fileSystem: FaultyFileSystem): PartitionFactory =>
  new PartitionFactory(fileSystem, { blockCacheBytes: 1 << 20, tailBytes: 1 << 20, openFiles: 32 });

function append(log: ReplicaLog, bytes: number): void {
  const records = [{ timestamp: 1000, key: null, value: Buffer.alloc(bytes, log.logEnd + 1) }];
  const batch = encodeBatch(records, {});
  log.appendAsLeader(batch, readBatchHeader(batch), 1);
}

/** A log of about 64 KiB; checkpointed, or only in the write-ahead log. */
async function written(how: 'closed' | 'killed'): Promise<{ image: Image; whole: Buffer }> {
  const world = new StoreWorld(partitions);
  const store = await world.open(OPTIONS);
  const log = store.createReplica(identityOf(0), CONFIG);
  log.saveHardState({
    generation: 1,
    term: 9,
    vote: 'me',
    closed: false,
    tainted: false,
    taintReason: '',
  });
  for (let number = 0; number < 60; number++) append(log, 1000 + number);
  await settle();
  expect(log.durableEnd).toBe(60);
  if (how === 'closed') await store.close();
  else world.fileSystem.kill();
  return { image: snapshot(world), whole: world.fileSystem.contentOf(SEGMENT) };
}

/** ZHUMQ_EXHAUSTIVE=1 tries every byte (minutes); otherwise samples, closer together in the last batch. */
const EXHAUSTIVE = process.env['ZHUMQ_EXHAUSTIVE'] === '1';
jest.setTimeout(EXHAUSTIVE ? 3_600_000 : 60_000);

function positions(bytes: number): number[] {
  const all: number[] = [];
  for (let at = Math.max(0, bytes - 64 * 1024); at < bytes;) {
    all.push(at);
    if (EXHAUSTIVE) at++;
    else at += at > bytes - 1200 ? 7 : 397;
  }
  return all;
}

interface Verdict {
  /** Everything that was durable can be read, bit by bit. */
  readonly whole: boolean;
  /** An error says what is not. */
  readonly told: boolean;
}

async function start(world: StoreWorld, expected: Buffer): Promise<Verdict> {
  // A turn of the event loop each time: without one the memory of earlier worlds is not given back.
  await new Promise((resolve) => setImmediate(resolve));
  const store = await world.open(OPTIONS);
  const log = store.replica(replicaId);
  if (log === undefined || log.damage !== undefined || store.corruption.length > 0) {
    if (log?.damage !== undefined) expect(log.damage.file).toMatch(/\.(log|wal)$/);
    await store.abort();
    return { whole: false, told: true };
  }
  const parts: Buffer[] = [];
  for (let at = log.logStart; at < log.logEnd;) {
    const slice = await log.read(at, log.logEnd, 1 << 20);
    parts.push(...slice.buffers);
    at = slice.endOffset;
  }
  const whole = Buffer.concat(parts).equals(expected) && log.hardState?.term === 9;
  await store.abort();
  return { whole, told: false };
}

test('a log that was checkpointed and then cut, at any byte of its last 64 KiB, is damaged: told, and nothing is cut', async () => {
  const { image, whole } = await written('closed');
  for (const at of positions(whole.length)) {
    const world = restored(image, partitions);
    world.fileSystem.replaceContent(SEGMENT, whole.subarray(0, at));
    expect({ at, ...(await start(world, whole)) }).toEqual({ at, whole: false, told: true });
    expect(world.fileSystem.contentOf(SEGMENT)).toHaveLength(at);
  }
});

test('a log that only the write-ahead log has, cut at any byte, is whole again', async () => {
  const { image, whole } = await written('killed');
  for (const at of positions(whole.length)) {
    const world = restored(image, partitions);
    world.fileSystem.replaceContent(SEGMENT, whole.subarray(0, at));
    expect({ at, ...(await start(world, whole)) }).toEqual({ at, whole: true, told: false });
  }
});

test('bytes behind the end are cut, even when they are a valid batch (rule 9)', async () => {
  for (const how of ['closed', 'killed'] as const) {
    const { image, whole } = await written(how);
    const ghost = encodeBatch([{ timestamp: 1000, key: null, value: Buffer.from('ghost') }], {});
    ghost.writeBigInt64BE(60n, 0);
    ghost.writeInt32BE(1, 12);
    const world = restored(image, partitions);
    world.fileSystem.replaceContent(SEGMENT, Buffer.concat([whole, ghost]));
    expect(await start(world, whole)).toEqual({ whole: true, told: false });
    expect(world.fileSystem.contentOf(SEGMENT)).toHaveLength(whole.length);
  }
});

test('a flipped bit anywhere in the segment is told', async () => {
  const { image, whole } = await written('closed');
  for (const at of positions(whole.length)) {
    const world = restored(image, partitions);
    world.fileSystem.flipBit(SEGMENT, at, at % 8);
    expect({ at, ...(await start(world, whole)) }).toEqual({ at, whole: false, told: true });
  }
});

test('rule 22: a flipped bit in the epoch of any batch is told, in the last one and before another epoch, too', async () => {
  const { image, whole } = await written('closed');
  const world = restored(image, partitions);
  const store = await world.open(OPTIONS);
  const log = store.replica(replicaId);
  for (const epoch of [5, 8]) {
    const batch = encodeBatch([{ timestamp: 1000, key: null, value: Buffer.from('x') }], {});
    log?.appendAsLeader(batch, readBatchHeader(batch), epoch);
  }
  await settle();
  await store.close();
  const closed = snapshot(world);
  const content = world.fileSystem.contentOf(SEGMENT);
  for (let at = 0; at < content.length; at += readBatchHeader(content, at).sizeBytes) {
    for (let bit = 0; bit < 31; bit++) {
      const rotten = restored(closed, partitions);
      rotten.fileSystem.flipBit(SEGMENT, at + 15 - (bit >> 3), bit & 7);
      const verdict = await start(rotten, content);
      expect({ at, bit, ...verdict }).toEqual({ at, bit, whole: false, told: true });
    }
  }
  expect(content.length).toBeGreaterThan(whole.length);
});

test('a flipped bit in any other file of a replica does no harm, or is told', async () => {
  const { image, whole } = await written('closed');
  for (const [path, content] of image) {
    if (!path.startsWith(FOLDER) || path === SEGMENT) continue;
    for (
      let at = 0;
      at < content.length;
      at += EXHAUSTIVE ? 1 : 1 + Math.floor(content.length / 40)
    ) {
      const world = restored(image, partitions);
      world.fileSystem.flipBit(path, at, at % 8);
      const verdict = await start(world, whole);
      expect({ path, at, safe: verdict.whole || verdict.told }).toEqual({ path, at, safe: true });
    }
  }
});

test('a flipped bit in the write-ahead log, below the last position known durable, is told or does no harm', async () => {
  const { image, whole } = await written('closed');
  for (const [path, content] of image) {
    if (!path.endsWith('.wal')) continue;
    for (let at = 0; at < content.length; at += EXHAUSTIVE ? 1 : 61) {
      const world = restored(image, partitions);
      world.fileSystem.flipBit(path, at, at % 8);
      const verdict = await start(world, whole);
      expect({ path, at, safe: verdict.whole || verdict.told }).toEqual({ path, at, safe: true });
    }
  }
});

test('rules 5 and 13: generation and hard state survive the recycling of the files that held them', async () => {
  const world = new StoreWorld(partitions);
  const options = { walFileBytes: 4096, checkpointBytes: 12_000 };
  const store = await world.open(options);
  const log = store.createReplica(identityOf(0), CONFIG);
  const busy = store.createReplica(identityOf(1), CONFIG);
  const generation = {
    generation: 3,
    mode: 'raft',
    epoch: 7,
    seal: { epoch: 6, offset: 41 },
    voters: [replicaId, 'ab'.repeat(16)],
  } as const;
  const hardState = {
    generation: 3,
    term: 8,
    vote: undefined,
    closed: true,
    tainted: false,
    taintReason: '',
  };
  log.saveGeneration(generation);
  log.saveHardState(hardState);
  for (let number = 0; number < 60; number++) {
    append(busy, 1000);
    await settle(4);
  }
  const [oldest] = world.fileSystem.files().filter((path) => path.endsWith('.wal'));
  expect(Number(/(\d+)\.wal$/.exec(oldest)?.[1])).toBeGreaterThan(2);
  world.crash(3);
  const again = (await world.open(options)).replica(replicaId);
  expect(again?.generation).toEqual(generation);
  expect(again?.hardState).toEqual(hardState);
});
