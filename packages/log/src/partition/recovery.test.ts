import { SeededRandom } from '@zhumq/base';
import { readBatchHeader, stampBatch } from '@zhumq/model';
import { PartitionWorld, makeBatch } from './partition-world.test-support.js';

/** Ten batches, the first five in a checkpoint. */
async function makeWorld(
  ...[config, limits]: Parameters<typeof PartitionWorld.make>
): Promise<PartitionWorld> {
  const world = await PartitionWorld.make({ indexIntervalBytes: 100, ...config }, limits);
  for (let at = 0; at < 5; at++) world.append(1);
  await world.checkpoint();
  for (let at = 0; at < 5; at++) world.append(2);
  world.tick();
  return world;
}

describe('recovery of a partition', () => {
  test('cuts what checkpoint and frames do not account for, valid or not (rule 9)', async () => {
    const world = await makeWorld();
    const whole = Buffer.from(world.fileSystem.contentOf(world.path(0)));
    const ghost = makeBatch(1);
    stampBatch(ghost, 0, 10, 2);
    world.fileSystem.replaceContent(world.path(0), Buffer.concat([whole, ghost]));
    await world.restart();
    expect(world.log.logEnd).toBe(10);
    expect(world.fileSystem.contentOf(world.path(0)).equals(whole)).toBe(true);
  });

  test('puts back what only the write-ahead log has', async () => {
    const world = await makeWorld();
    const whole = Buffer.from(world.fileSystem.contentOf(world.path(0)));
    world.fileSystem.replaceContent(world.path(0), whole.subarray(0, whole.length / 2 + 7));
    await world.restart();
    expect(world.log.damage).toBeUndefined();
    expect((await world.readAll()).equals(whole)).toBe(true);
  });

  test('done again after a crash in its middle gives the same log', async () => {
    const world = await makeWorld({ segmentBytes: 300 });
    const whole = await world.readAll();
    const { row, frames } = world;
    for (let stop = 0; stop < 12; stop++) {
      world.fileSystem.crash(new SeededRandom(stop));
      let count = 0;
      world.fileSystem.fault = () => (count++ === stop ? { kind: 'crash' } : undefined);
      await world.open().catch(() => undefined);
      world.fileSystem.crash(new SeededRandom(stop + 100));
      Object.assign(world, { row, frames });
      await world.open();
      expect(world.log.damage).toBeUndefined();
      expect((await world.readAll()).equals(whole)).toBe(true);
    }
  });

  test('reports damage of what was synced and cuts nothing (rules 9 and 24)', async () => {
    const world = await makeWorld();
    const size = world.fileSystem.contentOf(world.path(0)).length;
    world.fileSystem.flipBit(world.path(0), (size / 10) * 3 + 80, 0);
    await world.restart();
    expect(world.log.damage).toMatchObject({
      file: world.path(0),
      position: (size / 10) * 3,
      offset: 3,
    });
    expect(world.log.logEnd).toBe(10);
    expect(world.fileSystem.contentOf(world.path(0)).length).toBe(size);
    expect(() => world.log.read(0, 1, 1)).toThrow(
      expect.objectContaining({ code: 'REPLICA_FAILED' }),
    );
  });

  test('reports a missing segment', async () => {
    const world = await makeWorld({ segmentBytes: 200 });
    const [, second] = world.bases();
    world.fileSystem.unlinkSync(world.path(second));
    await world.restart();
    expect(world.log.damage?.file).toBe(world.path(0));
    expect(world.log.damage?.offset).toBe(second);
  });

  test('reports a missing active segment', async () => {
    const world = await makeWorld();
    world.frames = [];
    world.fileSystem.unlinkSync(world.path(0));
    await world.restart();
    expect(world.log.damage).toMatchObject({ offset: 0 });
  });

  test('is told that frames are lost: keeps every file and is out of service (rule 24)', async () => {
    const world = await makeWorld();
    const files = world.fileSystem.files();
    world.fileSystem.kill();
    const recovery = world.factory.recover(world.seat(), world.row, true);
    recovery.condemn({
      file: '/data/wal/7',
      position: 77,
      offset: 5,
      reason: 'a frame does not verify',
    });
    const log = await recovery.finish();
    expect(log.damage?.file).toBe('/data/wal/7');
    expect(world.fileSystem.files()).toEqual(files);
    expect(world.fileSystem.contentOf(world.path(0)).length).toBeGreaterThan(5 * 60);
  });

  test('repaired, it is filled again from the last offset that can be trusted', async () => {
    const world = await makeWorld();
    const whole = Buffer.from(world.fileSystem.contentOf(world.path(0)));
    const batch = whole.length / 10;
    world.fileSystem.flipBit(world.path(0), batch * 3 + 80, 0);
    await world.restart();
    world.log.resetForRepair();
    expect(world.log.damage).toBeUndefined();
    expect(world.log.logEnd).toBe(3);
    expect(world.log.lastEpoch).toBe(1);
    world.log.appendAsFollower(whole.subarray(batch * 3));
    world.tick();
    await world.restart();
    expect((await world.readAll()).equals(whole)).toBe(true);
  });

  test('repaired after damage of its first batch, it begins anew', async () => {
    const world = await makeWorld();
    const whole = Buffer.from(world.fileSystem.contentOf(world.path(0)));
    world.fileSystem.flipBit(world.path(0), 80, 0);
    await world.restart();
    world.log.resetForRepair();
    expect([world.log.logStart, world.log.logEnd]).toEqual([0, 0]);
    world.log.appendAsFollower(whole);
    world.tick();
    await world.restart();
    expect((await world.readAll()).equals(whole)).toBe(true);
  });

  test('started over, it is empty, also after a restart, and is filled like a new one', async () => {
    const world = await makeWorld();
    const whole = Buffer.from(world.fileSystem.contentOf(world.path(0)));
    world.log.startOver();
    world.tick();
    await world.restart();
    expect([world.log.logStart, world.log.logEnd, world.log.lastEpoch]).toEqual([0, 0, 0]);
    world.log.appendAsFollower(whole);
    world.tick();
    await world.restart();
    expect((await world.readAll()).equals(whole)).toBe(true);
  });

  test('drops derived files that are ahead of the log before anything is answered (rule 25)', async () => {
    const world = await PartitionWorld.make({}, { deriveAfterBytes: 1 });
    world.append(1, 1, { producerId: 3, producerEpoch: 0, baseSequence: 0 });
    await world.checkpoint();
    const { row } = world;
    world.append(2, 1, { producerId: 3, producerEpoch: 0, baseSequence: 1 });
    world.tick();
    world.log.setHighWatermark(2);
    await world.log.syncSegments();
    expect(world.fileSystem.files()).toContain(world.path(2, '.producers'));
    // The frame of the second batch never reached the disk.
    Object.assign(world, { row, frames: [] });
    await world.restart();
    expect(world.log.logEnd).toBe(1);
    expect(world.log.lastEpoch).toBe(1);
    expect(world.fileSystem.files()).not.toContain(world.path(2, '.producers'));
    const retry = readBatchHeader(
      makeBatch(1, { producerId: 3, producerEpoch: 0, baseSequence: 1 }),
    );
    expect(world.log.checkProducer(retry).kind).toBe('append');
  });

  test.each(['interval', 'os'] as const)(
    'with flush %s ends the log at unsynced bytes that are torn, and drops what follows (rule 9)',
    async (flush) => {
      const world = await makeWorld({ flush });
      const whole = Buffer.from(world.fileSystem.contentOf(world.path(0)));
      world.log.saveHardState({
        generation: 1,
        term: 9,
        vote: undefined,
        closed: false,
        tainted: false,
        taintReason: '',
      });
      world.tick();
      world.fileSystem.flipBit(world.path(0), (whole.length / 10) * 7 + 80, 0);
      await world.restart(false);
      expect(world.log.damage).toBeUndefined();
      expect(world.log.logEnd).toBe(7);
      expect(world.log.hardState?.term).toBe(9);
      // What is written there now is not taken for what the old frames told of, nor cut with it.
      world.append(3, 1);
      world.tick();
      await world.restart();
      expect(world.log.logEnd).toBe(8);
      expect(world.log.epochAt(7)).toBe(3);
    },
  );

  test.each(['interval', 'os'] as const)(
    'with flush %s calls it damage where bytes that were written have changed and no power was lost',
    async (flush) => {
      const world = await makeWorld({ flush });
      const size = world.fileSystem.contentOf(world.path(0)).length;
      world.fileSystem.flipBit(world.path(0), (size / 10) * 7 + 80, 0);
      await world.restart();
      // They may have been acknowledged: nothing is cut, and the replica does not pass for a whole one.
      expect(world.log.damage).toMatchObject({ file: world.path(0), offset: 7 });
      expect(world.log.logEnd).toBe(10);
      expect(world.fileSystem.contentOf(world.path(0)).length).toBe(size);
    },
  );

  test.each([0, 40])(
    'a process that was killed before its last write was in the segment, but for %d bytes, has not written it',
    async (kept) => {
      const world = await makeWorld({ flush: 'os' });
      const whole = Buffer.from(world.fileSystem.contentOf(world.path(0)));
      world.fileSystem.replaceContent(
        world.path(0),
        whole.subarray(0, (whole.length / 10) * 9 + kept),
      );
      await world.restart();
      expect(world.log.damage).toBeUndefined();
      expect(world.log.logEnd).toBe(9);
    },
  );

  test('does not take an older batch of another write for the one that a frame tells of (rule 9, ghosts)', async () => {
    const world = await makeWorld({ flush: 'os' });
    const whole = Buffer.from(world.fileSystem.contentOf(world.path(0)));
    const ghost = makeBatch(1, { timestamp: 999 });
    stampBatch(ghost, 0, 8, 2);
    ghost.copy(whole, (whole.length / 10) * 8);
    world.fileSystem.replaceContent(world.path(0), whole);
    await world.restart(false);
    expect(world.log.damage).toBeUndefined();
    expect(world.log.logEnd).toBe(8);
  });

  test('does not take a batch for two writes that together have its bounds (ghosts)', async () => {
    const world = await PartitionWorld.make({ flush: 'interval' });
    world.append(2, 2);
    world.tick();
    world.log.truncate(0);
    const old = Buffer.from(world.fileSystem.contentOf(world.path(0)));
    world.tick();
    world.append(3, 1);
    world.append(3, 1);
    world.tick();
    // A power loss took the two batches; what the cut removed is there again.
    world.fileSystem.replaceContent(world.path(0), old);
    await world.restart(false);
    expect(world.log.damage).toBeUndefined();
    expect(world.log.logEnd).toBe(0);
  });

  test('reads from the newest producer snapshot on, not all of the log', async () => {
    const world = await PartitionWorld.make(
      { segmentBytes: 1 << 22 },
      { deriveAfterBytes: 1, tailBytes: 0 },
    );
    for (let at = 0; at < 300; at++) {
      world.append(1, 1, { bytes: 10_000, producerId: 3, producerEpoch: 0, baseSequence: at });
    }
    world.tick();
    world.log.setHighWatermark(300);
    await world.checkpoint();
    world.fileSystem.operations.length = 0;
    let bytes = 0;
    const read = world.fileSystem.begin.bind(world.fileSystem);
    world.fileSystem.begin = (kind, path, position, count) => {
      if (kind === 'read' && path.endsWith('.log')) bytes += count ?? 0;
      return read(kind, path, position, count);
    };
    await world.restart();
    expect(bytes).toBeLessThan(100_000);
    const retry = readBatchHeader(
      makeBatch(1, { producerId: 3, producerEpoch: 0, baseSequence: 299 }),
    );
    expect(world.log.checkProducer(retry)).toEqual({
      kind: 'duplicate',
      baseOffset: 299,
      lastOffset: 299,
    });
  });

  test.each(['.producers', '.index', '.timeindex', 'leader-epoch-checkpoint'])(
    'does without %s files',
    async (name) => {
      const world = await PartitionWorld.make(
        { segmentBytes: 700, indexIntervalBytes: 100 },
        { deriveAfterBytes: 1 },
      );
      for (let at = 0; at < 30; at++) {
        world.append(1 + Math.floor(at / 10), 1, {
          producerId: 3,
          producerEpoch: 0,
          baseSequence: at,
        });
      }
      world.tick();
      world.log.setHighWatermark(25);
      await world.checkpoint();
      for (const path of world.fileSystem.files())
        if (path.endsWith(name)) world.fileSystem.unlinkSync(path);
      await world.restart();
      expect(world.log.damage).toBeUndefined();
      expect([0, 10, 29].map((offset) => world.log.epochAt(offset))).toEqual([1, 2, 3]);
      const retry = readBatchHeader(
        makeBatch(1, { producerId: 3, producerEpoch: 0, baseSequence: 29 }),
      );
      expect(world.log.checkProducer(retry).kind).toBe('duplicate');
      expect((await world.log.read(13, 30, 1)).firstOffset).toBe(13);
    },
  );

  test('of a log of many pieces walks all of it', async () => {
    const world = await PartitionWorld.make({ segmentBytes: 1 << 23 });
    for (let at = 0; at < 60; at++) {
      world.append(1, 1, { bytes: 100_000 });
      world.tick();
    }
    const all = await world.readAll();
    await world.restart();
    expect(world.log.logEnd).toBe(60);
    expect((await world.readAll()).equals(all)).toBe(true);
  });
});
