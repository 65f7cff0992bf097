// Pitfalls of the write-ahead log: what a power loss leaves of it, and what a start makes of that. Known from the work on
// storage faults under consensus (Alagappan et al., FAST 2018; Pillai et al., OSDI 2014).
import type { Random } from '@zhumq/base';
import type { ServerSlot } from '../simulated-cluster.js';
import type { ScriptedScenario } from './scripted-scenario.js';
import { TOPIC } from './stage.js';
import type { Stage } from './stage.js';

const OTHER = 'u';
const SECTOR_BYTES = 512;
/** Between the beginning of the frame of a generation and its end, counted from the beginning of its write. */
const WITHIN_GENERATION = 140;
const FRAME_MAGIC = Buffer.from('7a6d7157', 'hex');
const FRAME_HEAD_BYTES = 44;
const KIND_AT = 16;
const CHECKPOINT = 2;
const MIB = 1024 * 1024;
const PIECE_BYTES = MIB / 4;

const isWal = (path: string): boolean => path.includes('/wal');

/** Of a power loss: the oldest unsynced write is gone, and all that came later reached the disk (disk-file.ts). */
function allButTheFirst(): Random {
  let isFirst = true;
  const below = (limit: number): number => {
    if (limit !== 4) return 1;
    const fate = isFirst ? 0 : 1;
    isFirst = false;
    return fate;
  };
  return { below, fraction: () => 0 };
}

/** Of a power loss: of each unsynced write so many bytes are missing at its end. */
function allBut(bytes: number): Random {
  const below = (limit: number): number =>
    limit === 4 ? 2 : limit === 2 ? 1 : Math.max(0, limit - 1 - bytes);
  return { below, fraction: () => 0 };
}

/** Of a power loss: of each unsynced write the first sector is gone, and the others reached the disk. */
function allButTheFirstSectors(): Random {
  let sectors: number | undefined;
  const below = (limit: number): number => {
    if (limit === 4) {
      sectors = 0;
      return 3;
    }
    // Names survive with 1, sectors with 0.
    if (sectors === undefined) return 1;
    return sectors++ === 0 ? 1 : 0;
  };
  return { below, fraction: () => 0 };
}

/** Of a power loss: what was not synced is gone, names apart. */
const NAMES_SURVIVE: Random = { below: (limit) => (limit === 2 ? 1 : 0), fraction: () => 0 };

/** Checkpoints in its write-ahead log, by the file's number and position. */
function checkpointsOf({ machine: { disk } }: ServerSlot): string[] {
  const found: string[] = [];
  for (const path of disk?.files().filter(isWal) ?? []) {
    const content = disk?.contentOf(path) ?? Buffer.alloc(0);
    for (let at = content.indexOf(FRAME_MAGIC); at >= 0; at = content.indexOf(FRAME_MAGIC, at + 1))
      if (content[at + KIND_AT] === CHECKPOINT) found.push(`${path}:${at}`);
  }
  return found;
}

/** The kernel writes the segment back: only the write-ahead log is left unsynced. Returns its path. */
async function syncSegment(stage: Stage, slot: ServerSlot): Promise<string> {
  const { disk } = slot.machine;
  const folder = `/data/partitions/${TOPIC}-0.${stage.idOf(slot).slice(0, 8)}/`;
  const paths = disk?.files().filter((path) => path.startsWith(folder) && path.endsWith('.log'));
  const path = paths?.at(-1);
  if (disk === undefined || path === undefined)
    return stage.fail('execution', 'there is no segment');
  stage.as(slot, () => void disk.openSync(path, 'write').sync());
  await stage.pass(10);
  return path;
}

/** Where the newest file of the write-ahead log that was written ends: a few bytes more, if its last ones are zero. */
function endOfWal({ machine: { disk } }: ServerSlot): {
  readonly path: string;
  readonly end: number;
} {
  for (const path of disk?.files().filter(isWal).reverse() ?? []) {
    const end = disk?.contentOf(path).findLastIndex((byte) => byte !== 0) ?? -1;
    if (end >= 0) return { path, end: end + 1 };
  }
  throw new Error('nothing is in the write-ahead log');
}

/** Records of another partition come before: the next write begins so many bytes before the end of a sector. */
async function alignWal(stage: Stage, slot: ServerSlot, bytesBefore: number): Promise<void> {
  const one = await stage.client('filler');
  const fill = async (value: string, padding: number): Promise<void> => {
    const sent = one.send(value, 'all', { topic: OTHER, padding });
    await one.acknowledged(sent);
    await stage.until('the follower has it', () => stage.end(slot, OTHER) > sent.offset);
    await stage.pass(50);
  };
  const { end: before } = endOfWal(slot);
  await fill('measure', SECTOR_BYTES);
  const { end } = endOfWal(slot);
  const next = end + (end - before);
  await fill('align', 2 * SECTOR_BYTES - ((next + bytesBefore) % SECTOR_BYTES));
}

/** Two records that a follower has written, each with a write of its own, and not synced. */
async function unsyncedWrites(stage: Stage): Promise<{ readonly slot: ServerSlot; end: number }> {
  const [, slot] = await stage.cast();
  const { hands } = stage;
  const one = await stage.client('one');
  await one.sendAll('before-', 2);
  await stage.cast();
  const end = stage.end(slot);
  const syncs = hands.holdSyncs(slot, isWal);
  for (const [at, value] of ['torn', 'behind'].entries()) {
    await one.acknowledged(one.send(value));
    await stage.until('the follower has it', () => stage.end(slot) === end + at + 1);
    await stage.pass(10);
  }
  stage.saw('it is not synced', syncs.waiting > 0 && stage.replica(slot).log.syncedEnd === end);
  return { slot, end };
}

/** It is back, alone, and has what it had synced: no more, no less, and it serves. */
async function expectEnd(stage: Stage, slot: ServerSlot, end: number): Promise<void> {
  const { hands } = stage;
  const heal = hands.isolate(slot);
  stage.start(slot);
  await stage.until(
    'its replica is there',
    () => stage.partition(slot) !== undefined,
    10_000,
    'promise',
  );
  const { log, replicator } = stage.replica(slot);
  stage.promise('its log ends where it was synced', log.logEnd === end);
  stage.promise('it is in service', replicator.role !== 'failed');
  stage.promise('it has nothing to doubt', log.hardState?.tainted !== true);
  heal(true);
}

export const WAL_PITFALL_SCENARIOS: readonly ScriptedScenario[] = [
  {
    name: 'pitfall-whole-write-behind-a-torn-one',
    about:
      'of two writes to a write-ahead log that no sync covers the power loss leaves the later one: what stands behind the tear was never acknowledged, and is neither replayed nor damage',
    options: {},
    play: async (stage) => {
      const { slot, end } = await unsyncedWrites(stage);
      await syncSegment(stage, slot);
      stage.losePower(slot, allButTheFirst());
      const { disk } = slot.machine;
      const wal = disk?.files().filter(isWal) ?? [];
      const holds = (value: string): boolean =>
        wal.some((path) => disk?.contentOf(path).includes(`${value}|`));
      stage.saw('the later one is there, the first one not', holds('behind') && !holds('torn'));
      await expectEnd(stage, slot, end);
      await (await stage.client('two')).sendAll('after-', 2);
    },
  },
  {
    name: 'pitfall-torn-frame-with-a-whole-head',
    about:
      'a power loss leaves of a frame of the write-ahead log all but its last bytes: its head is whole, it was never acknowledged, and it is no record',
    options: {},
    play: async (stage) => {
      const { slot, end } = await unsyncedWrites(stage);
      await syncSegment(stage, slot);
      const { path } = endOfWal(slot);
      const content = (): Buffer => slot.machine.disk?.contentOf(path) ?? Buffer.alloc(0);
      const written = content();
      const frame = written.lastIndexOf(FRAME_MAGIC, written.indexOf('torn|'));
      const head = written.subarray(frame, frame + FRAME_HEAD_BYTES);
      stage.losePower(slot, allBut(4));
      stage.saw('its head is whole', content().indexOf(head) === frame);
      stage.saw('its body is torn', frame >= 0 && !content().includes('torn|'));
      await expectEnd(stage, slot, end);
      await (await stage.client('two')).sendAll('after-', 2);
    },
  },
  {
    name: 'pitfall-cut-records-stay-cut',
    about:
      'mode fetch: a deposed leader has cut what only it had, by a frame that is on disk; its segment has not heard of it when the power fails, and what was cut stands there whole',
    options: { mode: 'fetch', config: { flush: 'fsync' } },
    play: async (stage) => {
      const [deposed, second, third] = await stage.cast();
      const { hands } = stage;
      const one = await stage.client('one');
      await one.sendAll('before-', 2);
      // A start takes over what the write-ahead log has: its files are on disk then, with their names.
      stage.kill(deposed);
      await stage.restarted(deposed);
      await stage.lead(deposed);
      await stage.cast();
      const end = stage.end(deposed);
      hands.isolate(deposed, 'servers');
      await one.sendAll('alone-', 2, 'leader');
      stage.saw('it has them alone', stage.end(deposed) === end + 2);
      const segment = await syncSegment(stage, deposed);
      const { log } = stage.replica(deposed);
      hands.expire(deposed);
      hands.cutStore(deposed);
      await stage.until(
        'another one leads',
        () => stage.replica(second).leads || stage.replica(third).leads,
      );
      hands.letGo(true);
      await stage.until('it has cut them', () => log.logEnd === end);
      // Before it gets anything of the new epoch; what is under way to its own disk goes on.
      hands.isolate(deposed);
      const { events } = stage.world.scheduler;
      await stage.until('that is on disk', () => (deposed.machine.disk?.syncedSince ?? 0) > events);
      stage.saw('nothing has followed', log.logEnd === end);
      stage.losePower(deposed);
      const { disk } = deposed.machine;
      const content = disk?.contentOf(segment);
      stage.saw('its segment still holds them', content?.includes('alone-1|') === true);
      await expectEnd(stage, deposed, end);
      await (await stage.client('two')).sendAll('after-', 2);
    },
  },
  {
    name: 'pitfall-hard-state-behind-a-torn-generation',
    about:
      'power is lost when of a new generation its hard state has reached the disk and its record, in the sector before it, has not: without the store the voter is what it was, closed',
    options: { others: [{ topic: OTHER, partitions: 1, replicas: 3, mode: 'raft', config: {} }] },
    play: async (stage) => {
      const [, second] = await stage.cast();
      const { hands } = stage;
      const one = await stage.client('one');
      await one.sendAll('before-', 2);
      one.switchMode('fetch');
      await stage.until(
        'it is closed',
        () => stage.partition(second)?.log.hardState?.closed === true,
      );
      const news = hands.hold(undefined, second, { method: 'reconcile', answer: false });
      await stage.until('mode fetch is published', () => stage.record.mode === 'fetch');
      await stage.until('it is to hear of that', () => news.caught);
      await alignWal(stage, second, WITHIN_GENERATION);
      const syncs = hands.holdSyncs(second, isWal);
      news.release();
      const { generation } = stage.record;
      await stage.until('it enters that', () => {
        const log = stage.partition(second)?.log;
        return log?.generation?.generation === generation && syncs.waiting > 0;
      });
      const { path } = endOfWal(second);
      const content = (): Buffer => second.machine.disk?.contentOf(path) ?? Buffer.alloc(0);
      const written = content();
      const hardState = written.lastIndexOf(FRAME_MAGIC);
      const record = written.lastIndexOf(FRAME_MAGIC, hardState - 1);
      stage.losePower(second, allButTheFirstSectors());
      const isWhole = (from: number, end?: number): boolean =>
        content().subarray(from, end).equals(written.subarray(from, end));
      stage.saw('its record is torn', !isWhole(record, hardState));
      stage.saw('its hard state is whole', isWhole(hardState));
      hands.isolate(second, 'servers');
      hands.cutStore(second);
      stage.start(second);
      await stage.until(
        'its replica is there',
        () => stage.partition(second) !== undefined,
        10_000,
        'promise',
      );
      const { log, replicator } = stage.replica(second);
      stage.saw('it knows the generation before', log.generation?.generation === generation - 1);
      stage.promise('it is closed', log.hardState?.closed === true && replicator.role === 'closed');
      hands.letGo(true);
      await one.sendAll('after-', 2);
    },
  },
  {
    name: 'pitfall-files-used-again-before-the-checkpoint',
    about:
      'power is lost while a checkpoint is being synced, and the write-ahead log has gone on for more than a file since it was begun: the checkpoint before is still there, with all that follows it',
    options: { brokerFlags: { 'wal.checkpoint.bytes': '2MiB' } },
    play: async (stage) => {
      const [leader] = await stage.cast();
      const one = await stage.client('one');
      const write = async (name: string, bytes: number): Promise<void> => {
        const count = bytes / PIECE_BYTES;
        const sends = Array.from({ length: count }, (_, at) =>
          one.send(`${name}-${at}-`, 'all', { padding: PIECE_BYTES }),
        );
        await one.acknowledged(...sends);
      };
      const id = stage.idOf(leader);
      const before = checkpointsOf(leader);
      stage.hands.slowDisk(leader, 2_000);
      await write('first', 2.25 * MIB);
      const isNew = (place: string): boolean => !before.includes(place);
      for (let tries = 0; tries < 200 && !checkpointsOf(leader).some(isNew); tries++)
        await stage.pass(100);
      stage.saw('a checkpoint is written', checkpointsOf(leader).some(isNew));
      const { events } = stage.world.scheduler;
      await write('then', 2.25 * MIB);
      stage.saw('it is not synced', (leader.machine.disk?.syncedSince ?? 0) < events);
      stage.losePower(leader, NAMES_SURVIVE);
      await stage.restarted(leader);
      await stage.until(
        'its replica is there',
        () => stage.partition(leader) !== undefined,
        10_000,
        'promise',
      );
      stage.promise('it is the one that it was', stage.idOf(leader) === id);
      stage.promise('nothing of it is damaged', stage.replica(leader).replicator.role !== 'failed');
      await (await stage.client('two')).sendAll('after-', 2);
    },
  },
];
