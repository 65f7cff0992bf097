// A member of a group as a program that speaks the protocol itself, and whoever coordinates that group.
import type { GroupPartition, MemberEpoch } from '@zhumq/rpc';
import type { ServerSlot } from '../simulated-cluster.js';
import type { Asked, ScriptClient } from './script-client.js';
import { TOPIC } from './stage.js';
import type { Stage } from './stage.js';

export const GROUPS = '__groups';
export const GROUP = 'workers';
const SESSION_MS = 20_000;

export class GroupMember {
  private epoch: MemberEpoch | undefined;
  private owned: readonly GroupPartition[] = [];

  constructor(
    private readonly stage: Stage,
    private readonly client: ScriptClient,
    private readonly memberId: string,
    private readonly topic = TOPIC,
  ) {}

  /** Joins, or goes on, until it has so many partitions; tells its epoch. */
  async own(partitions = 1): Promise<MemberEpoch> {
    for (let tries = 0; tries < 20; tries++) {
      const memberEpoch = await this.beat();
      if (this.owned.length === partitions) return memberEpoch;
      await this.stage.pass(100);
    }
    return this.stage.fail(
      'liveness',
      `${this.memberId} is given ${this.owned.length} partitions, not ${partitions}`,
    );
  }

  /** Numbers of the partitions that it has. */
  get partitions(): readonly number[] {
    return this.owned.map(({ partition }) => partition);
  }

  /** Says what it has, and from then on has what it is told. */
  async beat(): Promise<MemberEpoch> {
    const { memberEpoch, assigned } = await this.heartbeat(false);
    this.epoch = memberEpoch;
    this.owned = assigned;
    return memberEpoch;
  }

  async leave(): Promise<void> {
    await this.heartbeat(true);
    this.epoch = undefined;
    this.owned = [];
  }

  /** undefined: it was taken; otherwise why not. */
  async commit(
    offset: number,
    memberEpoch: MemberEpoch,
    partition = 0,
  ): Promise<Error | undefined> {
    const asked = this.askToCommit(coordinator(this.stage), offset, memberEpoch, partition);
    await this.stage.until('the commit is answered', () => asked.done);
    return asked.error ?? asked.value;
  }

  /** Of that broker. What it resolves with: undefined when it was taken. */
  askToCommit(
    slot: ServerSlot,
    offset: number,
    memberEpoch: MemberEpoch,
    partition = 0,
  ): Asked<Error | undefined> {
    const { topic, memberId } = this;
    const position = { topic, partition, offset, metadata: '', committedAt: -1 };
    const request = { group: GROUP, memberId, memberEpoch, positions: [position] };
    return this.client.callGroups(slot, async (service) => {
      const [{ failure }] = await service.commitPositions(request);
      return failure && new Error(failure.message);
    });
  }

  private async heartbeat(leaving: boolean) {
    const { memberId, epoch: memberEpoch, topic } = this;
    const about = { group: GROUP, memberId, instanceId: '', clientId: memberId, topics: [topic] };
    const owned = [...this.owned];
    const request = { ...about, memberEpoch, sessionTimeoutMs: SESSION_MS, owned, leaving };
    const asked = this.client.callGroups(coordinator(this.stage), (service) =>
      service.heartbeat(request),
    );
    await this.stage.until('the heartbeat is answered', () => asked.done);
    if (asked.value === undefined)
      return this.stage.fail('liveness', `${memberId} was told: ${asked.error?.message}`);
    return asked.value;
  }
}

export function coordinator(stage: Stage, but?: ServerSlot): ServerSlot {
  const slot = stage.brokers.find((one) => one !== but && stage.leads(one, GROUPS));
  return slot ?? stage.fail('execution', 'nobody coordinates');
}

/** The topic of groups is there, and led by somebody. */
export async function groups(stage: Stage, client: ScriptClient): Promise<void> {
  // Whoever asks for a coordinator makes it come about.
  const [first] = stage.brokers;
  client.callGroups(first, (service) => service.findCoordinator(GROUP));
  await coordinated(stage);
}

/** Somebody coordinates, `but` that one. */
export async function coordinated(stage: Stage, but?: ServerSlot): Promise<void> {
  await stage.until('somebody coordinates', () =>
    stage.brokers.some((slot) => slot !== but && stage.leads(slot, GROUPS)),
  );
}

/** Where the group stands, as its coordinator says; -1: nowhere. */
export async function positionOf(
  stage: Stage,
  client: ScriptClient,
  where: GroupPartition,
  but?: ServerSlot,
): Promise<number> {
  const asked = client.callGroups(coordinator(stage, but), (service) =>
    service.positions({ group: GROUP, partitions: [where], memberId: '' }),
  );
  await stage.until('positions are told', () => asked.done);
  const offset = asked.value?.at(0)?.offset;
  return offset ?? stage.fail('liveness', `positions are not told: ${asked.error?.message}`);
}
