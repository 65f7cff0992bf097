import { NodeFileSystem } from '../file-system/node-file-system.js';
import { PartitionWorld } from '../partition/partition-world.test-support.js';
import { dumpPartition } from './dump-partition.js';
import { verifyPartition } from './verify-partition.js';

/** Three segments, two epochs, one idempotent producer; all of it committed and checkpointed. */
async function makeWorld(): Promise<PartitionWorld> {
  const world = await PartitionWorld.make(
    { segmentBytes: 2000, indexIntervalBytes: 200 },
    { deriveAfterBytes: 1 },
  );
  for (let at = 0; at < 50; at++) {
    world.append(at < 20 ? 1 : 2, 2, {
      timestamp: 1000 + at,
      producerId: 7,
      producerEpoch: 0,
      baseSequence: at * 2,
    });
  }
  world.tick();
  world.log.setHighWatermark(100);
  await world.checkpoint();
  return world;
}

const verify = (world: PartitionWorld): ReturnType<typeof verifyPartition> =>
  verifyPartition(world.directory, world.fileSystem);

/** Positions of all batches: file, position, header. */
async function places(
  world: PartitionWorld,
): Promise<{ file: string; position: number; offset: number; bytes: number }[]> {
  const found = [];
  for await (const item of dumpPartition(world.directory, world.fileSystem)) {
    if (item.kind !== 'batch') throw new Error(item.reason);
    const { file, position, header } = item;
    found.push({ file, position, offset: header.baseOffset, bytes: header.sizeBytes });
  }
  return found;
}

describe('verification of a partition', () => {
  test('finds nothing wrong with a sound one and counts what is there', async () => {
    const world = await makeWorld();
    expect(await verify(world)).toEqual({
      segments: world.bases().length,
      batches: 50,
      records: 100,
      firstOffset: 0,
      endOffset: 100,
      lastEpoch: 2,
      tailBytes: 0,
      problems: [],
    });
    expect(world.bases().length).toBeGreaterThan(2);
  });

  test('finds nothing wrong while the log is written, cut, restarted and shortened', async () => {
    const world = await makeWorld();
    for (let at = 0; at < 30; at++) world.append(3, 1, { timestamp: 2000 + at });
    expect((await verify(world)).problems).toEqual([]);
    world.tick({ synced: false });
    expect((await verify(world)).problems).toEqual([]);
    world.log.truncate(110);
    world.append(4, 1);
    world.tick();
    expect((await verify(world)).problems).toEqual([]);
    await world.restart();
    expect((await verify(world)).problems).toEqual([]);
    world.log.config = { ...world.log.config, retentionBytes: 3000 };
    const retention = world.log.enforceRetention(0);
    await new Promise(setImmediate);
    world.tick();
    await retention;
    const report = await verify(world);
    expect(report.problems).toEqual([]);
    expect(report.firstOffset).toBe(world.log.logStart);
    expect(report.firstOffset).toBeGreaterThan(0);
  });

  test.each([0, 17, 25, 49])(
    'finds a flipped bit of batch %d at its exact place',
    async (number) => {
      const world = await makeWorld();
      const place = (await places(world))[number];
      world.fileSystem.flipBit(place.file, place.position + place.bytes - 1, 3);
      const [problem] = (await verify(world)).problems;
      expect(problem).toMatchObject({
        file: place.file,
        position: place.position,
        offset: place.offset,
      });
      expect(problem.reason).toMatch(/checksum/);
    },
  );

  test.each([
    ['base offset', 7, /base offset/],
    ['length', 11, /checksum|batch of at least|magic|size/],
    ['epoch', 15, /epoch/],
    ['magic', 16, /magic/],
  ])(
    'finds a damaged %s, which the checksum does not cover (rule 22)',
    async (_name, at, reason) => {
      const world = await makeWorld();
      const place = (await places(world))[30];
      world.fileSystem.flipBit(place.file, place.position + at, 4);
      const [problem] = (await verify(world)).problems;
      expect(problem.file).toBe(place.file);
      expect(problem.reason).toMatch(reason);
      // A wrong length shows where the bytes that it claims end to make sense: at the batch itself.
      expect(problem.position).toBe(place.position);
    },
  );

  test('finds an epoch that only the epoch list contradicts', async () => {
    const world = await makeWorld();
    // From 1 to 0 at the first batch: epochs still do not fall.
    world.fileSystem.flipBit(world.path(0), 15, 0);
    const [problem] = (await verify(world)).problems;
    expect(problem).toMatchObject({ file: world.path(0), position: 0, offset: 0 });
    expect(problem.reason).toMatch(/epoch 0, the epoch list has 1/);
  });

  test('finds a missing segment', async () => {
    const world = await makeWorld();
    const [first, second] = world.bases();
    const size = world.fileSystem.contentOf(world.path(first)).length;
    world.fileSystem.unlinkSync(world.path(second));
    const [problem] = (await verify(world)).problems;
    expect(problem).toMatchObject({ file: world.path(first), position: size, offset: second });
  });

  test.each(['.index', '.timeindex'])('finds a wrong entry of a %s file', async (suffix) => {
    const world = await makeWorld();
    const path = world.path(world.bases()[1], suffix);
    const bytes = Buffer.from(world.fileSystem.contentOf(path));
    const entryBytes = suffix === '.index' ? 8 : 12;
    bytes[entryBytes * 2 - 1] ^= 1;
    world.fileSystem.replaceContent(path, bytes);
    const { problems } = await verify(world);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatchObject({ file: path, position: entryBytes });
  });

  test.each(['leader-epoch-checkpoint', '.producers'])(
    'finds damage of the %s file',
    async (name) => {
      const world = await makeWorld();
      const path = world.fileSystem.files().find((file) => file.endsWith(name)) as string;
      world.fileSystem.flipBit(path, 6, 1);
      expect((await verify(world)).problems).toMatchObject([{ file: path, position: 0 }]);
    },
  );

  test('names the first damage first', async () => {
    const world = await makeWorld();
    const all = await places(world);
    const last = all[45];
    const first = all[3];
    for (const { file, position } of [last, first])
      world.fileSystem.flipBit(file, position + 70, 0);
    const { problems } = await verify(world);
    expect(problems.map(({ offset }) => offset)).toEqual([first.offset, last.offset]);
  });

  test('takes half a batch, or zeros, at the very end for a tail that the write-ahead log holds', async () => {
    const world = await makeWorld();
    const path = world.path(world.bases().at(-1) as number);
    const whole = world.fileSystem.contentOf(path);
    world.fileSystem.replaceContent(path, Buffer.concat([whole, whole.subarray(0, 50)]));
    expect(await verify(world)).toMatchObject({ problems: [], tailBytes: 50, endOffset: 100 });
    world.fileSystem.replaceContent(path, Buffer.concat([whole, Buffer.alloc(3000)]));
    expect(await verify(world)).toMatchObject({ problems: [], tailBytes: 3000, endOffset: 100 });
  });

  test('does not take a missing end below the high watermark of a checkpoint for a tail', async () => {
    const world = await makeWorld();
    const path = world.path(world.bases().at(-1) as number);
    const whole = world.fileSystem.contentOf(path);
    world.fileSystem.replaceContent(path, whole.subarray(0, whole.length - 10));
    expect((await verify(world)).problems[0]).toMatchObject({ file: path, offset: 98 });
  });

  test('of a folder without segments says that it is empty', async () => {
    const report = await verifyPartition('/nowhere/at-all', new NodeFileSystem());
    expect(report).toMatchObject({
      segments: 0,
      batches: 0,
      firstOffset: 0,
      endOffset: 0,
      problems: [],
    });
  });
});

describe('a dump of a partition', () => {
  test('gives each batch once, with records when asked for', async () => {
    const world = await makeWorld();
    const items = [];
    for await (const item of dumpPartition(world.directory, world.fileSystem, {
      records: true,
      fromOffset: 41,
    }))
      items.push(item);
    expect(items).toHaveLength(30);
    expect(items[0]).toMatchObject({
      kind: 'batch',
      codec: 'none',
      header: { baseOffset: 40 },
      control: undefined,
    });
    expect(items[0].kind === 'batch' && items[0].records?.map(({ offset }) => offset)).toEqual([
      40, 41,
    ]);
  });

  test('says where it can not go on and continues with the next segment', async () => {
    const world = await makeWorld();
    const place = (await places(world))[2];
    world.fileSystem.flipBit(place.file, place.position + 65, 0);
    const kinds = [];
    for await (const item of dumpPartition(world.directory, world.fileSystem))
      kinds.push(item.kind);
    expect(kinds.slice(0, 4)).toEqual(['batch', 'batch', 'fault', 'batch']);
  });
});
