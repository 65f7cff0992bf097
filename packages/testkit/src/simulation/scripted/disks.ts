// Rules 4, 8, 9, 22 and 25: segments whose disk is full, loses what was not synced, or rots.
import type { ServerSlot } from '../simulated-cluster.js';
import { batchSizeAt } from '@zhumq/model';
import type { ScriptedScenario } from './scripted-scenario.js';
import { ELECTION_MS, TOPIC } from './stage.js';
import type { Stage } from './stage.js';

const LATE_SYNC = { flush: 'interval', 'flush.interval.ms': '60s' };
const FIRST_SEGMENT = '00000000000000000000.log';

function diskOf({ machine }: ServerSlot) {
  if (machine.disk === undefined) throw new Error(`${machine.name} has no disk`);
  return machine.disk;
}

/** Of a replica, whose broker may be down. */
function segmentOf(replicaId: string): string {
  const folder = `/data/partitions/${TOPIC}-0.${replicaId.slice(0, 8)}`;
  return `${folder}/${FIRST_SEGMENT}`;
}

async function expectWhole(stage: Stage, slot: ServerSlot): Promise<void> {
  await stage.until('its replica is there', () => stage.partition(slot) !== undefined);
  stage.promise(
    'it lost nothing that was on its disk',
    stage.replica(slot).log.hardState?.tainted !== true,
  );
}

export const DISK_SCENARIOS: readonly ScriptedScenario[] = [
  {
    name: 'rule-04-offset-of-a-failed-write-is-spent',
    about:
      "a leader has sent a batch to the others when its own disk fails to take it, once: it gives its epoch up, because that offset of that epoch is another one's already",
    options: {},
    play: async (stage) => {
      const [leader, second, third] = await stage.cast();
      const { hands } = stage;
      const one = await stage.client('one');
      const two = await stage.client('two');
      await one.sendAll('before-', 2);
      hands.isolate(third);
      const sync = hands.failNextSync(leader, '/wal');
      const end = stage.end(leader);
      // Nobody hears that the other one has it.
      const mute = hands.mute(second, leader);
      const first = one.send('first');
      await stage.until('the sync has failed', () => sync.failed);
      await stage.until('the other one has the batch', () => stage.end(second) > end);
      await stage.pass(20);
      const next = two.send('next');
      await stage.pass(20);
      mute();
      await one.acknowledged(first, next);
      hands.letGo();
      await two.sendAll('after-', 2);
    },
  },
  {
    name: 'rule-05-segments-before-recycling',
    about:
      'files of the write-ahead log fill up while segments take for ever to be synced: what stands only in those files is not given back',
    options: {},
    play: async (stage) => {
      const [leader] = await stage.cast();
      const one = await stage.client('one');
      await one.sendAll('before-', 2);
      stage.hands.holdSyncs(leader, (path) => path.includes('/partitions'));
      for (let n = 0; n < 40; n++)
        await one.acknowledged(one.send(`big-${n}`, 'all', { padding: 100_000 }));
      stage.losePower(leader);
      stage.start(leader);
      await expectWhole(stage, leader);
    },
  },
  {
    name: 'rule-08-durable-end-is-contiguous',
    about:
      'records that stand only in the page cache are followed by records that are synced before they are acknowledged; then all lose power',
    options: { config: LATE_SYNC },
    play: async (stage) => {
      const slots = await stage.cast();
      const one = await stage.client('one');
      await one.sendAll('cached-', 3);
      const topic = { topic: TOPIC, config: { flush: 'fsync' } };
      await one.admin((admin) => admin.alterTopic(topic));
      await stage.until('all brokers know the new policy', () =>
        slots.every((slot) => stage.replica(slot).log.config.flush === 'fsync'),
      );
      const cached = slots.filter((slot) => {
        const { log } = stage.replica(slot);
        return log.syncedEnd < log.logEnd;
      });
      stage.saw('a majority has not synced the first ones', cached.length >= 2);
      const [first, second] = cached;
      const held = [first, second].map((slot) =>
        stage.hands.holdSyncs(slot, (path) => path.includes('/partitions')),
      );
      const synced = one.send('synced');
      await stage.until('all have it', () =>
        slots.every((slot) => stage.end(slot) === stage.end(slots[0])),
      );
      // Long enough for whoever does not wait for what is before it.
      await stage.pass(100);
      const waits = held.some(({ waiting }) => waiting > 0);
      stage.saw('what is before it waits for the disks', waits);
      if (synced.outcome === 'pending') for (const { release } of held) release();
      await one.acknowledged(synced);
      for (const slot of slots) stage.losePower(slot);
      await stage.restarted(first);
      await stage.restarted(second);
      await stage.pass(4 * ELECTION_MS);
      for (const slot of slots) if (slot.machine.life === undefined) await stage.restarted(slot);
    },
  },
  {
    name: 'rule-09-recovery-ends-where-the-log-says',
    about:
      'the kernel wrote a segment back, but not the frames of the write-ahead log that tell of its last batch; then the power fails',
    options: {},
    play: async (stage) => {
      const [leader] = await stage.cast();
      const { hands } = stage;
      const one = await stage.client('one');
      await one.sendAll('before-', 2);
      // A start takes over what the write-ahead log has: its files are on disk then, with their names.
      stage.kill(leader);
      await stage.restarted(leader);
      await stage.lead(leader);
      await stage.cast();
      hands.isolate(leader);
      const end = stage.end(leader);
      const path = segmentOf(stage.idOf(leader));
      hands.holdSyncs(leader, (file) => file.includes('/wal'));
      const disk = diskOf(leader);
      const accounted = disk.contentOf(path).length;
      const ghost = one.send('ghost', 'leader');
      await stage.until('it is written', () => disk.contentOf(path).length > accounted);
      stage.as(leader, () => void disk.openSync(path, 'write').sync());
      await stage.pass(10);
      stage.saw('it is not acknowledged', ghost.outcome === 'pending');
      stage.losePower(leader);
      stage.saw('the segment holds it', disk.contentOf(path).length > accounted);
      stage.start(leader);
      await stage.until('its replica is there', () => stage.partition(leader) !== undefined);
      stage.promise('the log ends before it', stage.end(leader) === end);
      stage.promise('its bytes are gone', disk.contentOf(path).length === accounted);
      hands.letGo(true);
      await one.acknowledged(ghost);
    },
  },
  {
    name: 'rule-22-flipped-bit-in-an-epoch',
    about:
      'a bit rots in the epoch of the last batch of a replica that lacks what is committed: its log would be the newest of all',
    options: {},
    play: async (stage) => {
      const [leader, , behind] = await stage.cast();
      const { hands } = stage;
      const one = await stage.client('one');
      await one.sendAll('before-', 2);
      await stage.cast();
      hands.isolate(behind);
      await one.sendAll('both-', 3);
      const path = segmentOf(stage.idOf(behind));
      // A start takes over what the write-ahead log has, and lets it go: now there is one copy.
      stage.kill(behind);
      await stage.restarted(behind);
      stage.kill(behind);
      const disk = diskOf(behind);
      const content = disk.contentOf(path);
      let last = 0;
      for (let at = 0; at < content.length; at += batchSizeAt(content, at) ?? content.length)
        last = at;
      const epoch = content.readInt32BE(last + EPOCH_POSITION);
      disk.flipBit(path, last + EPOCH_POSITION + 3, 6);
      stage.saw(
        'an epoch that nobody had',
        disk.contentOf(path).readInt32BE(last + EPOCH_POSITION) > epoch + 10,
      );
      await stage.restarted(behind);
      stage.kill(leader);
      hands.letGo(true);
      await stage.pass(8 * ELECTION_MS);
      await stage.restarted(leader);
    },
  },
  {
    name: 'rule-25-log-start-before-unlink',
    about:
      'retention takes segments away while the write-ahead log is slow; the names go at once, the frame with the new log start is lost with the power',
    options: {
      config: { 'segment.bytes': '64KiB', 'retention.bytes': '65536' },
      brokerFlags: { 'retention.check.ms': '1s' },
    },
    play: async (stage) => {
      const [leader] = await stage.cast();
      const { hands } = stage;
      const one = await stage.client('one');
      const disk = diskOf(leader);
      const path = segmentOf(stage.idOf(leader));
      for (let n = 0; n < 8; n++) {
        const big = one.send(`big-${n}`, 'all', { padding: 30_000 });
        await one.acknowledged(big);
      }
      // A start takes over what the write-ahead log has: the segments are all that is left.
      stage.kill(leader);
      await stage.restarted(leader);
      await stage.lead(leader);
      hands.isolate(leader);
      hands.holdSyncs(leader, (file) => file.includes('/wal'));
      const { log } = stage.replica(leader);
      stage.saw('it begins at 0', log.logStart === 0);
      await stage.until('retention has moved the log start', () => log.logStart > 0);
      await stage.pass(50);
      stage.as(leader, () => void disk.syncDirectory(path.slice(0, path.lastIndexOf('/'))));
      await stage.pass(10);
      stage.losePower(leader);
      stage.start(leader);
      await expectWhole(stage, leader);
    },
  },
];

const EPOCH_POSITION = 12;
