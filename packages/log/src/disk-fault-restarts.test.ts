// More of what the enumeration of disk faults found: what the next start makes of what the last one left.
import { verifyPartition } from './inspect/verify-partition.js';
import { PartitionWorld } from './partition/partition-world.test-support.js';

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
