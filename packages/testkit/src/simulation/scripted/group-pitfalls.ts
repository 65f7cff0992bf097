// Pitfalls of consumer groups that chance seldom leads to: what a coordinator says too early, what it believes of a member
// that has not heard it, and what a member does with what it is told to give up.
import { GroupConsumer } from './group-consumer.js';
import {
  GROUPS,
  GroupMember,
  coordinated,
  coordinator,
  groups,
  positionOf,
} from './group-member.js';
import type { ScriptedScenario } from './scripted-scenario.js';
import { TOPIC } from './stage.js';
import type { Stage, StageOptions } from './stage.js';

const PAIR = 'pair';
const WITH_PAIR: StageOptions = {
  others: [{ topic: PAIR, partitions: 2, replicas: 3, mode: 'raft', config: {} }],
};
/** Longer than it takes a member to be told of a change: heartbeats are 200 ms apart while partitions change hands. */
const TOLD_MS = 2_000;

/** A consumer that has both partitions, with some messages in each. */
async function ownerOfBoth(stage: Stage): Promise<GroupConsumer> {
  const sender = await stage.client('sender');
  const sends = [0, 1].flatMap((partition) =>
    [0, 1, 2].map((count) =>
      sender.send(`${partition}-${count}`, 'all', { topic: PAIR, partition }),
    ),
  );
  await sender.acknowledged(...sends);
  await groups(stage, sender);
  return new GroupConsumer(stage, await stage.client('first'), PAIR);
}

async function share(stage: Stage, first: GroupConsumer, second: GroupConsumer): Promise<void> {
  const each = (): boolean => first.held.size === 1 && second.held.size === 1;
  await stage.until('each has one partition', each, 10_000, 'liveness');
}

export const GROUP_PITFALL_SCENARIOS: readonly ScriptedScenario[] = [
  {
    name: 'pitfall-commit-answered-by-a-minority',
    about:
      'a coordinator that is cut off is asked to commit a position, and appends it; another one is elected that knows nothing of it: so nobody may have been told that it is committed',
    options: {},
    play: async (stage) => {
      const client = await stage.client('one');
      await client.sendAll('record-', 6);
      await groups(stage, client);
      const member = new GroupMember(stage, client, 'a'.repeat(22));
      const epoch = await member.own();
      await member.commit(1, epoch);
      const where = { topic: TOPIC, partition: 0 };
      stage.saw('a first commit', (await positionOf(stage, client, where)) === 1);
      const [deposed] = await stage.cast(GROUPS);
      const end = stage.end(deposed, GROUPS);
      stage.hands.isolate(deposed);
      const asked = member.askToCommit(deposed, 4, epoch);
      await stage.until('it is appended', () => stage.end(deposed, GROUPS) > end);
      await coordinated(stage, deposed);
      const offset = await positionOf(stage, client, where, deposed);
      stage.saw('the other one does not know it', offset === 1);
      stage.hands.letGo(true);
      await stage.until('the commit is answered', () => asked.done);
      const wasTaken = asked.error === undefined && asked.value === undefined;
      stage.promise('what was called committed is there', !wasTaken);
    },
  },
  {
    name: 'pitfall-commit-of-a-former-owner',
    about:
      'a commit is on its way while its member gives the partition up, and the next owner commits more: it arrives at the same coordinator, from a member that is one still',
    options: WITH_PAIR,
    play: async (stage) => {
      const [one, two] = [await stage.client('one'), await stage.client('two')];
      await groups(stage, one);
      const former = new GroupMember(stage, one, 'a'.repeat(22), PAIR);
      const next = new GroupMember(stage, two, 'b'.repeat(22), PAIR);
      const before = await former.own(2);
      await next.beat();
      await former.own(1);
      const partition = 1 - former.partitions[0];
      const late = stage.hands.hold('one', undefined, { method: 'commitPositions', answer: false });
      const asked = former.askToCommit(coordinator(stage), 2, before, partition);
      await stage.until('the commit is on its way', () => late.caught);
      await former.beat();
      const epoch = await next.own();
      stage.saw('the next owner commits', (await next.commit(4, epoch, partition)) === undefined);
      late.release();
      await stage.until('the late commit is answered', () => asked.done);
      const offset = await positionOf(stage, one, { topic: PAIR, partition });
      stage.promise('the group is where it was', offset === 4);
      const wasTaken = asked.error === undefined && asked.value === undefined;
      stage.promise('the late commit is refused', !wasTaken);
    },
  },
  {
    name: 'pitfall-told-and-not-heard',
    about:
      'a member is told to give a partition up and does not hear it: the answer is lost, and the next one takes long. Until it has heard, and says that it has let go, nobody else is given the partition',
    options: WITH_PAIR,
    play: async (stage) => {
      const { hands } = stage;
      const first = await ownerOfBoth(stage);
      await stage.until('it has both', () => first.held.size === 2);
      const beat = hands.hold('first', undefined, { method: 'heartbeat', answer: false });
      await stage.until('it beats', () => beat.caught);
      const second = new GroupConsumer(stage, await stage.client('second'), PAIR);
      await stage.until('a second one joins', () => second.isMember);
      const told = hands.hold(undefined, 'first', { method: 'heartbeat', answer: true });
      beat.release();
      await stage.until('the first one is told', () => told.caught);
      const again = hands.hold(undefined, 'first', { method: 'heartbeat', answer: true });
      told.lose();
      await stage.until('it is told again', () => again.caught);
      await stage.pass(TOLD_MS);
      stage.saw('it has not heard', first.held.size === 2);
      again.release();
      await share(stage, first, second);
    },
  },
  {
    name: 'pitfall-told-while-at-work',
    about:
      'a member is told to give a partition up while a handler has a message of it: no other message of it is begun, the next owner is there when the handler has ended, and goes on behind it',
    options: WITH_PAIR,
    play: async (stage) => {
      const first = await ownerOfBoth(stage);
      const goOn = first.keep();
      await stage.until('a message of each is in hand', () => first.given.length === 2);
      const second = new GroupConsumer(stage, await stage.client('second'), PAIR);
      await stage.until('a second one joins', () => second.isMember);
      await stage.pass(TOLD_MS);
      goOn();
      await share(stage, first, second);
      const [partition] = second.held;
      await stage.until('the rest is handled', () => first.given.length + second.given.length >= 6);
      const rest = [1, 2].map((count) => `${partition}-${count}`);
      stage.promise('the next owner handles the rest', second.given.join() === rest.join());
    },
  },
];
