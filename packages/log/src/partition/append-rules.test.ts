import { readBatchHeader, stampBatch } from '@zhumq/model';
import { PartitionWorld, makeBatch } from './partition-world.test-support.js';

function fromLeader(baseOffset: number, epoch: number, count = 1): Buffer {
  const batch = makeBatch(count);
  stampBatch(batch, 0, baseOffset, epoch);
  return batch;
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a leader', () => {
  test('never appends in an epoch below the last (epochs do not fall)', async () => {
    const world = await PartitionWorld.make();
    world.append(5);
    expect(() => world.append(4)).toThrow(/epoch 4 after 5/);
    expect(world.log.logEnd).toBe(1);
  });

  test('never writes an offset twice in one epoch (rule 4)', async () => {
    const world = await PartitionWorld.make();
    world.append(5);
    world.append(5);
    world.log.truncate(1);
    expect(() => world.append(5)).toThrow(/was written before/);
    expect(world.append(6)).toMatchObject({ baseOffset: 1 });
  });

  test('whose write failed is out of service and appends no more (rule 4); the disk being full is said', async () => {
    const world = await PartitionWorld.make();
    world.append(5);
    world.fileSystem.fault = ({ kind }) =>
      kind === 'write' ? { kind: 'error', code: 'ENOSPC' } : undefined;
    const failure = ((): Error => {
      try {
        world.tick();
      } catch (error) {
        return error as Error;
      }
      throw new Error('the write did not fail');
    })();
    expect(failure).toMatchObject({ code: 'DISK_FAILED', context: { errno: 'ENOSPC' } });
    expect(failure.message).toMatch(/disk is full/);
    world.log.fail(failure);
    world.fileSystem.fault = undefined;
    expect(() => world.append(5)).toThrow(expect.objectContaining({ code: 'REPLICA_FAILED' }));
    world.log.onWalDurable(1);
    expect(world.log.durableEnd).toBe(0);
    expect(world.durable).toEqual([]);
    expect(world.failures).toEqual([failure]);
    // A vote is saved all the same.
    expect(
      world.log.saveGeneration({
        generation: 1,
        mode: 'raft',
        epoch: 5,
        seal: undefined,
        voters: [],
      }),
    ).toBe(2);
  });
});

describe('a follower', () => {
  test('takes whole batches of several epochs as they came', async () => {
    const world = await PartitionWorld.make();
    const bytes = Buffer.concat([fromLeader(0, 1, 2), fromLeader(2, 1), fromLeader(3, 4, 3)]);
    world.log.appendAsFollower(bytes);
    expect([0, 2, 3, 5].map((offset) => world.log.epochAt(offset))).toEqual([1, 1, 4, 4]);
    expect((await world.readAll()).equals(bytes)).toBe(true);
    expect(world.frames).toHaveLength(1);
  });

  test.each<[string, (good: Buffer) => Buffer, string]>([
    [
      'a flipped bit',
      (good) => {
        good[good.length - 1] ^= 1;
        return good;
      },
      'CORRUPT_BATCH',
    ],
    ['a gap', () => fromLeader(9, 1), 'CORRUPT_BATCH'],
    ['an overlap', () => fromLeader(0, 1), 'CORRUPT_BATCH'],
    ['an epoch that falls', () => fromLeader(2, 0), 'CORRUPT_BATCH'],
    ['half a batch', (good) => good.subarray(0, good.length - 1), 'INVALID_BATCH'],
    ['less than a header', (good) => good.subarray(0, 30), 'INVALID_BATCH'],
  ])(
    'takes all of a message or, with %s in its last batch, nothing',
    async (_what, spoil, code) => {
      const world = await PartitionWorld.make();
      world.append(1);
      const message = Buffer.concat([fromLeader(1, 1), spoil(fromLeader(2, 1))]);
      expect(() => world.log.appendAsFollower(message)).toThrow(expect.objectContaining({ code }));
      expect(world.log.logEnd).toBe(1);
      expect(world.frames).toHaveLength(1);
      world.log.appendAsFollower(fromLeader(1, 2));
      expect(world.log.epochAt(1)).toBe(2);
    },
  );

  test('accepts gaps in the sequence of a producer', async () => {
    const world = await PartitionWorld.make();
    const batch = makeBatch(1, { producerId: 3, producerEpoch: 0, baseSequence: 77 });
    stampBatch(batch, 0, 0, 1);
    world.log.appendAsFollower(batch);
    const next = readBatchHeader(
      makeBatch(1, { producerId: 3, producerEpoch: 0, baseSequence: 78 }),
    );
    expect(world.log.checkProducer(next).kind).toBe('append');
  });
});

describe('the durable end', () => {
  test('is lowered at once by a truncation, and a late completion does not confirm what was rewritten (ABA)', async () => {
    const world = await PartitionWorld.make();
    for (let at = 0; at < 5; at++) world.append(1);
    world.tick({ synced: false });
    const old = world.frames.at(-1)?.record.sequence as number;
    world.log.truncate(2);
    for (let at = 0; at < 3; at++) world.append(2);
    expect(world.log.logEnd).toBe(5);
    world.log.onWalDurable(old);
    expect(world.log.durableEnd).toBe(2);
    expect(world.durable.at(-1)).toEqual({ end: 2, epoch: 1 });
    world.tick();
    expect(world.log.durableEnd).toBe(5);
    expect(world.durable.at(-1)).toEqual({ end: 5, epoch: 2 });
  });

  test('is contiguous: what was written unsynced counts for fsync only after a sync (rule 8)', async () => {
    const world = await PartitionWorld.make({ flush: 'interval' });
    world.append(1);
    world.tick({ synced: false });
    world.log.onWalDurable(1);
    expect(world.log.durableEnd).toBe(1);
    expect(world.syncsAsked).toEqual([1000]);
    world.log.config = { ...world.log.config, flush: 'fsync' };
    expect(world.syncsAsked).toEqual([1000, 0]);
    expect(world.log.durableEnd).toBe(0);
    world.append(1);
    world.tick();
    expect(world.log.durableEnd).toBe(0);
    await world.log.syncSegments();
    expect(world.log.durableEnd).toBe(2);
    expect(world.durable.at(-1)).toEqual({ end: 2, epoch: 1 });
  });

  test('reports each hard state once, when it is on disk', async () => {
    const world = await PartitionWorld.make();
    const hardState = {
      generation: 1,
      term: 3,
      vote: 'x',
      closed: false,
      tainted: false,
      taintReason: '',
    };
    const first = world.log.saveHardState(hardState);
    world.append(3);
    const second = world.log.saveHardState({ ...hardState, term: 4 });
    expect(world.states).toEqual([]);
    world.tick();
    expect(world.states).toEqual([first, second]);
    await world.restart();
    expect(world.log.hardState?.term).toBe(4);
    await world.checkpoint();
    await world.restart();
    expect(world.log.hardState?.term).toBe(4);
  });
});

describe('a truncation', () => {
  test('never goes below the high watermark', async () => {
    const world = await PartitionWorld.make();
    world.append(1);
    world.append(1);
    world.log.setHighWatermark(1);
    expect(() => world.log.truncate(0)).toThrow(/below the high watermark/);
    world.log.truncate(1);
    expect(world.log.logEnd).toBe(1);
  });

  test('behind a header that has rotted since it was written takes the replica out of service', async () => {
    const world = await PartitionWorld.make();
    for (let at = 0; at < 4; at++) world.append(1);
    await world.checkpoint();
    // So that nothing of it is in memory.
    await world.restart();
    const { length } = world.fileSystem.contentOf(world.path(0));
    // The length of the second batch.
    world.fileSystem.flipBit(world.path(0), length / 4 + 8, 6);
    expect(() => world.log.snapshotState(2)).toThrow('no batch at offset 1, where one was written');
    expect(() => world.log.truncate(2)).toThrow('no batch at offset 1');
    expect(world.log.damage?.offset).toBe(1);
    await world.restart();
    expect(world.log.damage?.offset).toBe(1);
  });

  test('behind a header that has rotted in a sealed segment is remembered over a restart, which does not look there', async () => {
    const world = await PartitionWorld.make({ segmentBytes: 700 }, { deriveAfterBytes: 1 });
    for (let at = 0; at < 9; at++) world.append(1, 1, { bytes: 150 });
    world.log.setHighWatermark(1);
    await world.checkpoint();
    await world.restart();
    const [first, second] = world.bases();
    expect(first).toBe(0);
    expect(second).toBeGreaterThan(2);
    const { length } = world.fileSystem.contentOf(world.path(0));
    // Where the second batch says that it begins.
    world.fileSystem.flipBit(world.path(0), Math.floor(length / second) + 7, 6);
    expect(() => world.log.truncate(second - 1)).toThrow('no batch at offset 1');
    while (!world.fileSystem.listSync(world.directory).includes('damage')) await turn();
    await world.restart();
    expect(world.log.damage?.offset).toBe(1);
  });

  test('behind a first header that has rotted blames the begin of the segment, not the offset that it says', async () => {
    const world = await PartitionWorld.make();
    for (let at = 0; at < 4; at++) world.append(1);
    await world.checkpoint();
    await world.restart();
    world.fileSystem.flipBit(world.path(0), 2, 0);
    expect(() => world.log.truncate(2)).toThrow('no batch at offset 0, where one was written');
    expect(world.log.damage?.offset).toBe(0);
  });

  test('inside a batch is a bug', async () => {
    const world = await PartitionWorld.make();
    world.append(1, 4);
    expect(() => world.log.truncate(2)).toThrow(/is inside the batch/);
  });

  test('removes what is known of producers there, before anything else can ask (rule 15)', async () => {
    const world = await PartitionWorld.make();
    world.append(1, 1, { producerId: 3, producerEpoch: 0, baseSequence: 0 });
    world.append(1, 1, { producerId: 3, producerEpoch: 0, baseSequence: 1 });
    const retry = readBatchHeader(
      makeBatch(1, { producerId: 3, producerEpoch: 0, baseSequence: 1 }),
    );
    expect(world.log.checkProducer(retry)).toEqual({
      kind: 'duplicate',
      baseOffset: 1,
      lastOffset: 1,
    });
    world.log.truncate(1);
    expect(world.log.checkProducer(retry)).toEqual({ kind: 'append' });
  });

  test('leaves the file as it is until its frame is on disk, so that a power loss is no damage', async () => {
    const world = await PartitionWorld.make();
    for (let at = 0; at < 4; at++) world.append(1);
    await world.checkpoint();
    const before = Buffer.from(world.fileSystem.contentOf(world.path(0)));
    world.log.truncate(1);
    world.append(2, 1, { bytes: 500 });
    world.tick({ synced: false });
    expect(world.fileSystem.contentOf(world.path(0)).equals(before)).toBe(true);
    expect((await world.log.read(1, 2, 1e6)).endOffset).toBe(2);
    world.tick();
    expect(world.fileSystem.contentOf(world.path(0)).length).toBeGreaterThan(500);
    expect((await world.readAll()).equals(world.fileSystem.contentOf(world.path(0)))).toBe(true);
  });

  test('over several segments removes their files, and appends use the names again', async () => {
    const world = await PartitionWorld.make({ segmentBytes: 300, indexIntervalBytes: 100 });
    for (let at = 0; at < 12; at++) world.append(1);
    await world.checkpoint();
    const bases = world.bases();
    expect(bases.length).toBeGreaterThan(3);
    world.log.truncate(bases[1]);
    for (let at = bases[1]; at < 12; at++) world.append(2, 1, { bytes: 30 });
    world.tick();
    await world.checkpoint();
    const all = await world.readAll();
    await world.restart();
    expect((await world.readAll()).equals(all)).toBe(true);
    expect(world.log.epochAt(bases[1])).toBe(2);
  });
});

describe('a roll', () => {
  test('happens by bytes and by the age of records, and does not block anything (log roll deadlock)', async () => {
    const world = await PartitionWorld.make({ segmentBytes: 400, segmentMs: 1000 });
    for (let at = 0; at < 4; at++) world.append(1, 1, { timestamp: 1000 });
    expect(world.log.logEnd).toBe(4);
    world.append(1, 1, { timestamp: 2001 });
    world.tick();
    const files = world.bases().map((base) => world.fileSystem.contentOf(world.path(base)).length);
    expect(world.bases().at(-1)).toBe(4);
    expect(Math.max(...files)).toBeLessThanOrEqual(400);
    expect((await world.readAll()).length).toBe(files.reduce((sum, bytes) => sum + bytes, 0));
  });

  test('leaves a sealed segment that ends with its last batch, and its index files', async () => {
    const world = await PartitionWorld.make({ segmentBytes: 400, indexIntervalBytes: 80 });
    for (let at = 0; at < 9; at++) world.append(1, 1, { timestamp: 1000 + at });
    world.tick();
    const [first, second] = world.bases();
    const bytes = world.fileSystem.contentOf(world.path(first));
    const batch = bytes.length / (second - first);
    expect(Number.isInteger(batch)).toBe(true);
    const index = world.fileSystem.contentOf(world.path(first, '.index'));
    // Kafka's layout: relative last offset, position of the batch; none for the first batch.
    expect([index.readInt32BE(0), index.readInt32BE(4)]).toEqual([1, batch]);
    const times = world.fileSystem.contentOf(world.path(first, '.timeindex'));
    expect(Number(times.readBigInt64BE(times.length - 12))).toBe(1000 + second - 1);
    expect(times.readInt32BE(times.length - 4)).toBe(second - 1 - first);
  });
});
