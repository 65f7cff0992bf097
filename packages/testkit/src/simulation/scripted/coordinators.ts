// Rules 20 and 34: what is said by a coordinator, or a leader, that is none any more, or not yet; and what is said to it.
import type { ServerSlot } from '../simulated-cluster.js';
import { GROUP, GROUPS, GroupMember, coordinator, groups } from './group-member.js';
import type { ScriptedScenario } from './scripted-scenario.js';
import { ELECTION_MS, TOPIC } from './stage.js';

const PARTITION = { topic: TOPIC, partition: 0 };

export const COORDINATOR_SCENARIOS: readonly ScriptedScenario[] = [
  {
    name: 'rule-20-epochs-of-another-coordinator',
    about:
      'a commit is delayed until its member has lost its partition, another coordinator took over, and the member has the partition again: it is of an epoch that is over',
    options: {},
    play: async (stage) => {
      const client = await stage.client('one');
      await client.sendAll('record-', 6);
      await groups(stage, client);
      const late = new GroupMember(stage, client, 'a'.repeat(22));
      const other = new GroupMember(stage, client, 'b'.repeat(22));
      const before = await late.own();
      stage.saw('a commit of the first coordinator', (await late.commit(1, before)) === undefined);
      const first = coordinator(stage);
      stage.kill(first);
      await stage.until('another one coordinates', () =>
        stage.brokers.some((slot) => slot !== first && stage.leads(slot, GROUPS)),
      );
      await late.leave();
      const between = await other.own();
      stage.saw('the other member has come on', (await other.commit(2, between)) === undefined);
      await other.leave();
      await late.own();
      const refusal = await late.commit(5, before);
      stage.promise('the late commit is refused', refusal !== undefined);
    },
  },
  {
    name: 'rule-20-deposed-coordinator-says-nothing',
    about:
      'a coordinator stands still while another one takes over and takes commits; asked for positions when it goes on, it still believes to be the one',
    options: {},
    play: async (stage) => {
      const client = await stage.client('one');
      await client.sendAll('record-', 6);
      await groups(stage, client);
      const member = new GroupMember(stage, client, 'a'.repeat(22));
      const epoch = await member.own();
      stage.saw('a first commit', (await member.commit(1, epoch)) === undefined);
      const deposed = coordinator(stage);
      // When it goes on, nobody has told it anything.
      stage.hands.isolate(deposed);
      const goOn = stage.pause(deposed);
      await stage.until('another one coordinates', () =>
        stage.brokers.some((slot) => slot !== deposed && stage.leads(slot, GROUPS)),
      );
      // The one that stands still is asked for last.
      const next = stage.brokers.find((slot) => slot !== deposed && stage.leads(slot, GROUPS));
      const position = { ...PARTITION, offset: 4, metadata: '', committedAt: -1 };
      const committed = client.callGroups(next as ServerSlot, (service) =>
        service.commitPositions({
          ...{ group: GROUP, memberId: 'a'.repeat(22), memberEpoch: epoch },
          positions: [position],
        }),
      );
      await stage.until('a second commit is answered', () => committed.done);
      stage.saw('it was taken', committed.value?.at(0)?.failure === undefined);
      const asked = client.callGroups(deposed, (service) =>
        service.positions({ group: GROUP, partitions: [PARTITION], memberId: '' }),
      );
      await stage.pass(50);
      goOn();
      await stage.until('it is answered', () => asked.done);
      const offset = asked.value?.at(0)?.offset;
      stage.promise('no old position is told', offset === undefined || offset >= 4);
    },
  },
  {
    name: 'rule-34-no-lease-reads',
    about:
      'a leader stands still while another one is elected and commits; asked for the end of the log when it goes on, it still believes to lead',
    options: {},
    play: async (stage) => {
      const [deposed] = await stage.cast();
      const one = await stage.client('one');
      await one.sendAll('before-', 2);
      // When it goes on, nobody has told it anything.
      stage.hands.isolate(deposed);
      const goOn = stage.pause(deposed);
      await stage.until('another one leads', () =>
        stage.brokers.some((slot) => slot !== deposed && stage.leads(slot)),
      );
      const two = await stage.client('two');
      const asked = two.call(deposed, (broker) =>
        broker.listOffsets([{ ...PARTITION, timestamp: -1 }]),
      );
      const three = await stage.client('three');
      stage.hands.cut(three.name, deposed);
      const sent = await three.sendAll('after-', 3);
      await stage.pass(50);
      goOn();
      await stage.until('it is answered', () => asked.done);
      const answer = asked.value?.at(0);
      const newest = Math.max(...sent.map(({ offset }) => offset));
      stage.promise(
        'no old end is told',
        answer?.failure !== undefined || answer === undefined || answer.offset > newest,
      );
      stage.hands.letGo();
      await stage.pass(ELECTION_MS);
    },
  },
  {
    name: 'rule-34-old-answer-confirms-no-read',
    about:
      'the answer to a heartbeat is on its way until another leader has committed; it arrives when the old leader was asked for the end of the log, and confirms nothing',
    options: {},
    play: async (stage) => {
      const [deposed, second] = await stage.cast();
      const { hands } = stage;
      const one = await stage.client('one');
      await one.sendAll('before-', 2);
      const late = hands.hold(second, deposed, { raft: 'heartbeatReply' });
      await stage.until('an answer is on its way', () => late.caught);
      hands.isolate(deposed);
      const goOn = stage.pause(deposed);
      await stage.until('another one leads', () =>
        stage.brokers.some((slot) => slot !== deposed && stage.leads(slot)),
      );
      const three = await stage.client('three');
      hands.cut(three.name, deposed);
      const sent = await three.sendAll('after-', 3);
      goOn();
      const two = await stage.client('two');
      const asked = two.call(deposed, (broker) =>
        broker.listOffsets([{ ...PARTITION, timestamp: -1 }]),
      );
      const received = hands.count(two.name, deposed, { method: 'listOffsets' });
      await stage.until('it was asked', () => received.seen > 0);
      stage.saw('it believes to lead', stage.leads(deposed));
      late.release();
      await stage.until('it is answered', () => asked.done);
      const answer = asked.value?.at(0);
      const newest = Math.max(...sent.map(({ offset }) => offset));
      stage.promise(
        'no old end is told',
        answer?.failure !== undefined || answer === undefined || answer.offset > newest,
      );
      hands.letGo();
      await stage.pass(ELECTION_MS);
    },
  },
];
