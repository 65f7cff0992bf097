// More of what the enumeration of disk faults found: what the next start makes of what the last one left.
import { encodeBatch, readBatchHeader } from '@zhumq/model';
import { verifyPartition } from './inspect/verify-partition.js';
import { PartitionFactory } from './partition/partition-factory.js';
import { PartitionWorld } from './partition/partition-world.test-support.js';
import { CONFIG, StoreWorld, identityOf, settle } from './store/store-world.test-support.js';

test('a segment that was sealed after the checkpoint, below the newest snapshot of producers, is indexed to its end', async () => {
  const config = { indexIntervalBytes: 100, segmentBytes: 700 };
  const world = await PartitionWorld.make(config, { deriveAfterBytes: 1 });
  for (let count = 0; count < 4; count++) world.append(1, 1, { timestamp: 1000 + count });
  world.log.setHighWatermark(4);
  await world.checkpoint();
  const before = [world.path(0, '.index'), world.path(0, '.timeindex')].map(
    (path) => [path, Buffer.from(world.fileSystem.contentOf(path))] as const,
  );
  world.append(1, 1, { timestamp: 1009, bytes: 690 });
  world.tick();
  expect(world.bases()).toEqual([0, 4]);
  // The process died, or the power went, when the indexes were to be written.
  for (const [path, content] of before) world.fileSystem.replaceContent(path, content);
  await world.restart();
  const { problems } = await verifyPartition(world.directory, world.fileSystem);
  expect(problems).toEqual([]);
  expect(await world.log.offsetForTime(1003, 5)).toMatchObject({ offset: 3 });
});

test('what only the write-ahead log has, and a full disk has no room for, is no damage: the store opens when there is room', async () => {
  const limits = { blockCacheBytes: 1 << 20, tailBytes: 1 << 20, openFiles: 16 };
  const world = new StoreWorld((disk) => new PartitionFactory(disk, limits));
  await world.open();
  for (const number of [0, 1, 2]) {
    const log = world.store.createReplica(identityOf(number), { ...CONFIG });
    const batch = encodeBatch([{ timestamp: 1000, key: null, value: Buffer.alloc(300, number) }]);
    log.appendAsLeader(batch, readBatchHeader(batch), 1);
  }
  await settle();
  // Of the segments nothing was synced.
  world.fileSystem.crash({ below: () => 0, fraction: () => 0 });
  world.bootId += '+';
  world.fileSystem.fault = ({ kind, path }) =>
    kind === 'write' && path.endsWith('.log') ? { kind: 'error', code: 'ENOSPC' } : undefined;
  await expect(world.open()).rejects.toThrow(
    /^the disk is full: .* could not be recovered; nothing is lost/,
  );
  world.fileSystem.fault = undefined;
  await world.open();
  for (const number of [0, 1, 2]) {
    const { replicaId } = identityOf(number);
    expect(world.store.replica(replicaId)).toMatchObject({ damage: undefined, logEnd: 1 });
  }
});
