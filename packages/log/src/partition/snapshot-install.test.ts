import { readBatchHeader } from '@zhumq/model';
import type { SegmentSummary, SnapshotState } from '../types.js';
import { verifyPartition } from '../inspect/verify-partition.js';
import { PartitionWorld, makeBatch } from './partition-world.test-support.js';

/** A log that begins at some offset behind 0, in several segments. */
async function makeSource(): Promise<PartitionWorld> {
  const world = await PartitionWorld.make({ segmentBytes: 600, indexIntervalBytes: 100 });
  world.append(1, 1, { producerId: 4, producerEpoch: 0, baseSequence: 0 });
  for (let at = 0; at < 40; at++) {
    world.append(1 + Math.floor(at / 9), 1, { producerId: 3, producerEpoch: 0, baseSequence: at });
  }
  world.tick();
  world.log.setHighWatermark(41);
  world.log.config = { ...world.log.config, retentionBytes: 2000 };
  const done = world.log.enforceRetention(0);
  while (!world.frames.some(({ record }) => record.kind === 'logStart'))
    await new Promise(setImmediate);
  world.tick();
  await done;
  expect(world.log.logStart).toBeGreaterThan(0);
  return world;
}

/** A replica with other content, in part beyond the snapshot's start. */
async function makeTarget(): Promise<PartitionWorld> {
  const world = await PartitionWorld.make();
  for (let at = 0; at < 7; at++) world.append(1);
  await world.checkpoint();
  return world;
}

async function copy(
  source: PartitionWorld,
  target: PartitionWorld,
  snapshot: { state: SnapshotState; segments: readonly SegmentSummary[] },
  chunkBytes: number,
  maxChunks = Infinity,
): Promise<boolean> {
  const { installedEnd } = target.log.beginInstall(snapshot.state);
  let chunks = 0;
  for (const { baseOffset, bytes, endOffset } of snapshot.segments) {
    if (endOffset <= installedEnd) continue;
    for (let position = 0; position < bytes;) {
      if (++chunks > maxChunks) return false;
      const chunk = await source.log.readSegment(
        baseOffset,
        position,
        Math.min(chunkBytes, bytes - position),
      );
      target.log.installChunk(baseOffset, chunk);
      position += chunk.length;
      if (chunks % 3 === 0) target.tick();
    }
  }
  const finished = target.log.finishInstall();
  target.tick();
  await finished;
  return true;
}

async function expectEqual(source: PartitionWorld, target: PartitionWorld): Promise<void> {
  expect([target.log.logStart, target.log.logEnd]).toEqual([
    source.log.logStart,
    source.log.logEnd,
  ]);
  expect((await target.readAll()).equals(await source.readAll())).toBe(true);
  expect(target.bases()).toEqual(source.bases());
  for (let at = source.log.logStart - 1; at < source.log.logEnd; at++)
    expect(target.log.epochAt(at)).toBe(source.log.epochAt(at));
  for (const [producerId, baseSequence] of [
    [3, 39],
    [4, 0],
  ]) {
    const retry = readBatchHeader(makeBatch(1, { producerId, producerEpoch: 0, baseSequence }));
    expect(target.log.checkProducer(retry)).toEqual(source.log.checkProducer(retry));
    expect(target.log.checkProducer(retry).kind).toBe('duplicate');
  }
  expect((await verifyPartition(target.directory, target.fileSystem)).problems).toEqual([]);
}

describe('a snapshot', () => {
  test.each([1, 100, 250, 1e6])(
    'copied in pieces of %d bytes gives an equal log, also after a restart',
    async (chunkBytes) => {
      const source = await makeSource();
      const target = await makeTarget();
      expect(await copy(source, target, source.log.snapshotState(41), chunkBytes)).toBe(true);
      expect(target.log.durableEnd).toBe(41);
      expect(target.log.highWatermark).toBe(41);
      await expectEqual(source, target);
      await target.checkpoint();
      await target.restart();
      await expectEqual(source, target);
      expect(target.append(9)).toMatchObject({ baseOffset: 41 });
    },
  );

  test('ends inside a segment where it is asked to', async () => {
    const source = await makeSource();
    const { state, segments } = source.log.snapshotState(39);
    expect(segments.at(-1)).toMatchObject({ endOffset: 39 });
    const target = await makeTarget();
    await copy(source, target, { state, segments }, 200);
    expect(target.log.logEnd).toBe(39);
  });

  test.each(['goes on', 'restarts', 'loses power'])(
    'that breaks off and %s is resumed where it ended',
    async (how) => {
      const source = await makeSource();
      const target = await makeTarget();
      const snapshot = source.log.snapshotState(41);
      expect(await copy(source, target, snapshot, 100, 15)).toBe(false);
      target.tick();
      if (how === 'restarts') await target.restart();
      if (how === 'loses power') await target.crash();
      expect(target.log.damage).toBeUndefined();
      const before = target.log.logEnd;
      if (how !== 'loses power') expect(before).toBeGreaterThan(snapshot.state.logStart);
      await copy(source, target, snapshot, 130);
      await expectEqual(source, target);
    },
  );

  test.each(['restarts', 'loses power'])(
    'that breaks off and %s before its first sync knows the producers below its start',
    async (how) => {
      const source = await makeSource();
      const target = await makeTarget();
      await copy(source, target, source.log.snapshotState(41), 100, 15);
      target.tick();
      if (how === 'restarts') await target.restart();
      else await target.crash({ below: () => 1, fraction: () => 0 });
      const { logStart, logEnd } = target.log;
      expect([logStart, logEnd > logStart]).toEqual([source.log.logStart, true]);
      const retry = { producerId: 4, producerEpoch: 0, baseSequence: 0 };
      expect(target.log.checkProducer(readBatchHeader(makeBatch(1, retry)))).toEqual({
        ...{ kind: 'duplicate', baseOffset: 0, lastOffset: 0 },
      });
    },
  );

  test('of another lineage is not continued but begun anew', async () => {
    const source = await makeSource();
    const target = await makeTarget();
    const snapshot = source.log.snapshotState(41);
    await copy(source, target, snapshot, 100, 15);
    const epochs = snapshot.state.epochs.map(({ epoch, startOffset }) => ({
      epoch: epoch + 50,
      startOffset,
    }));
    expect(
      target.log.beginInstall({ ...snapshot.state, epochs, epochBeforeStart: 60 }).installedEnd,
    ).toBe(snapshot.state.logStart);
  });

  test('with a damaged piece, a gap or too little is refused', async () => {
    const source = await makeSource();
    const target = await makeTarget();
    const snapshot = source.log.snapshotState(41);
    const [first, second] = snapshot.segments;
    target.log.beginInstall(snapshot.state);
    const chunk = await source.log.readSegment(first.baseOffset, 0, first.bytes);
    const bad = Buffer.from(chunk);
    bad[chunk.length - 1] ^= 1;
    expect(() => target.log.installChunk(first.baseOffset, bad)).toThrow(
      expect.objectContaining({ code: 'CORRUPT_BATCH' }),
    );
    target.log.beginInstall(snapshot.state);
    expect(() => target.log.installChunk(second.baseOffset, chunk)).toThrow(/gap/);
    target.log.installChunk(first.baseOffset, chunk);
    await expect(target.log.finishInstall()).rejects.toThrow(/installed up to/);
  });

  test('of a segment that retention removed meanwhile is refused', async () => {
    const source = await makeSource();
    await expect(source.log.readSegment(0, 0, 100)).rejects.toMatchObject({
      code: 'OFFSET_OUT_OF_RANGE',
    });
  });
});
