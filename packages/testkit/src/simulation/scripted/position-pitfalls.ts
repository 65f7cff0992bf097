// Pitfalls of a group's positions that chance seldom leads to: what puts them back or ahead, who is told of them too early,
// and what a member goes on with when the group has gone on without it.
import { GroupConsumer } from './group-consumer.js';
import {
  GROUP,
  GROUPS,
  GroupMember,
  coordinated,
  coordinator,
  groups,
  positionOf,
} from './group-member.js';
import type { ScriptClient } from './script-client.js';
import type { ServerSlot } from '../simulated-cluster.js';
import type { ScriptedScenario } from './scripted-scenario.js';
import { TOPIC } from './stage.js';
import type { Stage } from './stage.js';

const PARTITION = { topic: TOPIC, partition: 0 };
const OTHER = 'u';
/** Some commit intervals. */
const COMMITTED_MS = 500;
/** Longer than a handler waits for its next message while there is one. */
const GIVEN_MS = 2_000;
/** Longer than a session, and the time until somebody else is given what its member had. */
const EXPIRED_MS = 20_000;

const KIB = 2 ** 10;
/** Of a read of 256 KiB. */
const SLOW_MS = 2_000;
/** Of a position, the most that a broker takes. */
const METADATA = 'x'.repeat(4 * KIB);
/** That many such positions are three times what a coordinator reads at once. */
const POSITIONS = 200;

/** A position in the group's log, many times over, of a member that has gone. */
async function fillLog(stage: Stage, client: ScriptClient): Promise<void> {
  const memberId = 'a'.repeat(22);
  const member = new GroupMember(stage, client, memberId);
  const memberEpoch = await member.own();
  const position = { ...PARTITION, offset: 1, metadata: METADATA, committedAt: -1 };
  const request = { group: GROUP, memberId, memberEpoch, positions: [position] };
  for (let count = 0; count < POSITIONS; count++) {
    const asked = client.callGroups(coordinator(stage), (service) =>
      service.commitPositions(request),
    );
    await stage.until('a commit is answered', () => asked.done);
  }
  await member.leave();
}

/** No broker has the log of groups in memory afterwards, but on its disk. */
async function displaceFromMemory(stage: Stage, client: ScriptClient): Promise<void> {
  for (let count = 0; count < 12; count++)
    await client.acknowledged(
      client.send(`large-${count}`, 'all', { topic: OTHER, padding: 300 * KIB }),
    );
  await stage.cast(OTHER);
}

/** undefined: it does not say. */
async function toldBy(
  stage: Stage,
  client: ScriptClient,
  slot: ServerSlot,
): Promise<number | undefined> {
  const request = { group: GROUP, partitions: [PARTITION], memberId: '' };
  const asked = client.callGroups(slot, (service) => service.positions(request));
  await stage.until('it answers', () => asked.done);
  return asked.value?.at(0)?.offset;
}

/** A consumer that has a message of six in hand, and the rest at hand, when it is cut off and its session ends. */
async function cutOffAtWork(stage: Stage) {
  const sender = await stage.client('sender');
  await sender.sendAll('record-', 6);
  await groups(stage, sender);
  const first = new GroupConsumer(stage, await stage.client('first'), TOPIC);
  const goOn = first.keep();
  await stage.until('a message is in hand', () => first.given.length === 1);
  const heals = stage.brokers.map((slot) => stage.hands.cut('first', slot));
  const heal = (): void => heals.forEach((undo) => undo(true));
  const second = new GroupConsumer(stage, await stage.client('second'), TOPIC);
  await stage.until('another one has its partition', () => second.held.size === 1, EXPIRED_MS);
  return { first, second, goOn, heal };
}

export const POSITION_PITFALL_SCENARIOS: readonly ScriptedScenario[] = [
  {
    name: 'pitfall-commit-overtaken-by-the-next',
    about:
      'a commit is on its way while its member gives up waiting, connects anew and commits more: it arrives in the epoch in which it was sent, and puts nothing back',
    options: {},
    play: async (stage) => {
      const [one, two] = [await stage.client('one'), await stage.client('two')];
      await one.sendAll('record-', 6);
      await groups(stage, one);
      const member = new GroupMember(stage, one, 'a'.repeat(22));
      const anew = new GroupMember(stage, two, 'a'.repeat(22));
      const epoch = await member.own();
      const late = stage.hands.hold('one', undefined, { method: 'commitPositions', answer: false });
      const asked = member.askToCommit(coordinator(stage), 3, epoch);
      await stage.until('the commit is on its way', () => late.caught);
      stage.saw('the next one is taken', (await anew.commit(5, epoch)) === undefined);
      late.release();
      await stage.until('the late commit is answered', () => asked.done);
      stage.promise('the group is where it was', (await positionOf(stage, two, PARTITION)) === 5);
    },
  },
  {
    name: 'pitfall-position-of-the-present-owner',
    about:
      'a member asks where a partition stands while another one has it, who commits more before it leaves: it is told nothing before the partition is its own, and then where the other one came to',
    options: {},
    play: async (stage) => {
      const [one, two] = [await stage.client('one'), await stage.client('two')];
      await one.sendAll('record-', 6);
      await groups(stage, one);
      const owner = new GroupMember(stage, one, 'a'.repeat(22));
      const memberId = 'b'.repeat(22);
      const next = new GroupMember(stage, two, memberId);
      const before = await owner.own();
      stage.saw('a first commit', (await owner.commit(1, before)) === undefined);
      const ask = async (memberEpoch: typeof before) => {
        const request = { group: GROUP, partitions: [PARTITION], memberId, memberEpoch };
        const asked = two.callGroups(coordinator(stage), (service) => service.positions(request));
        await stage.until('it is answered', () => asked.done);
        return asked.value?.at(0)?.offset;
      };
      const early = await ask(await next.beat());
      stage.saw('the owner goes on', (await owner.commit(4, before)) === undefined);
      await owner.leave();
      const told = await ask(await next.own());
      stage.promise('it is told where the owner came to', told === 4);
      stage.promise('it is told nothing before', early === undefined);
    },
  },
  {
    name: 'pitfall-coordinator-half-loaded',
    about:
      'a coordinator is killed, and the next one reads what was committed from a slow disk, more than it reads at once: it says nothing before it has read all, so that no member is unknown to it',
    options: { others: [{ topic: OTHER, partitions: 1, replicas: 3, mode: 'raft', config: {} }] },
    play: async (stage) => {
      const client = await stage.client('one');
      await client.sendAll('record-', 6);
      await groups(stage, client);
      await fillLog(stage, client);
      const member = new GroupConsumer(stage, await stage.client('member'), TOPIC);
      await stage.until('it handles', () => member.given.includes('record-5'));
      await stage.pass(COMMITTED_MS);
      const handled = await positionOf(stage, client, PARTITION);
      stage.saw('that is committed', handled > 1);
      await displaceFromMemory(stage, client);
      const [first] = await stage.cast(GROUPS);
      stage.kill(first);
      await coordinated(stage, first);
      const next = coordinator(stage, first);
      stage.hands.slowDisk(next, SLOW_MS);
      const beats = stage.hands.count('member', next, { method: 'heartbeat', answer: false });
      let offset: number | undefined;
      for (let tries = 0; tries < 100 && offset === undefined; tries++) {
        offset = await toldBy(stage, client, next);
        if (offset === undefined) await stage.pass(100);
      }
      stage.saw('the member spoke to it before it had read all', beats.seen > 0);
      stage.promise('the position is there', offset === handled);
      await stage.pass(GIVEN_MS);
      stage.promise('the member has lost nothing', stage.history.of('revoke').length === 0);
      // Its disk is as fast as ever when it starts again.
      stage.kill(next);
    },
  },
  {
    name: 'pitfall-silent-session',
    about:
      'a member is cut off from all brokers, with a message in hand and more at hand, until its session is over and its partition belongs to another one: it gives its handler none of them any more',
    options: {},
    play: async (stage) => {
      const { first, second, goOn } = await cutOffAtWork(stage);
      goOn();
      const isGiven = (): boolean => first.given.length > 1;
      await stage.never('it is given what others have by now', isGiven, GIVEN_MS);
      stage.hands.letGo(true);
      await stage.until('the rest is handled', () => second.given.length >= 6);
    },
  },
  {
    name: 'pitfall-forgotten-with-messages-at-hand',
    about:
      'a member that was cut off for longer than its session hears that the group has forgotten it; until it has joined anew it gives its handler nothing of what it had at hand',
    options: {},
    play: async (stage) => {
      const { hands } = stage;
      const { first, second, goOn, heal } = await cutOffAtWork(stage);
      const told = hands.hold(undefined, 'first', { method: 'heartbeat', answer: true });
      heal();
      await stage.until('it is told', () => told.caught);
      const joins = hands.hold('first', undefined, { method: 'heartbeat', answer: false });
      told.release();
      await stage.until('it is no member', () => !first.isMember && joins.caught);
      goOn();
      const isGiven = (): boolean => first.given.length > 1;
      await stage.never('it is given what others have by now', isGiven, GIVEN_MS);
      hands.letGo(true);
      await stage.until('the rest is handled', () => second.given.length >= 6);
    },
  },
  {
    name: 'pitfall-death-with-a-message-in-hand',
    about:
      'a member dies while its handler has a message, long enough after it was given it for some commits: the next owner is given that message again',
    options: {},
    play: async (stage) => {
      const sender = await stage.client('sender');
      await sender.sendAll('record-', 3);
      await groups(stage, sender);
      const client = await stage.client('first');
      const first = new GroupConsumer(stage, client, TOPIC);
      await stage.until('it handles', () => first.given.length === 3);
      await stage.pass(COMMITTED_MS);
      first.keep();
      await sender.sendAll('last-', 1);
      await stage.until('the last one is in hand', () => first.given.length === 4);
      await stage.pass(COMMITTED_MS);
      stage.world.kill(client.machine);
      const second = new GroupConsumer(stage, await stage.client('second'), TOPIC);
      await stage.until('another one has its partition', () => second.held.size === 1, EXPIRED_MS);
      const isGiven = (): boolean => second.given.includes('last-0');
      await stage.until('it is given the last one', isGiven, GIVEN_MS, 'promise');
    },
  },
];
