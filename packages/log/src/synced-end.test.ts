// What `sync` and `syncedEnd` promise: no power loss takes it, whatever the flush policy counted before.
import { encodeBatch, readBatchHeader } from '@zhumq/model';
import { PartitionFactory } from './partition/partition-factory.js';
import { CONFIG, StoreWorld, identityOf, settle } from './store/store-world.test-support.js';
import type { FlushPolicy, ReplicaLog } from './types.js';

jest.setTimeout(60_000);

const SEEDS = Array.from({ length: 12 }, (_, seed) => seed + 1);
const { replicaId } = identityOf(0);

function makeWorld(): StoreWorld {
  const limits = { blockCacheBytes: 1 << 20, tailBytes: 1 << 20, openFiles: 16 };
  return new StoreWorld((fileSystem) => new PartitionFactory(fileSystem, limits));
}

async function withLog(flush: FlushPolicy): Promise<{ world: StoreWorld; log: ReplicaLog }> {
  const world = makeWorld();
  const store = await world.open();
  return { world, log: store.createReplica(identityOf(0), { ...CONFIG, flush }) };
}

function append(log: ReplicaLog, epoch = 1): void {
  const batch = encodeBatch([{ timestamp: 1, key: null, value: Buffer.alloc(700, log.logEnd) }]);
  log.appendAsLeader(batch, readBatchHeader(batch), epoch);
}

async function reopened(world: StoreWorld): Promise<ReplicaLog> {
  const store = await world.open();
  const log = store.replica(replicaId);
  if (log === undefined) throw new Error('the replica is gone');
  return log;
}

describe.each(['fsync', 'interval', 'os'] as const)('with flush %s', (flush) => {
  test('what was appended before sync() survives a power loss, with nobody else syncing', async () => {
    for (const seed of SEEDS) {
      const { world, log } = await withLog(flush);
      for (let count = 0; count < 3; count++) append(log);
      await log.sync();
      expect(log.syncedEnd).toBe(3);
      append(log);
      world.crash(seed);
      const after = await reopened(world);
      expect(after.logEnd).toBeGreaterThanOrEqual(3);
      expect(after.damage).toBeUndefined();
    }
  });

  test('the end claimed as synced survives a power loss at every moment', async () => {
    let lost = 0;
    for (const seed of SEEDS) {
      const { world, log } = await withLog(flush);
      for (let round = 0; round < 4 + seed; round++) {
        append(log);
        if (round === seed) void log.sync().catch(() => undefined);
        await settle(round % 3);
      }
      const { syncedEnd, logEnd } = log;
      world.crash(seed);
      const after = await reopened(world);
      expect(after.logEnd).toBeGreaterThanOrEqual(syncedEnd);
      if (after.logEnd < logEnd) lost++;
    }
    // Or the test would prove nothing.
    expect(lost).toBeGreaterThan(0);
  });
});

describe('opening on the same boot', () => {
  test.each(['fsync', 'interval', 'os'] as const)(
    'what the page cache alone held (flush %s) is claimed only because it is synced',
    async (flush) => {
      for (const seed of SEEDS) {
        const { world, log } = await withLog(flush);
        await log.sync();
        for (let count = 0; count < 3; count++) append(log);
        // Written at the end of this turn; the process dies before anything is synced.
        await settle(1);
        world.fileSystem.kill();
        const alive = await reopened(world);
        const { syncedEnd } = alive;
        expect(syncedEnd).toBe(alive.logEnd);
        world.crash(seed);
        expect((await reopened(world)).logEnd).toBeGreaterThanOrEqual(syncedEnd);
      }
    },
  );
});

describe('sync()', () => {
  test('is not confused by a cut and other records at the same offsets while it runs', async () => {
    for (const seed of SEEDS) {
      const { world, log } = await withLog('os');
      await log.sync();
      for (let count = 0; count < 3; count++) append(log);
      const synced = log.sync();
      synced.catch(() => undefined);
      log.truncate(1);
      append(log, 2);
      if (seed % 2 === 0) await synced;
      else await settle(seed % 5);
      const { syncedEnd } = log;
      world.crash(seed);
      const after = await reopened(world);
      expect(after.logEnd).toBeGreaterThanOrEqual(syncedEnd);
      if (syncedEnd === 2) expect(after.epochAt(1)).toBe(2);
    }
  });

  test.each(['sync', 'write'] as const)(
    'rejects when the %s of a segment fails, and claims nothing of it',
    async (kind) => {
      const { world, log } = await withLog('os');
      append(log);
      await log.sync();
      world.fileSystem.fault = (operation) =>
        operation.kind === kind && operation.path.endsWith('.log')
          ? { kind: 'error', code: 'EIO' }
          : undefined;
      append(log);
      await expect(log.sync()).rejects.toMatchObject({ code: 'REPLICA_FAILED' });
      expect(log.syncedEnd).toBe(1);
      await expect(log.sync()).rejects.toMatchObject({ code: 'REPLICA_FAILED' });
    },
  );

  test('rejects when the write-ahead log fails', async () => {
    const { world, log } = await withLog('fsync');
    world.fileSystem.fault = ({ kind, path }) =>
      kind === 'sync' && path.endsWith('.wal') ? { kind: 'error', code: 'EIO' } : undefined;
    append(log);
    await expect(log.sync()).rejects.toThrow();
    expect(log.syncedEnd).toBe(0);
    expect(world.fatal).toHaveLength(1);
  });

  test('rejects on a store that was closed', async () => {
    const { world, log } = await withLog('os');
    append(log);
    await world.store.close();
    await expect(log.sync()).rejects.toMatchObject({ code: 'LOG_CLOSED' });
  });
});

describe('lowerHighWatermark', () => {
  test('lets a reported possible loss cut records that were committed', async () => {
    const { log } = await withLog('fsync');
    for (let count = 0; count < 4; count++) append(log);
    log.setHighWatermark(3);
    expect(() => log.truncate(2)).toThrow('below the high watermark');
    log.lowerHighWatermark(2);
    log.truncate(2);
    expect(log).toMatchObject({ logEnd: 2, highWatermark: 2 });
    log.lowerHighWatermark(9);
    expect(log.highWatermark).toBe(2);
  });
});
