// Rules 3, 10 and 11: who may lead in mode fetch, and what counts as committed there.
import type { ServerSlot } from '../simulated-cluster.js';
import type { ScriptedScenario } from './scripted-scenario.js';
import { LAG_MS } from './stage.js';
import type { Stage } from './stage.js';

const LATE_SYNC = { flush: 'interval', 'flush.interval.ms': '60s' };

/** What is written so far is on the disks of all brokers, or of these. */
export async function syncAll(
  stage: Stage,
  slots: readonly ServerSlot[] = stage.brokers,
): Promise<void> {
  const synced = slots.map((slot) => {
    const { log } = stage.replica(slot);
    const end = log.logEnd;
    stage.as(slot, () => void log.sync());
    return () => log.syncedEnd >= end;
  });
  await stage.until('all is synced', () => synced.every((isSynced) => isSynced()));
}

/** The ISR shrinks to those that are named. */
async function inSync(stage: Stage, ...slots: readonly ServerSlot[]): Promise<void> {
  const ids = slots.map((slot) => stage.idOf(slot)).sort();
  await stage.until(`the ISR is brokers ${slots.map(({ id }) => id).join(', ')}`, () => {
    const { isr } = stage.record;
    return [...isr].sort().join() === ids.join();
  });
}

export const FETCH_ELECTION_SCENARIOS: readonly ScriptedScenario[] = [
  {
    name: 'rule-03-epoch-of-one-life',
    about:
      'the leader loses its unsynced end with its power and is back before its session is over: it must not go on in its epoch, in which followers have what it lost',
    options: { mode: 'fetch', config: LATE_SYNC },
    play: async (stage) => {
      const [leader, second] = await stage.cast();
      const one = await stage.client('one');
      await one.sendAll('synced-', 2);
      await syncAll(stage);
      // It remembers its partitions.
      await stage.pass(1_000);
      await one.sendAll('unsynced-', 3);
      const end = stage.end(second);
      // When the zkservers look again, its broker is alive as it was before.
      const looks = stage.cluster.zkservers.map((zkserver) => stage.hands.cutStore(zkserver));
      stage.losePower(leader);
      stage.start(leader);
      await stage.until('its replica is there', () => stage.partition(leader) !== undefined);
      stage.saw('it lacks what others have', stage.end(leader) < end && stage.end(second) === end);
      await stage.until('it has started', () => leader.ready);
      stage.saw('nobody else was elected yet', stage.record.leader?.broker === leader.id);
      for (const look of looks) look();
      const two = await stage.client('two');
      await two.sendAll('other-', 3, 'leader');
      await stage.pass(LAG_MS);
      await two.sendAll('after-', 2);
    },
  },
  {
    name: 'rule-10-expansion-in-flight',
    about:
      'the ISR was enlarged at the request of a leader that never hears of it; the new member, which lacks the next record, is elected when the others die',
    options: { mode: 'fetch' },
    play: async (stage) => {
      const [leader, second, third] = await stage.cast();
      const { hands, cluster } = stage;
      const one = await stage.client('one');
      const back = hands.isolate(third);
      await inSync(stage, leader, second);
      await one.sendAll('before-', 2);
      back(true);
      await inSync(stage, leader, second, third);
      for (const zkserver of cluster.zkservers) hands.mute(zkserver, leader);
      hands.isolate(third);
      const records = one.send('record');
      await stage.until('two of three have it', () => stage.end(second) === stage.end(leader));
      await stage.pass(300);
      stage.saw('the third one lacks it', stage.end(third) < stage.end(second));
      stage.kill(leader);
      stage.kill(second);
      hands.letGo(true);
      await stage.until('the third one leads', () => stage.leads(third));
      await stage.restarted(leader);
      await stage.restarted(second);
      await one.acknowledged(records);
      await (await stage.client('two')).sendAll('after-', 2);
    },
  },
  {
    name: 'rule-10-watermark-needs-the-minimum',
    about:
      'the leader is alone in the ISR, below min.insync.replicas: what it takes for acks 1 is shown to nobody, because it may lose it with its power',
    options: { mode: 'fetch', config: { ...LATE_SYNC, 'min.insync.replicas': '2' } },
    play: async (stage) => {
      const [leader, second, third] = await stage.cast();
      const { hands } = stage;
      const one = await stage.client('one');
      const reader = (await stage.client('reader')).reader();
      await one.sendAll('before-', 2);
      await syncAll(stage);
      hands.isolate(leader);
      await inSync(stage, leader);
      await one.sendAll('alone-', 2, 'leader');
      await stage.pass(500);
      stage.saw('the reader has what was committed', reader.values.length >= 2);
      stage.losePower(leader);
      hands.letGo(true);
      await stage.until('another one leads', () => stage.leads(second) || stage.leads(third));
      await (await stage.client('two')).sendAll('other-', 4);
      await stage.restarted(leader);
      await stage.until('the reader goes on', () => reader.values.length >= 6, 20_000, 'liveness');
    },
  },
  {
    name: 'rule-11-unclean-member-does-not-lead',
    about:
      'a member of the ISR lost an acknowledged record with its power and is back in the ISR before anybody noticed; then the leader, which has the record, dies',
    options: { mode: 'fetch', config: LATE_SYNC },
    play: async (stage) => {
      const [leader, unclean, third] = await stage.cast();
      const { hands } = stage;
      const one = await stage.client('one');
      hands.isolate(third);
      await inSync(stage, leader, unclean);
      await syncAll(stage);
      await one.sendAll('both-', 3);
      hands.cut(leader, unclean);
      // Nobody is there who could take it out of the ISR.
      for (const zkserver of stage.cluster.zkservers) hands.cutStore(zkserver);
      stage.losePower(unclean);
      stage.start(unclean);
      await stage.until('its replica is there', () => stage.partition(unclean) !== undefined);
      stage.saw(
        'it lacks what it acknowledged, and is in the ISR',
        stage.end(unclean) < stage.end(leader) && stage.record.isr.includes(stage.idOf(unclean)),
      );
      stage.kill(leader);
      hands.letGo(true);
      await stage.pass(4_000);
      await stage.restarted(leader);
      await stage.until('it is led again', () => stage.leads(leader), 20_000, 'liveness');
    },
  },
  {
    name: 'rule-11-last-member-is-not-alone',
    about:
      'a member that left the ISR while too few stayed still has all that was committed: it leads when the last member comes back without its end',
    options: { mode: 'fetch', config: { ...LATE_SYNC, 'min.insync.replicas': '2' } },
    play: async (stage) => {
      const [leader, second, third] = await stage.cast();
      const { hands } = stage;
      const one = await stage.client('one');
      hands.isolate(third);
      await inSync(stage, leader, second);
      await syncAll(stage);
      await one.sendAll('both-', 3);
      hands.isolate(second);
      await inSync(stage, leader);
      stage.promise('it stays eligible', stage.record.elr.includes(stage.idOf(second)));
      stage.losePower(leader);
      hands.letGo(true);
      await stage.restarted(leader);
      await stage.until('the eligible one leads', () => stage.leads(second), 20_000, 'liveness');
    },
  },
  {
    name: 'rule-11-fetch-of-a-former-life',
    about:
      'a leader proposes a follower for the ISR by what a former life of that follower had fetched, and lost since: the zkserver refuses',
    options: { mode: 'fetch', config: LATE_SYNC },
    play: async (stage) => {
      const [leader, second, third] = await stage.cast();
      const { hands } = stage;
      const one = await stage.client('one');
      const back = hands.isolate(third);
      await inSync(stage, leader, second);
      await syncAll(stage);
      await one.sendAll('before-', 3);
      const proposal = hands.hold(leader, undefined, { method: 'changeIsr', answer: false });
      back(true);
      await stage.until('it is proposed for the ISR', () => proposal.caught);
      stage.saw('it had caught up', stage.end(third) === stage.end(leader));
      const id = stage.idOf(third);
      stage.losePower(third);
      hands.isolate(third);
      await stage.restarted(third);
      await stage.until('its replica is there', () => stage.partition(third) !== undefined);
      stage.saw('it lost that', stage.end(third) < stage.end(leader));
      let joined = false;
      proposal.release();
      await stage.never(
        'a life that is over joins the ISR',
        () => (joined ||= stage.record.isr.includes(id)),
        1_000,
      );
      hands.letGo(true);
      await one.sendAll('after-', 2);
    },
  },
];
