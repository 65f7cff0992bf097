import { readBatchHeader } from '@zhumq/model';
import { PartitionWorld, bytesOf, makeBatch } from './partition-world.test-support.js';

describe('a partition log', () => {
  test('stamps what a leader appends with log end and epoch', async () => {
    const world = await PartitionWorld.make();
    expect(world.append(3, 2)).toEqual({ baseOffset: 0, lastOffset: 1 });
    expect(world.append(3, 1)).toEqual({ baseOffset: 2, lastOffset: 2 });
    const [first] = (await world.log.read(0, 2, 1e6)).buffers;
    expect(readBatchHeader(first)).toMatchObject({ baseOffset: 0, lastOffset: 1, epoch: 3 });
    expect(world.log.logEnd).toBe(3);
    expect(world.log.lastEpoch).toBe(3);
  });

  test('serves what was just appended at once, without a copy, before it is durable', async () => {
    const world = await PartitionWorld.make();
    const batch = makeBatch(1);
    world.log.appendAsLeader(batch, readBatchHeader(batch), 1);
    const slice = world.log.read(0, 1, 1e6);
    expect(slice).not.toBeInstanceOf(Promise);
    expect((await slice).buffers[0].buffer).toBe(batch.buffer);
    expect(world.log.durableEnd).toBe(0);
    world.tick();
    expect(world.log.durableEnd).toBe(1);
    expect(world.durable).toEqual([{ end: 1, epoch: 1 }]);
  });

  test('answers two reads at the end in a row with nothing, and goes on afterwards (two empty pulls)', async () => {
    const world = await PartitionWorld.make();
    world.append();
    const empty = { buffers: [], bytes: 0, firstOffset: 1, endOffset: 1 };
    expect(world.log.read(1, 1, 100)).toEqual(empty);
    expect(world.log.read(1, 1, 100)).toEqual(empty);
    world.append();
    expect((await world.log.read(1, 2, 100)).firstOffset).toBe(1);
  });

  test('keeps everything over a restart, the tail of less than a block included', async () => {
    const world = await PartitionWorld.make();
    for (let at = 0; at < 10; at++) world.append(1, 3);
    world.tick();
    const before = await world.readAll();
    await world.restart();
    expect(world.log.logEnd).toBe(30);
    expect((await world.readAll()).equals(before)).toBe(true);
  });

  test('goes on after reopening where it ended', async () => {
    const world = await PartitionWorld.make();
    world.append(1);
    await world.checkpoint();
    await world.restart();
    expect(world.append(2)).toMatchObject({ baseOffset: 1 });
    world.tick();
    await world.restart();
    expect(world.log.logEnd).toBe(2);
    expect((await world.readAll()).equals(world.fileSystem.contentOf(world.path(0)))).toBe(true);
  });

  test('truncates and appends again', async () => {
    const world = await PartitionWorld.make();
    for (let at = 0; at < 5; at++) world.append(1, 2);
    world.tick();
    world.log.truncate(4);
    expect(world.log.durableEnd).toBe(4);
    world.append(2, 1);
    expect(world.log.epochAt(4)).toBe(2);
    world.tick();
    expect(world.log.durableEnd).toBe(5);
    await world.restart();
    expect(world.log.logEnd).toBe(5);
    expect(world.log.epochAt(3)).toBe(1);
    expect(world.log.epochAt(4)).toBe(2);
    expect(bytesOf(await world.log.read(4, 5, 1)).length).toBeGreaterThan(61);
  });
});
