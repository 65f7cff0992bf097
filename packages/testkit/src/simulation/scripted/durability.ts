// Rules 15, 16, 18 and 30 in mode raft: what counts as being on disk, and who may believe it.
import { errorKindOf } from '@zhumq/model';
import type { ServerSlot } from '../simulated-cluster.js';
import type { Undo } from './hands.js';
import type { ScriptedScenario } from './scripted-scenario.js';
import { ELECTION_MS, TOPIC } from './stage.js';
import type { Stage } from './stage.js';

const NEVER_SYNCED = { flush: 'interval', 'flush.interval.ms': '60s' };
/** Records are acknowledged by the leader and one other, who loses them with its power and comes back. */
async function loseFollower(stage: Stage): Promise<{
  readonly leader: ServerSlot;
  readonly unclean: ServerSlot;
  /** Lets the unclean one hear its leader. */
  readonly cut: Undo;
}> {
  const [leader, unclean, behind] = await stage.cast();
  const one = await stage.client('one');
  stage.hands.isolate(behind);
  await one.sendAll('both-', 3);
  const end = stage.end(unclean);
  stage.losePower(unclean);
  const cut = stage.hands.cut(leader, unclean);
  await stage.restarted(unclean);
  await stage.until('its replica is there', () => stage.partition(unclean) !== undefined);
  stage.saw('its suffix is gone', stage.end(unclean) < end);
  return { leader, unclean, cut };
}

export const DURABILITY_SCENARIOS: readonly ScriptedScenario[] = [
  {
    name: 'rule-15-duplicate-waits-like-the-first',
    about:
      'the leader is cut off from the others and has a batch that nobody else has; its producer loses its connection and sends the batch again; then the leader dies',
    options: { brokerFlags: { 'raft.election.ticks': '150' } },
    play: async (stage) => {
      const [leader] = await stage.cast();
      const { hands } = stage;
      const one = await stage.client('one');
      await one.sendAll('before-', 2);
      hands.isolate(leader);
      const requests = hands.count('one', leader, { method: 'produce', answer: false });
      const end = stage.end(leader);
      const twice = one.send('twice');
      await stage.until('it is in the log', () => stage.end(leader) > end);
      hands.reset('one', leader);
      await stage.until('it is there again', () => requests.seen >= 2);
      await stage.pass(100);
      stage.saw(
        'a duplicate, not a second record',
        stage.leads(leader) && stage.end(leader) === end + 1,
      );
      stage.kill(leader);
      await one.acknowledged(twice);
      await (await stage.client('two')).sendAll('after-', 2);
    },
  },
  {
    name: 'rule-16-tainted-voter-elects-nobody',
    about:
      'flush=interval: one of the two that have an acknowledged record loses it with its power, the other one is away: the rest must not elect',
    options: { config: NEVER_SYNCED },
    play: async (stage) => {
      const { leader, unclean } = await loseFollower(stage);
      stage.saw(
        'it knows that it may lack something',
        stage.replica(unclean).log.hardState?.tainted === true,
      );
      stage.kill(leader);
      // What its kernel still holds is lost: nobody gets records from the dead.
      stage.hands.letGo(true);
      await stage.pass(8 * ELECTION_MS);
      await stage.restarted(leader);
    },
  },
  {
    name: 'rule-16-match-of-a-former-life',
    about:
      'flush=interval: a follower lost in a power loss what its leader had counted; its taint may go only when it has that again',
    options: { config: NEVER_SYNCED, brokerFlags: { 'raft.election.ticks': '60' } },
    play: async (stage) => {
      const { leader, unclean, cut } = await loseFollower(stage);
      cut();
      await stage.until(
        'the taint is gone',
        () => stage.replica(unclean).log.hardState?.tainted === false,
      );
      stage.kill(leader);
      // What its kernel still holds is lost: nobody gets records from the dead.
      stage.hands.letGo(true);
      await stage.pass(20 * ELECTION_MS);
      await stage.restarted(leader);
    },
  },
  {
    name: 'rule-16-recovery-when-most-are-tainted',
    about:
      'flush=interval: all lose power at once; nobody may elect, so the zkserver recovers the partition with what is left and reports a possible loss',
    options: { config: NEVER_SYNCED, mayLose: true },
    play: async (stage) => {
      const slots = await stage.cast();
      const one = await stage.client('one');
      await one.sendAll('lost-', 3);
      for (const slot of slots) stage.losePower(slot);
      for (const slot of slots) await stage.restarted(slot);
      await stage.until('all are tainted', () =>
        slots.every((slot) => stage.partition(slot)?.log.hardState?.tainted === true),
      );
      await stage.until(
        'it is led again',
        () => slots.some((slot) => stage.leads(slot)),
        30_000,
        'liveness',
      );
      stage.promise('the loss is reported', stage.record.lossEpoch > 0);
      // The first one numbers its batches behind those that are lost.
      await (await stage.client('two')).sendAll('after-', 3);
    },
  },
  {
    name: 'rule-18-reader-ahead-of-a-new-leader',
    about:
      'a consumer has read what the new leader does not yet know to be committed: it waits, and is told of no wrong offset',
    options: { brokerFlags: { 'raft.election.ticks': '50' } },
    play: async (stage) => {
      const [leader, second, third] = await stage.cast();
      const { hands } = stage;
      const one = await stage.client('one');
      const reader = (await stage.client('two')).reader();
      await one.sendAll('before-', 2);
      await stage.until('the reader has them', () => reader.values.length === 2);
      // Followers hear that it is committed with what comes next: that waits.
      const end = stage.end(leader);
      const last = one.send('last');
      await stage.until(
        'all have written it',
        () => stage.end(second) > end && stage.end(third) > end,
      );
      for (const slot of [second, third]) hands.mute(leader, slot);
      await stage.until(
        'the reader has it',
        () => reader.values.length === 3 && last.outcome === 'ok',
      );
      stage.saw(
        'nobody else knows that it is committed',
        [second, third].every((slot) => stage.replica(slot).highWatermark <= end),
      );
      stage.kill(leader);
      const replies = hands.hold(undefined, undefined, { raft: 'appendReply' });
      await stage.until('another one leads, without a commit', () => replies.caught);
      const heir = [second, third].find((slot) => stage.replica(slot).leads);
      if (heir === undefined) return stage.fail('execution', 'nobody leads');
      stage.saw('its high watermark is smaller', stage.replica(heir).highWatermark <= end);
      // As the reader does, if it finds the new leader so early.
      const from = { topic: TOPIC, partition: 0, offset: end + 1, maxBytes: 1_000, lastEpoch: -1 };
      const asked = one.call(heir, (broker) =>
        broker.pull({ partitions: [from], maxWaitMs: 100, minBytes: 1, maxBytes: 1_000 }),
      );
      await stage.until('it is answered', () => asked.done);
      const failure = asked.value?.partitions.at(0)?.failure;
      stage.promise(
        'it is told to come again',
        failure !== undefined && errorKindOf(failure.code).name === 'NOT_COMMITTED_YET',
      );
      replies.release();
      await one.sendAll('after-', 2);
      await stage.until('the reader has all', () => reader.values.length === 5, 10_000, 'liveness');
      stage.promise('the reader was told of no error', reader.errors.length === 0);
    },
  },
  {
    name: 'rule-30-own-match-after-its-sync',
    about:
      'the disks of two brokers take long: what they have written counts only when it is synced',
    options: { brokerFlags: { 'raft.election.ticks': '100' } },
    play: async (stage) => {
      const [leader, second, third] = await stage.cast();
      const { hands } = stage;
      const one = await stage.client('one');
      await one.sendAll('before-', 2);
      const syncs = [leader, second].map((slot) => hands.holdSyncs(slot));
      const end = stage.end(leader);
      const sent = one.send('slow');
      await stage.until('all have written it', () =>
        [leader, second, third].every((slot) => stage.end(slot) > end),
      );
      await stage.until('two wait for their disks', () =>
        syncs.every(({ waiting }) => waiting > 0),
      );
      await stage.pass(ELECTION_MS);
      stage.promise('it is not acknowledged', sent.outcome === 'pending');
      for (const held of syncs) held.release();
      await one.acknowledged(sent);
    },
  },
  {
    name: 'rule-30-cut-lowers-the-durable-end',
    about:
      "a deposed leader had synced records that nobody else has; the new leader's stand at their offsets now, written and not synced",
    options: {},
    play: async (stage) => {
      const [deposed, second, third] = await stage.cast();
      const { hands } = stage;
      const one = await stage.client('one');
      await one.sendAll('before-', 2);
      const heal = hands.isolate(deposed);
      await one.acknowledged(...[1, 2, 3].map((n) => one.send(`alone-${n}`, 'leader')));
      const alone = stage.end(deposed);
      await stage.until('another one leads', () => stage.leads(second) || stage.leads(third));
      const [leader, other] = stage.leads(second) ? [second, third] : [third, second];
      const two = await stage.client('two');
      hands.cut(two.name, deposed);
      await two.sendAll('others-', 1);
      stage.saw('it had synced more', stage.replica(deposed).log.syncedEnd === alone);
      stage.kill(other);
      const sent = two.send('at-their-offset');
      await stage.until('the leader has it', () => stage.end(leader) >= alone - 1);
      heal(true);
      const { epoch } = stage.replica(leader).replicator;
      await stage.until('it has cut its own', () => stage.replica(deposed).log.lastEpoch === epoch);
      const syncs = hands.holdSyncs(deposed);
      await stage.until(
        'it has what the leader has',
        () => stage.end(deposed) === stage.end(leader),
      );
      await stage.pass(150);
      stage.promise('it is not acknowledged', sent.outcome === 'pending');
      syncs.release();
      await two.acknowledged(sent);
    },
  },
];
