// Known pitfalls of Raft and of replication by fetching that no rule of ours is about, and that chance seldom leads to.
import type { Random } from '@zhumq/base';
import type { ServerSlot } from '../simulated-cluster.js';
import type { Undo } from './hands.js';
import type { ScriptedScenario } from './scripted-scenario.js';
import { ELECTION_MS, LAG_MS } from './stage.js';
import type { Stage } from './stage.js';

/** A record that the first two have and the third lacks, acknowledged by its leader alone. */
async function tail(
  stage: Stage,
  leader: ServerSlot,
  holder: ServerSlot,
  lacking: ServerSlot,
): Promise<Undo> {
  const undo = stage.hands.cut(leader, lacking);
  await (await stage.client('tail')).sendAll('tail-', 1, 'leader');
  await stage.until('one of two has it', () => stage.end(holder) === stage.end(leader));
  stage.saw('the other one lacks it', stage.end(lacking) < stage.end(leader));
  return undo;
}

/** Of a power loss: all that was written reaches the disk, but for the last byte of each write (disk-file.ts). */
const ALL_BUT_THE_ENDS: Random = {
  below: (limit) => (limit === 4 ? 2 : limit === 2 ? 1 : limit - 2),
  fraction: () => 0,
};

const isWal = (path: string): boolean => path.includes('/wal');

export const PITFALL_SCENARIOS: readonly ScriptedScenario[] = [
  {
    name: 'pitfall-replicas-of-different-terms',
    about:
      'a candidate enters a term of which nobody ever hears, while the leader goes on in the one before; whoever refuses a message for its term must say so, or the two ignore each other for ever',
    options: {},
    play: async (stage) => {
      const [leader, candidate] = await stage.cast();
      const { hands } = stage;
      const one = await stage.client('one');
      await one.sendAll('before-', 2);
      const { epoch } = stage.replica(leader).replicator;
      const votes = hands.hold(candidate, undefined, { raft: 'vote' });
      const to = stage.idOf(candidate);
      stage.as(leader, () => stage.replica(leader).replicator.transferLeadership(to));
      await stage.until('votes are asked for', () => votes.caught);
      const undo = hands.isolate(candidate);
      votes.lose();
      await stage.pass(2 * ELECTION_MS);
      stage.saw('it is alone in its term', stage.replica(candidate).replicator.epoch > epoch);
      undo(true);
      await one.sendAll('after-', 2);
    },
  },
  {
    name: 'pitfall-same-leader-in-another-epoch',
    about:
      'mode fetch: a follower is away while its leader is deposed, has its log cut, and leads again: it must compare its log anew, although it follows the same replica as before',
    options: { mode: 'fetch' },
    play: async (stage) => {
      const [leader, second, away] = await stage.cast();
      const { hands } = stage;
      const one = await stage.client('one');
      await one.sendAll('before-', 2);
      const healed = await tail(stage, leader, away, second);
      hands.isolate(away, 'servers');
      stage.kill(leader);
      await stage.until('the second one leads', () => stage.leads(second), 2 * LAG_MS + 20_000);
      healed(true);
      await stage.restarted(leader);
      await stage.until('its log was cut', () => stage.end(leader) === stage.end(second));
      await stage.lead(leader);
      const ends = stage.replica(away).log.endOfEpoch(stage.replica(away).log.lastEpoch);
      stage.saw('the other one knows nothing of it', ends?.epoch === 1);
      hands.letGo(true);
      await one.sendAll('after-', 2);
    },
  },
  {
    name: 'pitfall-answer-of-a-deposed-leader',
    about:
      'mode fetch: the answer of a deposed leader arrives when the follower follows the next one, and has written nothing in its epoch yet',
    options: { mode: 'fetch' },
    play: async (stage) => {
      const [deposed, second, follower] = await stage.cast();
      const { hands, cluster } = stage;
      const one = await stage.client('one');
      await one.sendAll('before-', 2);
      hands.cut(deposed, second);
      const late = hands.hold(deposed, follower, { method: 'fetch', answer: true });
      one.send('tail', 'leader');
      await stage.until('an answer is on its way', () => late.caught);
      for (const zkserver of cluster.zkservers) hands.cut(zkserver, deposed);
      const heals = cluster.zkservers.map((zkserver) => hands.cut(zkserver, follower));
      // Before the connection on which the answer waits is given up.
      hands.expire(deposed);
      hands.cutStore(deposed);
      await stage.until('the second one leads', () => stage.replica(second).leads);
      const first = hands.hold(second, follower, { method: 'fetch', answer: true });
      for (const heal of heals) heal(true);
      const { epoch } = stage.replica(second).replicator;
      await stage.until(
        'it follows the second one',
        () => stage.replica(follower).replicator.epoch === epoch,
      );
      late.release();
      await stage.pass(ELECTION_MS);
      first.release();
      await stage.pass(ELECTION_MS);
      hands.letGo(true);
      await one.sendAll('after-', 2);
    },
  },
  {
    name: 'pitfall-sync-of-what-was-cut',
    about:
      'a deposed leader cuts records that it is still syncing, and has others at their offsets when that sync ends: it confirms nothing of those',
    options: {},
    play: async (stage) => {
      const [deposed, second, third] = await stage.cast();
      const { hands } = stage;
      const one = await stage.client('one');
      await one.sendAll('before-', 2);
      const syncs = hands.holdSyncs(deposed, isWal);
      const heal = hands.isolate(deposed);
      const end = stage.end(deposed);
      one.send('tail');
      await stage.until('it is being synced', () => stage.end(deposed) > end && syncs.waiting > 0);
      const leads = (slot: ServerSlot): boolean => stage.leads(slot);
      await stage.until('another one leads', () => leads(second) || leads(third));
      const three = await stage.client('three');
      hands.cut(three.name, deposed);
      await three.sendAll('new-', 2);
      // What waited on the wire arrives: the first record of the new leader is enough.
      heal();
      const leader = leads(second) ? second : third;
      const epochOf = (slot: ServerSlot): number => stage.replica(slot).log.lastEpoch;
      await stage.until('it has one of them', () => epochOf(deposed) === epochOf(leader));
      stage.saw('the sync has not ended', syncs.waiting > 0);
      syncs.release();
      await stage.pass(ELECTION_MS);
    },
  },
  {
    name: 'pitfall-half-entered-generation',
    about:
      'power is lost when of a new generation its record has reached the disk and its hard state has not: the one of the generation before must not count',
    options: {},
    play: async (stage) => {
      const [, second] = await stage.cast();
      const { hands } = stage;
      const one = await stage.client('one');
      await one.sendAll('before-', 2);
      one.switchMode('fetch');
      await stage.until('mode fetch is published', () => stage.record.mode === 'fetch');
      const syncs = hands.holdSyncs(second, isWal);
      const { generation } = stage.record;
      await stage.until('it enters that', () => {
        const log = stage.partition(second)?.log;
        return log?.generation?.generation === generation && syncs.waiting > 0;
      });
      stage.losePower(second, ALL_BUT_THE_ENDS);
      await stage.restarted(second);
      await one.sendAll('after-', 2);
    },
  },
  {
    name: 'pitfall-closed-voter-restarts',
    about: 'a voter that was closed restarts before the others are closed: it stays closed',
    options: {},
    play: async (stage) => {
      const [leader, second, third] = await stage.cast();
      const { hands } = stage;
      const one = await stage.client('one');
      await one.sendAll('before-', 2);
      const orders = [leader, third].map((slot) =>
        hands.hold(undefined, slot, { method: 'closePartition', answer: false }),
      );
      one.switchMode('fetch');
      await stage.until(
        'it is closed',
        () => stage.partition(second)?.log.hardState?.closed === true,
      );
      // Its answer is on disk and gone.
      await stage.pass(100);
      stage.saw(
        'the others wait for their orders',
        orders.every(({ caught }) => caught),
      );
      stage.kill(second);
      await stage.restarted(second);
      await stage.until('its replica is there', () => stage.partition(second) !== undefined);
      stage.saw('nothing is published yet', stage.record.mode === 'raft');
      await stage.pass(ELECTION_MS);
      hands.letGo(true);
      await one.sendAll('after-', 2);
    },
  },
  {
    name: 'pitfall-cut-after-a-reported-loss',
    about:
      'mode fetch, unclean.leader.election: an outsider leads at the price of a reported loss; who comes back with more, and knows that to be committed, cuts it and follows',
    options: {
      mode: 'fetch',
      config: { 'unclean.leader.election': 'true', 'min.insync.replicas': '2' },
      mayLose: true,
    },
    play: async (stage) => {
      const [leader, second, outsider] = await stage.cast();
      const { hands } = stage;
      const one = await stage.client('one');
      await one.sendAll('before-', 2);
      hands.isolate(outsider);
      await stage.until('two are in sync', () => stage.record.isr.length === 2);
      await one.sendAll('lost-', 3);
      stage.saw('the outsider lacks it', stage.end(outsider) < stage.end(leader));
      // They live on, and know what they have committed.
      for (const slot of [leader, second]) {
        hands.expire(slot);
        hands.cutStore(slot);
      }
      await stage.until('the outsider leads', () => stage.replica(outsider).leads);
      stage.saw('a loss is reported', stage.record.lossEpoch > 0);
      hands.letGo(true);
      await (await stage.client('two')).sendAll('after-', 2);
    },
  },
];
