// For tests: a coordinator of groups in memory, as idl/group.thrift says: gives partitions when their former owners have
// released them, fences commits by member and epoch. One broker serves it at a time; the others name that one.
import { SystemClock } from '@zhumq/base';
import type { Clock } from '@zhumq/base';
import { zhumqError } from '@zhumq/model';
import { failureOf } from '@zhumq/rpc';
import type {
  GroupCommit,
  GroupHandler,
  GroupHeartbeat,
  GroupHeartbeatReply,
  GroupPartition,
  GroupPosition,
  GroupPositionResult,
  GroupPositionsRequest,
  MemberEpoch,
} from '@zhumq/rpc';
import { fakeGroupAdmin } from './fake-group-admin.fixture.js';
import type { FakeBroker, FakeCluster } from './fake-cluster.fixture.js';

const HOST = '127.0.0.1';

interface Member {
  readonly memberId: string;
  readonly request: GroupHeartbeat;
  epoch: MemberEpoch;
  heardMs: number;
  target: Set<string>;
  /** As last told. */
  assigned: string;
}

type Hook<Request, Response> = (
  request: Request,
  next: () => Response,
  broker: FakeBroker,
) => Promise<Response> | Response;

export class FakeCoordinator {
  clock: Clock = new SystemClock();
  /** The broker that coordinates. */
  at = 1;
  /** Partitions of `__groups` that a broker serves; 0 is that of the group. */
  served = (broker: FakeBroker): number[] => (broker.id === this.at ? [0] : []);
  intervalMs = 100;
  readonly heartbeats: GroupHeartbeat[] = [];
  readonly commits: GroupCommit[] = [];
  /** Everything in the order in which it was served. */
  readonly story: string[] = [];
  readonly positions = new Map<string, GroupPosition>();
  readonly members = new Map<string, Member>();
  /** Who may read a partition, or has not released it yet. */
  readonly owners = new Map<string, string>();
  readonly on: {
    heartbeat: Hook<GroupHeartbeat, GroupHeartbeatReply>;
    commit: Hook<GroupCommit, GroupPositionResult[]>;
    positions: Hook<GroupPositionsRequest, GroupPosition[]>;
  } = {
    heartbeat: (_request, next) => next(),
    commit: (_request, next) => next(),
    positions: (_request, next) => next(),
  };
  private term = 1;
  private counter = 0;
  private readonly replaced = new Set<string>();
  private readonly numbers = new Map<string, string>();

  constructor(private readonly cluster: FakeCluster) {}

  handlerOf(broker: FakeBroker): GroupHandler {
    return {
      findCoordinator: () => ({ id: this.at, ...this.address() }),
      heartbeat: (wanted) => {
        this.checkBroker(broker);
        const request = { ...wanted, memberId: this.numberOf(wanted.memberId) };
        return this.on.heartbeat(request, () => this.heartbeat(request), broker);
      },
      commitPositions: (wanted) => {
        this.checkBroker(broker);
        const request = { ...wanted, memberId: this.numberOf(wanted.memberId) };
        return this.on.commit(request, () => this.commit(request), broker);
      },
      positions: (request) => {
        this.checkBroker(broker);
        return this.on.positions(request, () => this.positionsFor(request), broker);
      },
      ...fakeGroupAdmin({
        ...{ group: this, broker: broker.id, check: () => this.checkBroker(broker) },
        serves: () => this.served(broker),
        partitionsOf: (topic) => this.cluster.topics.get(topic)?.partitions.length ?? 0,
      }),
    };
  }

  /** Another broker coordinates: it knows what was durable, and gives everybody a new session. */
  move(broker: number): void {
    this.at = broker;
    this.term++;
    for (const member of this.members.values()) member.heardMs = this.clock.monotonicMs();
  }

  /** As if the session had timed out. */
  expel(memberId: string): void {
    this.members.delete(memberId);
    for (const [name, owner] of this.owners) if (owner === memberId) this.owners.delete(name);
    this.story.push(`expelled ${memberId}`);
    this.rebalance();
  }

  ownedBy(memberId: string): string[] {
    return [...this.owners].filter(([, owner]) => owner === memberId).map(([name]) => name);
  }

  committed(name: string): number {
    return this.positions.get(name)?.offset ?? -1;
  }

  /** m1 for the first member that is heard of, and so on: what tests can say. */
  private numberOf(memberId: string): string {
    const number = this.numbers.get(memberId) ?? `m${this.numbers.size + 1}`;
    this.numbers.set(memberId, number);
    return number;
  }

  private heartbeat(request: GroupHeartbeat): GroupHeartbeatReply {
    this.heartbeats.push(request);
    this.expire();
    const member = this.memberOf(request);
    member.heardMs = this.clock.monotonicMs();
    if (request.leaving) return this.leave(member);
    this.release(member, request);
    const assigned = this.grant(member);
    const text = assigned.map(nameOf).sort().join(' ');
    if (text !== member.assigned || member.epoch.counter < 0) {
      member.assigned = text;
      member.epoch = { term: this.term, counter: ++this.counter };
    }
    return {
      ...{ memberId: member.memberId, memberEpoch: member.epoch, assigned },
      heartbeatIntervalMs: this.intervalMs,
    };
  }

  private memberOf(request: GroupHeartbeat): Member {
    const known = this.members.get(request.memberId);
    if (known !== undefined) return known;
    if (this.replaced.has(request.memberId)) {
      throw zhumqError('FENCED_INSTANCE', `another member is ${request.instanceId}`);
    }
    const { memberId } = request;
    if (request.memberEpoch !== undefined || request.leaving) {
      throw zhumqError('UNKNOWN_MEMBER', `no member ${memberId}`);
    }
    const former = [...this.members.values()].find(
      (one) => request.instanceId !== '' && one.request.instanceId === request.instanceId,
    );
    const member: Member = {
      ...{ memberId, request, epoch: { term: this.term, counter: -1 }, heardMs: 0, assigned: '' },
      target: former?.target ?? new Set(),
    };
    this.members.set(memberId, member);
    if (former === undefined) this.rebalance();
    else {
      this.members.delete(former.memberId);
      this.replaced.add(former.memberId);
      for (const name of this.ownedBy(former.memberId)) this.owners.set(name, memberId);
    }
    this.story.push(`joined ${memberId}`);
    return member;
  }

  /** Static members keep their place until their session ends. */
  private leave(member: Member): GroupHeartbeatReply {
    this.story.push(`left ${member.memberId}`);
    if (member.request.instanceId === '') this.expel(member.memberId);
    const { memberId, epoch: memberEpoch } = member;
    return { memberId, memberEpoch, heartbeatIntervalMs: this.intervalMs, assigned: [] };
  }

  /** Who does not know yet what it was given has not released it by not naming it. */
  private release(member: Member, { owned, memberEpoch }: GroupHeartbeat): void {
    const { epoch } = member;
    if (memberEpoch?.term !== epoch.term || memberEpoch.counter !== epoch.counter) return;
    const names = new Set(owned.map(nameOf));
    for (const name of this.ownedBy(member.memberId)) {
      if (names.has(name)) continue;
      this.owners.delete(name);
      this.story.push(`released ${name} by ${member.memberId}`);
    }
  }

  private grant({ memberId, target }: Member): GroupPartition[] {
    return [...target].flatMap((name) => {
      const owner = this.owners.get(name);
      if (owner !== undefined && owner !== memberId) return [];
      if (owner === undefined) this.story.push(`granted ${name} to ${memberId}`);
      this.owners.set(name, memberId);
      return [partitionOf(name)];
    });
  }

  private commit({ memberId, memberEpoch, positions }: GroupCommit): GroupPositionResult[] {
    this.expire();
    this.commits.push({ memberId, memberEpoch, positions, group: '' });
    this.checkEpoch(memberId, memberEpoch);
    return positions.map((position) => {
      const { topic, partition, offset } = position;
      const name = nameOf(position);
      const failure =
        this.owners.get(name) !== memberId
          ? failureOf(zhumqError('NOT_OWNED', `${name} is not of ${memberId}`))
          : offset < this.committed(name)
            ? failureOf(zhumqError('POSITION_BEHIND', `${name} is at ${this.committed(name)}`))
            : undefined;
      if (failure === undefined) {
        this.positions.set(name, position);
        this.story.push(`committed ${name} ${offset} by ${memberId}`);
      }
      return { topic, partition, ...(failure === undefined ? {} : { failure }) };
    });
  }

  private positionsFor(request: GroupPositionsRequest): GroupPosition[] {
    const { partitions, memberId, memberEpoch } = request;
    if (memberId !== '') this.checkEpoch(this.numberOf(memberId), memberEpoch);
    return partitions.map((one) => this.positions.get(nameOf(one)) ?? nowhere(one));
  }

  private checkEpoch(memberId: string, memberEpoch: MemberEpoch | undefined | null): void {
    const member = this.members.get(memberId);
    if (member === undefined) throw zhumqError('UNKNOWN_MEMBER', `no member ${memberId}`);
    const { epoch } = member;
    if (memberEpoch?.term !== epoch.term || memberEpoch.counter !== epoch.counter) {
      throw zhumqError('FENCED_MEMBER', `the epoch is ${epoch.term}/${epoch.counter}`);
    }
  }

  private expire(): void {
    const now = this.clock.monotonicMs();
    for (const { memberId, heardMs, request } of [...this.members.values()]) {
      if (now - heardMs > request.sessionTimeoutMs) this.expel(memberId);
    }
  }

  /** Everybody keeps what it has up to its share. */
  private rebalance(): void {
    const members = [...this.members.values()];
    const names = new Set<string>();
    for (const { request } of members) {
      for (const topic of request.topics) {
        const count = this.cluster.topics.get(topic)?.partitions.length ?? 0;
        for (let partition = 0; partition < count; partition++) names.add(`${topic}-${partition}`);
      }
    }
    const free = new Set(names);
    const most = Math.ceil(names.size / Math.max(1, members.length));
    for (const member of members) {
      member.target = new Set([...member.target].filter((name) => free.has(name)).slice(0, most));
      for (const name of member.target) free.delete(name);
    }
    for (const name of free) {
      const [least] = [...members].sort((one, other) => one.target.size - other.target.size);
      least?.target.add(name);
    }
  }

  private address(): { host: string; port: number } {
    return { host: HOST, port: this.cluster.brokers.find(({ id }) => id === this.at)?.port ?? 0 };
  }

  private checkBroker({ id }: FakeBroker): void {
    if (id === this.at) return;
    throw zhumqError('NOT_COORDINATOR', `broker ${this.at} coordinates`, this.address());
  }
}

function nameOf({ topic, partition }: GroupPartition): string {
  return `${topic}-${partition}`;
}

function partitionOf(name: string): GroupPartition {
  const at = name.lastIndexOf('-');
  return { topic: name.slice(0, at), partition: Number(name.slice(at + 1)) };
}

function nowhere({ topic, partition }: GroupPartition): GroupPosition {
  return { topic, partition, offset: -1, lastEpoch: -1, metadata: '', committedAt: 0 };
}
