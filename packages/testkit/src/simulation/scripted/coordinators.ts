// Rules 20 and 34: what is said by a coordinator, or a leader, that is none any more, or not yet; and what is said to it.
import type { MemberEpoch } from '@zhumq/rpc';
import type { ServerSlot } from '../simulated-cluster.js';
import type { ScriptClient } from './script-client.js';
import type { ScriptedScenario } from './scripted-scenario.js';
import { ELECTION_MS, TOPIC } from './stage.js';
import type { Stage } from './stage.js';

const GROUPS = '__groups';
const GROUP = 'workers';
const PARTITION = { topic: TOPIC, partition: 0 };
const SESSION_MS = 20_000;

/** A member of the group as a program that speaks the protocol itself. */
class Member {
  private epoch: MemberEpoch | undefined;

  constructor(
    private readonly stage: Stage,
    private readonly client: ScriptClient,
    private readonly memberId: string,
  ) {}

  /** Joins, or goes on, until the partition is its own; tells its epoch. */
  async own(): Promise<MemberEpoch> {
    for (let tries = 0; tries < 20; tries++) {
      const { memberEpoch, assigned } = await this.heartbeat(false);
      this.epoch = memberEpoch;
      if (assigned.length > 0) return memberEpoch;
      await this.stage.pass(100);
    }
    return this.stage.fail('liveness', `${this.memberId} is given no partition`);
  }

  async leave(): Promise<void> {
    await this.heartbeat(true);
    this.epoch = undefined;
  }

  /** undefined: it was taken; otherwise why not. */
  async commit(offset: number, memberEpoch: MemberEpoch): Promise<Error | undefined> {
    const position = { ...PARTITION, offset, metadata: '', committedAt: -1 };
    const request = { group: GROUP, memberId: this.memberId, memberEpoch, positions: [position] };
    const asked = this.client.callGroups(coordinator(this.stage), (groups) =>
      groups.commitPositions(request),
    );
    await this.stage.until('the commit is answered', () => asked.done);
    const failure = asked.value?.at(0)?.failure;
    return asked.error ?? (failure && new Error(failure.message));
  }

  private async heartbeat(leaving: boolean) {
    const { memberId, epoch: memberEpoch } = this;
    const about = { group: GROUP, memberId, instanceId: '', clientId: memberId, topics: [TOPIC] };
    const owned = memberEpoch === undefined ? [] : [PARTITION];
    const request = { ...about, memberEpoch, sessionTimeoutMs: SESSION_MS, owned, leaving };
    const asked = this.client.callGroups(coordinator(this.stage), (groups) =>
      groups.heartbeat(request),
    );
    await this.stage.until('the heartbeat is answered', () => asked.done);
    if (asked.value === undefined)
      return this.stage.fail('liveness', `${memberId} was told: ${asked.error?.message}`);
    return asked.value;
  }
}

function coordinator(stage: Stage): ServerSlot {
  const slot = stage.brokers.find((one) => stage.leads(one, GROUPS));
  return slot ?? stage.fail('execution', 'nobody coordinates');
}

/** The topic of groups is there, and led by somebody. */
async function groups(stage: Stage, client: ScriptClient): Promise<void> {
  // Whoever asks for a coordinator makes it come about.
  const [first] = stage.brokers;
  client.callGroups(first, (service) => service.findCoordinator(GROUP));
  await stage.until('somebody coordinates', () =>
    stage.brokers.some((slot) => stage.leads(slot, GROUPS)),
  );
}

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
      const late = new Member(stage, client, 'a'.repeat(22));
      const other = new Member(stage, client, 'b'.repeat(22));
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
      const member = new Member(stage, client, 'a'.repeat(22));
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
