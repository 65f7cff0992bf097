// Rules 7, 8 and 24: the write-ahead log that all partitions of a broker share, when its disk fails or rots.
import type { ScriptedScenario } from './scripted-scenario.js';
import { ELECTION_MS } from './stage.js';

const OTHER = 'u';

export const SHARED_LOG_SCENARIOS: readonly ScriptedScenario[] = [
  {
    name: 'rule-07-failed-sync-of-the-shared-log',
    about:
      'on two brokers a sync of the write-ahead log fails once, with the records of one partition in it; the next syncs, with those of another partition, succeed; then all lose power',
    options: { others: [{ topic: OTHER, partitions: 1, replicas: 3, mode: 'raft', config: {} }] },
    play: async (stage) => {
      const [first, second, third] = await stage.cast();
      const { hands } = stage;
      const one = await stage.client('one');
      const before = [one.send('t-before'), one.send('u-before', 'all', { topic: OTHER })];
      await one.acknowledged(...before);
      const failures = [first, second].map((slot) => hands.failNextSync(slot, '/wal'));
      const lost = one.send('t-lost', 'leader');
      await stage.until('both syncs have failed', () => failures.every(({ failed }) => failed));
      const later = [1, 2, 3].map((n) => one.send(`u-${n}`, 'all', { topic: OTHER }));
      await one.acknowledged(...later);
      for (const slot of [first, second, third]) stage.losePower(slot);
      for (const slot of [first, second]) stage.start(slot);
      await stage.pass(5 * ELECTION_MS);
      await stage.restarted(third);
      await one.acknowledged(one.send('u-after', 'all', { topic: OTHER }));
      await stage.until('the first one is settled', () => lost.outcome !== 'pending');
    },
  },
  {
    name: 'rule-24-rot-in-the-shared-log',
    about:
      'a bit rots in the middle of what was synced of a write-ahead log; what stands behind it must not be cut like a torn end, because the replica would vote without it',
    options: {},
    play: async (stage) => {
      const [leader, rotten, behind] = await stage.cast();
      const { hands } = stage;
      const one = await stage.client('one');
      hands.isolate(behind);
      for (const value of ['both-1', 'both-2', 'both-3', 'both-4'])
        await one.acknowledged(one.send(value));
      stage.losePower(rotten);
      const { disk } = rotten.machine;
      const path = disk?.files().find((file) => disk.contentOf(file).includes('both-2|'));
      if (disk === undefined || path?.includes('/wal') !== true)
        return stage.fail('execution', 'the record is not in the write-ahead log');
      disk.flipBit(path, disk.contentOf(path).indexOf('both-2|'), 0);
      await stage.restarted(rotten);
      stage.kill(leader);
      hands.letGo(true);
      await stage.pass(8 * ELECTION_MS);
      await stage.restarted(leader);
    },
  },
];
