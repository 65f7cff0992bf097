// Rule 21: groups that sleep, and leaders that are gone while everybody does.
import type { ServerSlot } from '../simulated-cluster.js';
import type { ScriptedScenario } from './scripted-scenario.js';
import { ELECTION_MS, TOPIC } from './stage.js';
import type { Stage, StageOptions } from './stage.js';

/** A second partition: beats go on for its sake. */
const OTHER = 'other';
const OPTIONS: StageOptions = {
  brokerFlags: { 'raft.sleep.ticks': '5' },
  others: [{ topic: OTHER, partitions: 1, replicas: 3, mode: 'raft', config: {} }],
};

async function allAsleep(stage: Stage, topics: readonly string[]): Promise<void> {
  const isAsleep = (slot: ServerSlot, topic: string): boolean =>
    stage.partition(slot, topic)?.isDormant === true;
  await stage.until('all replicas sleep', () =>
    stage.brokers.every((slot) => topics.every((topic) => isAsleep(slot, topic))),
  );
}

/** The other partition is led where the one in the middle is. */
async function leadBoth(stage: Stage): Promise<readonly [ServerSlot, ServerSlot, ServerSlot]> {
  const slots = await stage.cast();
  const [leader] = slots;
  const [elsewhere] = await stage.cast(OTHER);
  if (elsewhere === leader) return slots;
  const to = stage.idOf(leader, OTHER);
  stage.as(elsewhere, () => stage.replica(elsewhere, OTHER).replicator.transferLeadership(to));
  await stage.until('one broker leads both', () => stage.leads(leader, OTHER));
  return slots;
}

export const SLEEP_SCENARIOS: readonly ScriptedScenario[] = [
  {
    name: 'rule-21-failed-replica-of-a-sleeping-leader',
    about:
      'two partitions sleep; the replica of one leader fails, and nobody hears it say so, while its broker lives on and has the other partition to beat for',
    options: OPTIONS,
    play: async (stage) => {
      const [leader, second, third] = await leadBoth(stage);
      const one = await stage.client('one');
      await one.sendAll('before-', 2);
      await allAsleep(stage, [TOPIC, OTHER]);
      const words = stage.hands.hold(leader, undefined, { raft: 'timeoutNow' });
      stage.hands.failReplica(leader);
      await stage.pass(20);
      words.lose();
      await stage.pass(5 * ELECTION_MS);
      stage.promise('another replica leads', stage.leads(second) || stage.leads(third));
      await one.sendAll('after-', 2);
    },
  },
  {
    name: 'rule-21-leader-dies-while-all-sleep',
    about: 'everybody sleeps when the broker of the leader dies, and nobody sends anything',
    options: OPTIONS,
    play: async (stage) => {
      const [leader, second, third] = await leadBoth(stage);
      const one = await stage.client('one');
      await one.sendAll('before-', 2);
      await allAsleep(stage, [TOPIC, OTHER]);
      stage.leftDown.add(leader);
      stage.kill(leader);
      await stage.pass(5 * ELECTION_MS);
      stage.promise('another replica leads', stage.leads(second) || stage.leads(third));
      await one.sendAll('after-', 2);
    },
  },
  {
    name: 'rule-21-sleeping-leader-has-no-lease',
    about:
      'a leader that sleeps stands still, the others elect another and take records; asked where the log ends as soon as it goes on, it still believes to lead',
    options: OPTIONS,
    play: async (stage) => {
      const [leader, second, third] = await leadBoth(stage);
      const one = await stage.client('one');
      await one.sendAll('before-', 2);
      await allAsleep(stage, [TOPIC, OTHER]);
      const goOn = stage.pause(leader);
      const asked: { asleep?: boolean; offset?: number; refused?: boolean } = {};
      // The first thing that it does when it goes on, before it hears of anything.
      stage.as(leader, () => {
        const { replicator } = stage.replica(leader);
        asked.asleep = replicator.asleep;
        replicator.confirmLeadership().then(
          (offset) => (asked.offset = offset),
          () => (asked.refused = true),
        );
      });
      await stage.until('another leads', () => stage.leads(second) || stage.leads(third));
      await one.sendAll('meanwhile-', 2);
      goOn();
      await stage.until('it answers', () => asked.offset !== undefined || asked.refused === true);
      stage.saw('it slept, and did not know', asked.asleep === true);
      stage.promise('it tells no old end', asked.offset === undefined);
    },
  },
];
