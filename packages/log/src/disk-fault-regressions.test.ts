// What the enumeration of disk faults (packages/testkit/src/disk-faults) found in the log, each in its smallest form.
import { encodeBatch, readBatchHeader } from '@zhumq/model';
import type { FaultyFileSystem } from './file-system/faulty-file-system.js';
import { verifyPartition } from './inspect/verify-partition.js';
import { PartitionFactory } from './partition/partition-factory.js';
import { PartitionWorld } from './partition/partition-world.test-support.js';
import { CONFIG, StoreWorld, identityOf, settle } from './store/store-world.test-support.js';
import type { CheckpointRow, LogConfig, ReplicaLog, WalParticipant } from './types.js';

const NOTHING_SURVIVES = { below: () => 0, fraction: () => 0 };
const PARTITIONS = '/data/partitions';
const FOLDER = `${PARTITIONS}/orders-0.00000001`;
const { replicaId } = identityOf(0);

function makeWorld(): StoreWorld {
  const limits = { blockCacheBytes: 1 << 20, tailBytes: 1 << 20, openFiles: 16 };
  return new StoreWorld((disk: FaultyFileSystem) => new PartitionFactory(disk, limits));
}

function append(log: ReplicaLog, bytes = 300, epoch = 1): void {
  const value = Buffer.alloc(bytes, log.logEnd);
  const batch = encodeBatch([{ timestamp: 1000 + log.logEnd, key: null, value }]);
  log.appendAsLeader(batch, readBatchHeader(batch), epoch);
}

/** What a checkpoint says of it. */
function rowOf(log: ReplicaLog): CheckpointRow {
  return (log as ReplicaLog & WalParticipant).checkpointRow();
}

async function created(
  config: Partial<LogConfig>,
): Promise<{ world: StoreWorld; log: ReplicaLog }> {
  const world = makeWorld();
  const store = await world.open();
  return { world, log: store.createReplica(identityOf(0), { ...CONFIG, ...config }) };
}

async function losePower(world: StoreWorld): Promise<void> {
  world.fileSystem.crash(NOTHING_SURVIVES);
  world.bootId += '+';
  await world.open();
}

describe('a replica that is made', () => {
  test('and then the process is killed: its folder survives a power loss after the next start', async () => {
    const { world, log } = await created({});
    append(log);
    await settle();
    world.fileSystem.kill();
    await world.open();
    await losePower(world);
    const found = world.store.replica(replicaId);
    expect(found?.damage).toBeUndefined();
    expect(found?.logEnd).toBe(1);
  });

  test('is not called synced before the name of its folder is', async () => {
    const { world, log } = await created({ flush: 'interval' });
    append(log);
    let sawSync = false;
    world.fileSystem.fault = ({ kind, path }) => {
      if (kind === 'sync' && path.startsWith(FOLDER) && path.endsWith('.log')) {
        sawSync = true;
        const { operations } = world.fileSystem;
        expect(operations).toContainEqual(
          expect.objectContaining({ kind: 'synced', path: PARTITIONS }),
        );
      }
      return undefined;
    };
    await log.sync();
    expect(sawSync).toBe(true);
  });

  test('fails when its folder can not be synced, also when another one asked for that', async () => {
    const { world, log } = await created({});
    const other = world.store.createReplica(identityOf(1), { ...CONFIG, flush: 'interval' });
    append(log);
    append(other);
    world.fileSystem.fault = ({ kind, path }) =>
      kind === 'syncDirectory' && path === FOLDER ? { kind: 'error', code: 'EIO' } : undefined;
    await other.sync();
    world.fileSystem.fault = undefined;
    await world.store.checkpoint();
    expect(() => append(log)).toThrow('out of service');
    append(other);
  });
});

test('retention that passes the segment that was active at the last checkpoint is no damage after a kill', async () => {
  const config = { flush: 'interval', segmentBytes: 700, retentionBytes: 800 } as const;
  const { world, log } = await created(config);
  append(log);
  await world.store.checkpoint();
  for (let count = 0; count < 9; count++) {
    append(log);
    await settle(2);
  }
  log.setHighWatermark(log.logEnd);
  await log.enforceRetention(0);
  const { logStart } = log;
  expect(logStart).toBeGreaterThan(1);
  world.fileSystem.kill();
  await world.open();
  expect(world.store.replica(replicaId)).toMatchObject({ damage: undefined, logStart, logEnd: 10 });
});

test('an index of what a cut removed, which a power loss brings back, is not taken for damage of the segment', async () => {
  const world = await PartitionWorld.make({ indexIntervalBytes: 1 }, { deriveAfterBytes: 1 });
  for (let count = 0; count < 6; count++) world.append();
  world.log.setHighWatermark(5);
  await world.checkpoint();
  const index = world.fileSystem.contentOf(world.path(0, '.index'));
  // The same positions for offsets that are one lower: another batch than the one that is there now.
  for (let at = 0; at < index.length; at += 8) index.writeInt32BE(index.readInt32BE(at) - 1, at);
  world.fileSystem.replaceContent(world.path(0, '.index'), index);
  await world.restart();
  expect(world.log).toMatchObject({ damage: undefined, logEnd: 6 });
});

test('the time index of a segment that was cut at an indexed batch knows the largest timestamp that is left', async () => {
  const world = await PartitionWorld.make({ indexIntervalBytes: 100, segmentBytes: 1000 });
  for (let count = 0; count < 8; count++) world.append(1, 1, { timestamp: 1000 + count });
  world.tick();
  for (let end = 7; end > 2; end--) {
    world.log.truncate(end);
    world.tick();
    // Rolls, so that the segment is sealed as it stands now.
    world.append(10 - end, 1, { timestamp: 1, bytes: 990 });
    world.tick();
    const { problems } = await verifyPartition(world.directory, world.fileSystem);
    expect({ end, problems }).toEqual({ end, problems: [] });
  }
});

test('a segment that takes appends again, because the next one was cut away, is indexed on', async () => {
  const world = await PartitionWorld.make({ indexIntervalBytes: 100, segmentBytes: 700 });
  world.append(1, 1, { timestamp: 1000, bytes: 300 });
  // Rolls, and goes.
  world.append(1, 1, { timestamp: 1001, bytes: 600 });
  world.tick();
  world.log.truncate(1);
  world.tick();
  world.append(2, 1, { timestamp: 2000, bytes: 200 });
  world.append(2, 1, { timestamp: 1, bytes: 600 });
  world.tick();
  const { problems } = await verifyPartition(world.directory, world.fileSystem);
  expect(problems).toEqual([]);
  expect(await world.log.offsetForTime(1500, 3)).toMatchObject({ offset: 1 });
});

test('a segment that takes appends again, because the next one was torn, is indexed on', async () => {
  const world = await PartitionWorld.make({
    ...{ indexIntervalBytes: 100, segmentBytes: 700, flush: 'interval' },
  });
  world.append(1, 1, { timestamp: 1000, bytes: 300 });
  world.tick();
  await world.checkpoint();
  world.append(1, 1, { timestamp: 1001, bytes: 600 });
  world.tick();
  world.fileSystem.replaceContent(world.path(1, '.log'), Buffer.alloc(100));
  await world.restart();
  expect(world.log).toMatchObject({ damage: undefined, logEnd: 1 });
  world.append(2, 1, { timestamp: 2000, bytes: 200 });
  world.append(2, 1, { timestamp: 1, bytes: 600 });
  world.tick();
  const { problems } = await verifyPartition(world.directory, world.fileSystem);
  expect(problems).toEqual([]);
  expect(await world.log.offsetForTime(1500, 3)).toMatchObject({ offset: 1 });
});

test('what a cut is to remove is not taken for the log when an earlier cut is done before it', async () => {
  const world = await PartitionWorld.make();
  for (let count = 0; count < 4; count++) world.append();
  world.tick();
  world.log.truncate(3);
  const first = world.frames.at(-1)?.record.sequence ?? 0;
  world.log.truncate(2);
  world.log.onWalDurable(first);
  world.append(2, 1, { bytes: 300 });
  world.append(2, 1, { bytes: 40 });
  world.log.truncate(3);
  world.append(3, 1, { bytes: 50 });
  world.tick();
  await world.restart();
  expect(world.failures).toEqual([]);
  expect((await world.readAll()).length).toBe(world.log.sizeBytes);
  const { problems } = await verifyPartition(world.directory, world.fileSystem);
  expect(problems).toEqual([]);
});

test('a cut that the disk interrupts takes the replica out of service, and is not left half done', async () => {
  const world = await PartitionWorld.make();
  for (let count = 0; count < 4; count++) world.append();
  world.tick();
  world.fileSystem.listSync = () => {
    throw Object.assign(new Error('EIO: i/o error'), { code: 'EIO' });
  };
  expect(() => world.log.truncate(2)).toThrow('out of service');
  expect(world.failures).toHaveLength(1);
  expect(() => world.append(2)).toThrow('out of service');
});

test('after a cut that the disk interrupts a hard state and a generation are saved all the same', async () => {
  const { world, log } = await created({});
  for (let count = 0; count < 4; count++) append(log);
  await settle();
  const states: number[] = [];
  log.listener = {
    onDurable: () => undefined,
    onHardStateDurable: (sequence) => void states.push(sequence),
    onFailed: () => undefined,
  };
  const interrupted = jest.spyOn(world.fileSystem, 'listSync').mockImplementation(() => {
    throw Object.assign(new Error('EIO: i/o error'), { code: 'EIO' });
  });
  expect(() => log.truncate(2)).toThrow('out of service');
  interrupted.mockRestore();
  const hardState = { generation: 1, term: 5, closed: false, tainted: true, taintReason: 'disk' };
  expect(log.saveHardState({ ...hardState, vote: undefined })).toBe(5);
  const generation = {
    generation: 2,
    mode: 'raft',
    epoch: 5,
    seal: undefined,
    voters: [],
  } as const;
  expect(log.saveGeneration(generation)).toBe(6);
  await world.store.checkpoint();
  world.fileSystem.kill();
  await world.open();
  const again = world.store.replica(replicaId);
  expect(again?.hardState).toMatchObject(hardState);
  expect(again?.generation).toMatchObject({ generation: 2, mode: 'raft' });
});

test('a copy is not called written while its bytes wait behind the cut that came before them', async () => {
  const source = await PartitionWorld.make();
  for (let count = 0; count < 3; count++) source.append();
  source.tick();
  source.log.setHighWatermark(3);
  const { world, log } = await created({ flush: 'interval' });
  append(log, 300, 7);
  await settle();
  let reported = 0;
  log.listener = {
    onDurable: (end) => {
      reported = end;
      if (end < 3) return;
      const bytes = world.fileSystem.statSync(`${FOLDER}/00000000000000000000.log`)?.bytes;
      expect(bytes).toBe(source.log.sizeBytes);
    },
    onHardStateDurable: () => undefined,
    onFailed: () => undefined,
  };
  log.beginInstall(source.log.snapshotState(3).state);
  log.installChunk(0, await source.log.readSegment(0, 0, 1 << 20));
  await settle();
  expect(reported).toBe(3);
});

test.each(['truncate', 'write'] as const)(
  'a sync that waits for a cut does not call written what a failing %s then left unwritten',
  async (kind) => {
    const { world, log } = await created({});
    for (let count = 0; count < 4; count++) append(log);
    await settle();
    await world.store.checkpoint();
    const synced = rowOf(log);
    expect(synced).toMatchObject({ logEnd: 4, lastEpoch: 1 });
    world.fileSystem.device = () => settle(4);
    log.truncate(2);
    for (let count = 0; count < 3; count++) append(log, 300, 2);
    world.fileSystem.fault = (operation) =>
      operation.kind === kind && operation.path.endsWith('0.log')
        ? { kind: 'error', code: 'EIO' }
        : undefined;
    await world.store.checkpoint();
    expect(() => append(log, 300, 2)).toThrow('out of service');
    expect(rowOf(log)).toEqual(synced);
    world.fileSystem.fault = undefined;
    world.fileSystem.kill();
    await world.open();
    const again = world.store.replica(replicaId);
    expect(again?.hardState?.tainted).toBe(true);
    // Where the cut was not done either, the files are those of the row.
    if (kind === 'truncate') expect(again).toMatchObject({ damage: undefined, logEnd: 4 });
  },
);

test('a sync that begins after its replica has failed calls nothing synced', async () => {
  const { world, log } = await created({ flush: 'interval', segmentBytes: 700 });
  for (let count = 0; count < 6; count++) append(log);
  await world.store.checkpoint();
  const synced = rowOf(log);
  log.setHighWatermark(6);
  append(log);
  await settle();
  // The second sync begins when the first one has ended, and that is after the failure.
  world.fileSystem.device = () => settle(20);
  const syncs = [log.deleteBefore(2), log.sync()];
  await settle(5);
  append(log);
  world.fileSystem.fault = ({ kind, path }) =>
    kind === 'write' && path.endsWith('.log') ? { kind: 'error', code: 'EIO' } : undefined;
  await settle(5);
  expect(() => append(log)).toThrow('out of service');
  await Promise.allSettled(syncs);
  // The first one is true.
  expect(rowOf(log).logEnd).toBe(synced.logEnd + 1);
});

/** What recovery does to the segments reaches the disk, what no sync has covered in the write-ahead log does not. */
const NAMES_SURVIVE = { below: (limit: number) => (limit === 2 ? 1 : 0), fraction: () => 0 };

test('a data directory that a first start made, and died, survives a power loss after the next start', async () => {
  const world = makeWorld();
  world.fileSystem.fault = ({ kind, path }) =>
    kind === 'syncDirectory' && path === '/' ? { kind: 'crash' } : undefined;
  await expect(world.open()).rejects.toThrow('died at');
  world.fileSystem.kill();
  const store = await world.open();
  append(store.createReplica(identityOf(0), CONFIG));
  await settle();
  await losePower(world);
  expect(world.store.replica(replicaId)?.logEnd).toBe(1);
});

test.each([
  ['a kill', { kind: 'crash' }],
  ['a sync that failed', { kind: 'dropPages' }],
] as const)(
  'frames that %s left in the page cache are on disk before a recovery removes what they say',
  async (_, fault) => {
    const { world, log } = await created({ segmentBytes: 700 });
    for (let count = 0; count < 6; count++) append(log);
    await world.store.checkpoint();
    world.fileSystem.fault = ({ kind, path }) =>
      kind === 'sync' && path.endsWith('.wal') ? fault : undefined;
    log.truncate(2);
    await settle();
    world.fileSystem.kill();
    // The next start dies when its replicas are recovered, before it has written anything to its log.
    world.fileSystem.fault = ({ kind, path }) =>
      kind === 'rename' && path.includes('.wal') ? { kind: 'crash' } : undefined;
    await expect(world.open()).rejects.toThrow('died at rename');
    expect(world.fileSystem.files().filter((path) => path.endsWith('4.log'))).toEqual([]);
    world.fileSystem.crash(NAMES_SURVIVE);
    world.bootId += '+';
    await world.open();
    const found = world.store.replica(replicaId);
    expect(found?.damage).toBeUndefined();
    expect(found?.logEnd).toBe(2);
  },
);

test('a start after a clean stop syncs no write-ahead file but the one that it begins', async () => {
  const { world, log } = await created({});
  append(log);
  await settle();
  await world.store.close();
  const before = world.walFiles();
  const { operations } = world.fileSystem;
  operations.length = 0;
  await world.open();
  const synced = operations.filter(({ kind, path }) => kind === 'synced' && before.includes(path));
  expect(synced).toEqual([]);
});

describe('a sync of a segment that fails', () => {
  async function failing(): Promise<{ world: StoreWorld; log: ReplicaLog }> {
    const { world, log } = await created({ segmentBytes: 700, retentionBytes: 800 });
    for (let count = 0; count < 6; count++) append(log);
    log.setHighWatermark(6);
    await settle();
    world.fileSystem.device = () => settle(3);
    world.fileSystem.fault = ({ kind, path }) => {
      if (kind !== 'sync' || !path.endsWith('.log')) return undefined;
      world.fileSystem.fault = undefined;
      return { kind: 'dropPages' };
    };
    return { world, log };
  }

  /** The sync of the segments succeeds when it is tried again, and nothing was written by it. */
  async function expectToldAfterPowerLoss(world: StoreWorld): Promise<void> {
    await losePower(world);
    const found = world.store.replica(replicaId);
    expect(found?.damage).toBeUndefined();
    expect(found?.hardState?.tainted).toBe(true);
  }

  test('while the store is closed already fails its replica all the same', async () => {
    const { world } = await failing();
    const running = world.store.checkpoint();
    await world.store.close();
    await running;
    await expectToldAfterPowerLoss(world);
  });

  test('for retention fails the replica, and a checkpoint does not call it synced', async () => {
    const { world, log } = await failing();
    const deletion = log.enforceRetention(0);
    const checkpoint = world.store.checkpoint();
    await expect(deletion).rejects.toThrow('out of service');
    await checkpoint;
    expect(() => append(log)).toThrow('out of service');
    await world.store.abort();
    await expectToldAfterPowerLoss(world);
  });

  test('is not believed after a restart of the process, which still sees the bytes', async () => {
    const { world, log } = await failing();
    const failed = new Promise((resolve) => {
      const nothing = (): void => undefined;
      log.listener = { onDurable: nothing, onHardStateDurable: nothing, onFailed: resolve };
    });
    world.store.checkpoint().catch(() => undefined);
    await failed;
    world.fileSystem.kill();
    await world.open();
    await losePower(world);
    const found = world.store.replica(replicaId);
    expect(found?.damage).toBeUndefined();
    expect(found?.logEnd).toBe(6);
  });
});

test('a folder that can not be synced while the store is closed is told', async () => {
  const { world, log } = await created({});
  append(log);
  world.fileSystem.fault = ({ kind, path }) =>
    kind === 'syncDirectory' && path === PARTITIONS ? { kind: 'error', code: 'EIO' } : undefined;
  await expect(world.store.close()).rejects.toThrow();
  expect(world.fatal).toHaveLength(1);
});

test('a lost write-ahead file of a start that did not come to its end is a torn tail, not an empty file', async () => {
  const world = makeWorld();
  const store = await world.open();
  const log = store.createReplica(identityOf(0), CONFIG);
  append(log);
  await settle();
  const [path] = world.walFiles().slice(0, 1);
  world.fileSystem.kill();
  expect(path).toBeDefined();
  // The next start dies before its first checkpoint is synced.
  world.fileSystem.fault = ({ kind, path: at }) =>
    kind === 'sync' && at.endsWith('.log') ? { kind: 'crash' } : undefined;
  await expect(world.open()).rejects.toThrow();
  await losePower(world);
  expect(world.store.corruption).toEqual([]);
  expect(world.store.lostReplicas()).toEqual([]);
});

test('frames behind the lost end of a write-ahead file that had grown are no frames', async () => {
  const world = makeWorld();
  const small = { walFileBytes: 1024 };
  const store = await world.open(small);
  const log = store.createReplica(identityOf(0), CONFIG);
  for (let round = 0; round < 12; round++) {
    append(log, 700);
    await settle(4);
  }
  world.fileSystem.kill();
  // The last file but one ends with its first write; the rest of it had not reached the disk.
  const grown = world.walFiles().findLast((path) => world.fileSystem.contentOf(path).length > 1024);
  if (grown === undefined) throw new Error('no file had to grow');
  const content = world.fileSystem.contentOf(grown);
  const second = content.indexOf(Buffer.from('7a6d7157', 'hex'), 44 + 16 + 4);
  world.fileSystem.replaceContent(grown, content.subarray(0, second));
  const again = await world.open(small);
  expect([again.corruption.length > 0, again.lostReplicas().length]).not.toEqual([false, 1]);
});

test('an index that a read made again is whole after a power loss, or not there', async () => {
  const config = { indexIntervalBytes: 100, segmentBytes: 700 };
  const world = await PartitionWorld.make(config, { deriveAfterBytes: 1 });
  for (let count = 0; count < 8; count++) world.append(1, 1, { timestamp: 1000 + count });
  world.log.setHighWatermark(8);
  await world.checkpoint();
  world.fileSystem.unlinkSync(world.path(0, '.timeindex'));
  await world.fileSystem.syncDirectory(world.directory);
  await world.restart();
  expect(await world.log.offsetForTime(1003, 8)).toMatchObject({ offset: 3 });
  // Of everything unsynced the names survive, all of the offset index, and the first entry of the time index.
  const survivors = new Map([
    [2, 1],
    [4, 2],
    [25, 24],
  ]);
  await world.crash({ below: (limit) => survivors.get(limit) ?? 12, fraction: () => 0 });
  const { problems } = await verifyPartition(world.directory, world.fileSystem);
  expect(problems).toEqual([]);
  expect(await world.log.offsetForTime(1003, 8)).toMatchObject({ offset: 3 });
  await settle();
  expect(world.fileSystem.statSync(world.path(0, '.timeindex'))).toBeDefined();
});
