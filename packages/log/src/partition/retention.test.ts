import { readBatchHeader } from '@zhumq/model';
import { PartitionWorld, makeBatch } from './partition-world.test-support.js';
import { expiredSegments } from './retention.js';

const NO_LIMITS = { highWatermark: 1e9, nowMs: 10_000, retentionMs: -1, retentionBytes: -1 };
const segments = [0, 10, 20, 30].map((base) => ({
  base,
  endOffset: base + 10,
  bytes: 100,
  maxTimestamp: base * 100,
}));

describe('the choice of segments to delete', () => {
  test('goes by age', () => {
    expect(expiredSegments({ ...NO_LIMITS, segments, retentionMs: 8500 })).toBe(2);
    expect(expiredSegments({ ...NO_LIMITS, segments, retentionMs: 9000 })).toBe(1);
  });

  test('goes by size, keeping at least the bytes asked for', () => {
    expect(expiredSegments({ ...NO_LIMITS, segments, retentionBytes: 300 })).toBe(1);
    expect(expiredSegments({ ...NO_LIMITS, segments, retentionBytes: 301 })).toBe(0);
    expect(expiredSegments({ ...NO_LIMITS, segments, retentionBytes: 0 })).toBe(3);
  });

  test('never passes the high watermark, never takes the active segment, keeps what has no known time', () => {
    expect(expiredSegments({ ...NO_LIMITS, segments, retentionMs: 0, highWatermark: 19 })).toBe(1);
    expect(expiredSegments({ ...NO_LIMITS, segments, retentionMs: 0, nowMs: 1e9 })).toBe(3);
    const unknown = segments.map((segment) => ({ ...segment, maxTimestamp: undefined }));
    expect(expiredSegments({ ...NO_LIMITS, segments: unknown, retentionMs: 0 })).toBe(0);
    expect(expiredSegments({ ...NO_LIMITS, segments })).toBe(0);
  });
});

describe('retention', () => {
  async function makeWorld(): Promise<PartitionWorld> {
    const world = await PartitionWorld.make(
      { segmentBytes: 500, indexIntervalBytes: 100 },
      { tailBytes: 0 },
    );
    for (let at = 0; at < 30; at++) {
      world.append(1 + Math.floor(at / 8), 1, {
        timestamp: 1000 + at,
        producerId: 3,
        producerEpoch: 0,
        baseSequence: at,
      });
    }
    world.tick();
    world.log.setHighWatermark(30);
    return world;
  }

  /** Until its frame is gathered. */
  async function untilFrame(world: PartitionWorld): Promise<void> {
    while (!world.frames.some(({ record }) => record.kind === 'logStart'))
      await new Promise(setImmediate);
  }

  test('unlinks after the frame of the new log start is on disk, not before (rule 25)', async () => {
    const world = await makeWorld();
    const before = world.bases();
    world.log.config = { ...world.log.config, retentionMs: 0 };
    const done = world.log.enforceRetention(1015);
    await untilFrame(world);
    expect(world.bases()).toEqual(before);
    expect(world.log.logStart).toBeGreaterThan(0);
    world.tick();
    await done;
    expect(world.bases()).toEqual(before.filter((base) => base >= world.log.logStart));
    expect(() => world.log.read(0, 30, 1)).toThrow(
      expect.objectContaining({ code: 'OFFSET_OUT_OF_RANGE' }),
    );
    expect((await world.log.read(world.log.logStart, 30, 1)).firstOffset).toBe(world.log.logStart);
  });

  test.each(['before the frame', 'before the unlink'])(
    'cut off %s, it is whole after a restart',
    async (when) => {
      const world = await makeWorld();
      await world.checkpoint();
      world.log.config = { ...world.log.config, retentionMs: 0 };
      world.log.enforceRetention(1015).catch(() => undefined);
      await untilFrame(world);
      if (when === 'before the unlink') {
        for (const frame of world.frames) frame.state = 'durable';
      }
      await world.restart();
      expect(world.log.damage).toBeUndefined();
      expect(world.log.logStart > 0).toBe(when === 'before the unlink');
      expect(world.bases()[0]).toBe(world.log.logStart);
      expect(world.log.logEnd).toBe(30);
      expect(world.log.epochAt(world.log.logStart - 1)).toBe(
        world.log.logStart === 0 ? undefined : 1 + Math.floor((world.log.logStart - 1) / 8),
      );
    },
  );

  test('never leads to a segment name that was used before (TTL clean-up)', async () => {
    const world = await makeWorld();
    world.log.config = { ...world.log.config, retentionMs: 0, retentionBytes: 0 };
    const done = world.log.enforceRetention(1e9);
    await untilFrame(world);
    world.tick();
    await done;
    await world.checkpoint();
    await world.restart();
    expect(world.log.logEnd).toBe(30);
    expect(world.append(9)).toEqual({ baseOffset: 30, lastOffset: 30 });
    world.tick();
    expect(world.bases().every((base) => base <= 30 && base >= world.log.logStart)).toBe(true);
  });

  test('keeps what it deletes of producers in a snapshot (rule 26)', async () => {
    const world = await PartitionWorld.make({ segmentBytes: 300 });
    world.append(1, 1, { producerId: 3, producerEpoch: 0, baseSequence: 0 });
    for (let at = 0; at < 9; at++) world.append(1);
    world.tick();
    world.log.setHighWatermark(10);
    world.log.config = { ...world.log.config, retentionBytes: 0 };
    const done = world.log.enforceRetention(0);
    await untilFrame(world);
    world.tick();
    await done;
    expect(world.log.logStart).toBeGreaterThan(0);
    await world.restart();
    const retry = readBatchHeader(
      makeBatch(1, { producerId: 3, producerEpoch: 0, baseSequence: 0 }),
    );
    expect(world.log.checkProducer(retry)).toEqual({
      kind: 'duplicate',
      baseOffset: 0,
      lastOffset: 0,
    });
  });
});

describe('what an owner has no need of any more', () => {
  async function makeWorld(): Promise<PartitionWorld> {
    const world = await PartitionWorld.make({ segmentBytes: 500 }, { tailBytes: 0 });
    for (let at = 0; at < 30; at++) world.append(1);
    world.tick();
    return world;
  }

  test('goes in whole segments, never beyond the high watermark, never the active one', async () => {
    const world = await makeWorld();
    const [, second, third] = world.bases();
    world.log.setHighWatermark(third - 1);
    await settled(world, world.log.deleteBefore(29));
    expect(world.log.logStart).toBe(second);
    world.log.setHighWatermark(30);
    await settled(world, world.log.deleteBefore(third));
    expect(world.log.logStart).toBe(third);
    await settled(world, world.log.deleteBefore(third + 1));
    expect(world.log.logStart).toBe(third);
    await settled(world, world.log.deleteBefore(1000));
    expect(world.bases()).toEqual([world.log.logStart]);
    expect(world.log.logEnd).toBe(30);
    expect((await world.readAll()).length).toBeGreaterThan(0);
  });

  test('is unlinked after the frame of the new log start is on disk (rule 25)', async () => {
    const world = await makeWorld();
    await world.checkpoint();
    world.log.setHighWatermark(30);
    const before = world.bases();
    world.log.deleteBefore(20).catch(() => undefined);
    while (!world.frames.some(({ record }) => record.kind === 'logStart'))
      await new Promise(setImmediate);
    expect(world.bases()).toEqual(before);
    await world.crash();
    expect(world.log.damage).toBeUndefined();
    expect(world.bases()[0]).toBe(world.log.logStart);
    expect(world.log.logEnd).toBe(30);
  });

  test('waits for a deletion by age that is under way', async () => {
    const world = await makeWorld();
    world.log.setHighWatermark(30);
    const [, second] = world.bases();
    world.log.config = { ...world.log.config, retentionBytes: world.log.sizeBytes - 1 };
    const byAge = world.log.enforceRetention(0);
    const byOwner = world.log.deleteBefore(30);
    await settled(world, byAge);
    expect(world.log.logStart).toBeGreaterThanOrEqual(second);
    await settled(world, byOwner);
    expect(world.bases()).toEqual([world.log.logStart]);
  });

  async function settled(world: PartitionWorld, work: Promise<void>): Promise<void> {
    let done = false;
    void work.then(() => (done = true));
    while (!done) {
      await new Promise(setImmediate);
      world.tick();
    }
    await work;
  }
});
