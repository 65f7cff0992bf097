import { controlBatch, readBatchHeader } from '@zhumq/model';
import { PartitionWorld, bytesOf } from './partition-world.test-support.js';

/** 400 batches of 2 records in several segments, nothing of it in the tail. */
async function coldWorld(segmentBytes = 1 << 20, records = 400): Promise<PartitionWorld> {
  const world = await PartitionWorld.make(
    { segmentBytes, indexIntervalBytes: 1000 },
    { tailBytes: 0, blockCacheBytes: 1 << 24 },
  );
  for (let at = 0; at < records; at++) {
    world.append(1 + Math.floor(at / 100), 2, { bytes: 1000, timestamp: 1000 + at });
    if (at % 50 === 49) world.tick();
  }
  await world.checkpoint();
  await world.restart();
  return world;
}

function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Waits until the folder has, or has not, a mark of damage. */
async function marked(world: PartitionWorld, wanted: boolean): Promise<void> {
  const found = (): boolean => world.fileSystem.listSync(world.directory).includes('damage');
  for (let turn = 0; found() !== wanted && turn < 100; turn++) await settle();
  expect(found()).toBe(wanted);
  await settle();
}

describe('a read of what is not in memory', () => {
  test('finds each offset, also from the second block and the second segment on', async () => {
    const world = await coldWorld(300_000);
    expect(world.bases().length).toBeGreaterThan(2);
    for (const from of [0, 1, 2, 3, 250, 251, 252, 399, 400, 555, 798, 799]) {
      const slice = await world.log.read(from, 800, 1);
      expect([slice.firstOffset, slice.endOffset]).toEqual([
        from - (from % 2),
        from - (from % 2) + 2,
      ]);
    }
  });

  test('goes on over the ends of segments', async () => {
    const world = await coldWorld(300_000);
    const slice = await world.log.read(3, 797, 1e9);
    expect([slice.firstOffset, slice.endOffset]).toEqual([2, 796]);
    const whole = Buffer.concat(
      world.bases().map((base) => world.fileSystem.contentOf(world.path(base))),
    );
    const size = whole.length / 400;
    expect(bytesOf(slice).equals(whole.subarray(size, 398 * size))).toBe(true);
  });

  test('gives one batch even if it is larger than asked for, and never more than asked for otherwise', async () => {
    const world = await coldWorld();
    expect((await world.log.read(10, 800, 1)).bytes).toBeGreaterThan(2000);
    expect((await world.log.read(10, 800, 5000)).bytes).toBeLessThanOrEqual(5000);
    expect((await world.log.read(10, 11, 5000)).bytes).toBe(0);
  });

  test('reads the disk once for all who read the same block at the same time, and afterwards', async () => {
    const world = await coldWorld();
    const { blocks } = world.factory.resources;
    await Promise.all(Array.from({ length: 10 }, async () => world.log.read(4, 800, 1000)));
    await world.log.read(20, 800, 1000);
    expect(blocks.loads).toBe(1);
  });

  test('goes through a block that is read while the log is cut once more', async () => {
    const world = await coldWorld();
    const reading = world.log.read(790, 800, 1e6);
    world.log.truncate(792);
    world.append(9, 1);
    world.tick();
    const { firstOffset, endOffset, buffers } = await reading;
    expect([firstOffset, endOffset]).toEqual([790, 793]);
    expect(Buffer.concat(buffers).equals(await world.readAll(790))).toBe(true);
  });

  test('never serves damage: the replica is out of service and says where (rule 22)', async () => {
    const world = await coldWorld();
    const { position, offset } = {
      position: 2 * (world.fileSystem.contentOf(world.path(0)).length / 400),
      offset: 4,
    };
    world.fileSystem.flipBit(world.path(0), position + 100, 0);
    await expect(world.log.read(0, 800, 1e6)).rejects.toMatchObject({ code: 'REPLICA_FAILED' });
    expect(world.log.damage).toMatchObject({ file: world.path(0), position, offset });
    expect(world.failures).toHaveLength(1);
    expect(() => world.append()).toThrow(expect.objectContaining({ code: 'REPLICA_FAILED' }));
  });

  test('remembers damage over restarts until it is repaired', async () => {
    const world = await coldWorld();
    const position = 200 * (world.fileSystem.contentOf(world.path(0)).length / 400);
    world.fileSystem.flipBit(world.path(0), position + 100, 0);
    await expect(world.log.read(400, 800, 1e6)).rejects.toMatchObject({ code: 'REPLICA_FAILED' });
    const { damage } = world.log;
    expect(damage).toMatchObject({ file: world.path(0), position, offset: 400 });
    await marked(world, true);
    for (let start = 0; start < 2; start++) {
      await world.crash();
      expect(world.log.damage).toEqual(damage);
      await expect(async () => world.log.read(0, 800, 1)).rejects.toMatchObject({
        code: 'REPLICA_FAILED',
      });
    }
    world.log.resetForRepair();
    expect([world.log.damage, world.log.logEnd]).toEqual([undefined, 400]);
    // The cut is not durable yet: a crash now must find the damage again.
    await settle();
    await marked(world, true);
    world.tick();
    await marked(world, false);
    await world.restart();
    expect([world.log.damage, world.log.logEnd]).toEqual([undefined, 400]);
    expect((await world.readAll()).length).toBe(position);
  });

  test('distrusts all of a log whose mark of damage is damaged itself', async () => {
    const world = await coldWorld();
    const path = `${world.directory}/damage`;
    const file = world.fileSystem.openSync(path, 'write');
    file.writeSync([Buffer.alloc(10, 1)], 0);
    await file.sync();
    await world.fileSystem.syncDirectory(world.directory);
    await world.restart();
    expect(world.log.damage).toMatchObject({ file: path, offset: 0 });
  });

  test('takes an epoch that the epoch list does not know for damage (rule 22)', async () => {
    const world = await coldWorld();
    world.fileSystem.flipBit(world.path(0), 15, 1);
    await expect(world.log.read(0, 800, 1e6)).rejects.toMatchObject({ code: 'REPLICA_FAILED' });
    expect(world.log.damage?.reason).toMatch(/epoch 3, the epoch list has 1/);
  });

  test('makes an index again that is missing or wrong', async () => {
    const world = await coldWorld(150_000);
    const [, second, third] = world.bases();
    world.fileSystem.unlinkSync(world.path(second, '.index'));
    const index = Buffer.from(world.fileSystem.contentOf(world.path(third, '.index')));
    // Entries that are in order and point into the middle of batches.
    for (let at = 4; at < index.length; at += 8) index.writeInt32BE(index.readInt32BE(at) + 1, at);
    world.fileSystem.replaceContent(world.path(third, '.index'), index);
    expect((await world.log.read(second + 100, 800, 1)).firstOffset).toBe(second + 100);
    expect((await world.log.read(third + 100, 800, 1)).firstOffset).toBe(third + 100);
    expect(world.log.damage).toBeUndefined();
    expect(world.fileSystem.files()).toContain(world.path(second, '.index'));
  });

  test('finds the first batch that is not older than a time', async () => {
    const world = await coldWorld(300_000);
    expect(await world.log.offsetForTime(0, 800)).toMatchObject({
      offset: 0,
      timestamp: 1000,
      epoch: 1,
    });
    expect(await world.log.offsetForTime(1250, 800)).toMatchObject({
      offset: 500,
      timestamp: 1250,
      epoch: 3,
    });
    expect(await world.log.offsetForTime(1399, 800)).toMatchObject({ offset: 798 });
    expect(await world.log.offsetForTime(1399, 798)).toBeUndefined();
    expect(await world.log.offsetForTime(1400, 800)).toBeUndefined();
    world.append(9, 1, { timestamp: 5000 });
    expect(await world.log.offsetForTime(1400, 801)).toMatchObject({ offset: 800, epoch: 9 });
  });

  test('finds no control batch by its time: records may bear times of long ago', async () => {
    const world = await PartitionWorld.make();
    const control = controlBatch(1000, Buffer.from([1]), 9_000);
    world.log.appendAsLeader(control, readBatchHeader(control), 1);
    world.append(1, 2, { timestamp: 1_000 });
    world.append(1, 2, { timestamp: 2_000 });
    expect(await world.log.offsetForTime(1_500, 5)).toMatchObject({ offset: 3, timestamp: 2_000 });
    expect(await world.log.offsetForTime(2_500, 5)).toBeUndefined();
  });

  test('keeps few files open, however many are read', async () => {
    const world = await coldWorld(20_000);
    world.limits.openFiles = 5;
    await world.restart();
    expect(world.bases().length).toBeGreaterThan(20);
    await world.readAll(0, 4000);
    expect(world.factory.resources.files.count).toBeLessThanOrEqual(5);
  });

  test('outside of the log is refused', async () => {
    const world = await coldWorld();
    expect(() => world.log.read(801, 900, 1)).toThrow(
      expect.objectContaining({ code: 'OFFSET_OUT_OF_RANGE' }),
    );
    expect(() => world.log.read(-1, 900, 1)).toThrow(
      expect.objectContaining({ code: 'OFFSET_OUT_OF_RANGE' }),
    );
    world.log.close();
    expect(() => world.log.read(0, 900, 1)).toThrow(
      expect.objectContaining({ code: 'LOG_CLOSED' }),
    );
  });
});
