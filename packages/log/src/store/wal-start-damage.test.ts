// Damage of the write-ahead log around the place where the newest checkpoint starts: frames before it are not needed any
// more, frames behind it are (rule 24), wherever the damage begins.
import { FRAME_HEADER_BYTES, fileSeal } from './wal-frame.js';
import { readWalHistory } from './wal-history.js';
import type { WalHistory, WalSource } from './wal-history.js';
import { scanWalFile } from './wal-scan.js';
import type { Finding } from './wal-scan.js';
import { StoreWorld, settle } from './store-world.test-support.js';
import type { NoteReplica } from './note-replica.test-support.js';

const OPTIONS = { walFileBytes: 4096 };
/** Twice this does not fit into one file. */
const LARGE = 'x'.repeat(2500);

type Checkpoint = NonNullable<WalHistory['checkpoint']>;

interface Stage {
  readonly world: StoreWorld;
  readonly checkpoint: Checkpoint;
  /** The file that the checkpoint starts in. */
  readonly path: string;
  /** What can be read in it. */
  readonly frames: readonly Finding[];
}

/** Two replicas and a checkpoint; `meanwhile` writes between its start and its frame, then more is written and synced. */
async function stage(
  meanwhile: (one: NoteReplica, other: NoteReplica) => Promise<void>,
  { direct = false } = {},
): Promise<Stage> {
  const world = new StoreWorld();
  const store = await world.open(OPTIONS);
  const { fileSystem } = world;
  const [one, other] = [world.create(0), world.create(1)];
  one.append('0.');
  other.append(LARGE);
  await settle();
  one.append('1.', direct);
  other.append('1.', direct);
  await settle();
  fileSystem.fault = ({ kind, path }) => {
    if (kind !== 'sync' || !path.endsWith('/notes')) return undefined;
    // The device works on the segments: the first row is taken, and the frame of the checkpoint not yet written.
    fileSystem.fault = undefined;
    fileSystem.device = async () => {
      fileSystem.device = () => Promise.resolve();
      await meanwhile(one, other);
    };
    return undefined;
  };
  await store.checkpoint();
  await settle();
  other.append('3.');
  await settle();
  other.append('4.');
  await settle();
  const source: WalSource = {
    fileSystem,
    directoryId: store.directoryId,
    files: world.walFiles().map((path) => Number(/(\d+)\.wal$/.exec(path)?.[1])),
    pathOf: (file) => `/data/wal/${String(file).padStart(20, '0')}.wal`,
  };
  const { checkpoint, lost, rotten, end } = readWalHistory(source);
  expect([lost, rotten]).toEqual([[], []]);
  if (checkpoint === undefined || end === undefined) throw new Error('no checkpoint was taken');
  const path = source.pathOf(checkpoint.start.file);
  const file = fileSystem.openSync(path, 'read');
  const frames = [...scanWalFile(file, fileSeal(store.directoryId, checkpoint.start.file))].filter(
    ({ kind }) => kind === 'frame',
  );
  fileSystem.kill();
  return { world, checkpoint, path, frames };
}

/** One acknowledged append behind the start, in the file of the start; the checkpoint's frame is in the next one. */
async function intoNextFile(one: NoteReplica, other: NoteReplica): Promise<void> {
  one.append('2.');
  await settle();
  other.append(LARGE);
  await settle();
}

/** Nothing behind the start in the file of the start. */
async function onlyIntoNextFile(_one: NoteReplica, other: NoteReplica): Promise<void> {
  other.append(LARGE);
  await settle();
}

function fill({ world, path }: Stage, from: number, to?: number): void {
  const content = world.fileSystem.contentOf(path);
  world.fileSystem.replaceContent(path, content.fill(0xaa, from, to));
}

function cut({ world, path }: Stage, bytes: number): void {
  world.fileSystem.replaceContent(path, world.fileSystem.contentOf(path).subarray(0, bytes));
}

function lastBefore({ frames }: Stage, offset: number): Finding {
  const found = frames.findLast((frame) => frame.offset < offset);
  if (found === undefined) throw new Error(`no frame before ${offset}`);
  return found;
}

describe('damage that begins before the start of the newest checkpoint and reaches behind it is told (rule 24)', () => {
  const damages: Record<string, (stage: Stage) => void> = {
    'the file rots from the frame before the start on': (found) => {
      const { offset } = found.checkpoint.start;
      fill(found, lastBefore(found, offset).offset + 2, offset + FRAME_HEADER_BYTES);
    },
    'the file rots from the frame before the start to its end': (found) =>
      fill(found, lastBefore(found, found.checkpoint.start.offset).offset + 2),
    'the file is gone': ({ world, path }) => world.fileSystem.unlinkSync(path),
    'the file is cut inside a frame': (found) =>
      cut(found, lastBefore(found, found.checkpoint.start.offset).offset + 5),
    'the file is cut between two frames': (found) =>
      cut(found, lastBefore(found, found.checkpoint.start.offset).offset),
    'the file is empty': (found) => cut(found, 0),
  };

  test.each(Object.entries(damages))('%s', async (_name, damage) => {
    const found = await stage(intoNextFile);
    const { start, position } = found.checkpoint;
    expect(found.frames.some(({ offset }) => offset > start.offset)).toBe(true);
    expect(position.file).toBe(start.file + 1);
    damage(found);
    const store = await found.world.open(OPTIONS);
    expect(store.corruption).toHaveLength(1);
    expect(store.corruption[0]).toMatchObject({
      code: 'DATA_CORRUPT',
      context: { file: found.path, position: start.offset },
    });
    expect(store.lostReplicas()).toHaveLength(2);
  });
});

describe('no damage is told', () => {
  test('when everything that can not be read lies before the start', async () => {
    const found = await stage(intoNextFile);
    fill(found, 10, found.checkpoint.start.offset);
    const store = await found.world.open(OPTIONS);
    expect([...store.corruption, ...store.lostReplicas().map(({ damage }) => damage)]).toEqual([]);
    expect(found.world.notes(0).content()).toBe('0.1.2.');
  });

  test.each<[string, (found: Stage) => void]>([
    ['gone', ({ world, path }) => world.fileSystem.unlinkSync(path)],
    ['cut', (found) => cut(found, found.checkpoint.start.offset - 3)],
    ['rotten to its end', (found) => fill(found, 10)],
  ])('when the file that ended at the start is %s', async (_how, damage) => {
    const found = await stage(onlyIntoNextFile);
    const { start, position } = found.checkpoint;
    expect(found.frames.some(({ offset }) => offset >= start.offset)).toBe(false);
    expect(position.file).toBe(start.file + 1);
    damage(found);
    const store = await found.world.open(OPTIONS);
    expect([...store.corruption, ...store.lostReplicas().map(({ damage }) => damage)]).toEqual([]);
    expect(found.world.notes(0).content()).toBe('0.1.');
  });

  test('when nothing says that what stood behind the start was durable: it is a torn tail', async () => {
    const found = await stage(
      async (one) => {
        one.append('2.', true);
        await settle();
      },
      { direct: true },
    );
    const { start, position } = found.checkpoint;
    const checkpoint = found.frames.find(({ offset }) => offset === position.offset);
    if (checkpoint?.kind !== 'frame') throw new Error('the checkpoint is in another file');
    // The power failed while the checkpoint was synced: its frame had reached the disk, others before it had not.
    const before = lastBefore(found, start.offset).offset;
    fill(found, before, lastBefore(found, position.offset).offset);
    fill(found, position.offset + FRAME_HEADER_BYTES + checkpoint.header.bodyLength);
    for (const later of found.world.walFiles().filter((path) => path > found.path)) {
      found.world.fileSystem.replaceContent(later, Buffer.alloc(OPTIONS.walFileBytes));
    }
    const store = await found.world.open(OPTIONS);
    expect([...store.corruption, ...store.lostReplicas().map(({ damage }) => damage)]).toEqual([]);
    expect(found.world.notes(0).content()).toBe('0.1.');
    expect(found.world.notes(1).content()).toBe(`${LARGE}1.`);
  });
});
