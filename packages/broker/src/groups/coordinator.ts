// The groups that this broker coordinates: those in the partitions of `__groups` that it leads. Everything that changes a
// group goes through the group's queue into the log, and is answered when it is committed (rule 20).
import type { Clock, ErrorContext, Logger } from '@zhumq/base';
import { GROUPS_TOPIC, isError, zhumqError } from '@zhumq/model';
import type { Endpoint } from '@zhumq/rpc';
import type { PartitionRegistry } from '../partition/partition-registry.js';
import type { StateMachinePartition } from '../state-machine/state-machine-partition.js';
import { StateMachinePartitions } from '../state-machine/state-machine-partitions.js';
import type { CoordinatorLookup } from './coordinator-lookup.js';
import { groupError } from './decision.js';
import type { GroupSettings, Moment, NamedPartition, TopicLookup } from './decision.js';
import { deleteGroup, describeGroup, summarizeGroup, topicIdsOf } from './group-admin.js';
import type { GroupDescription, GroupList } from './group-admin.js';
import { Group } from './group.js';
import { GroupExpiry } from './group-expiry.js';
import type { Office } from './group-expiry.js';
import { GroupQueue } from './group-queue.js';
import type { Decision } from './group-queue.js';
import { GroupsState } from './groups-state.js';
import { heartbeat } from './heartbeat.js';
import type { HeartbeatAnswer, HeartbeatRequest } from './heartbeat.js';
import { partsOf, proposeAll } from './large-decision.js';
import { commitPositions, fetchPositions, resetPositions } from './positions.js';
import type {
  CommitRequest,
  CommitResult,
  CommittedPosition,
  NamedPosition,
  PositionReader,
  ResetStep,
} from './positions.js';
import { MAX_TOPICS, bytesOf, checkGroupName } from './request-check.js';
import { Sessions } from './sessions.js';

export interface GroupCoordinatorOptions {
  readonly registry: PartitionRegistry;
  readonly lookup: Pick<
    CoordinatorLookup,
    'partitionOf' | 'knownPartitionOf' | 'leaderKnownHere' | 'find'
  >;
  readonly topics: TopicLookup & {
    prepare(topics: readonly string[]): Promise<void>;
    prepareAll(): Promise<void>;
    refresh(topics: readonly string[]): Promise<void>;
  };
  readonly settings: GroupSettings;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: { committed(positions: number): void; fenced(): void };
  /** Identities of topics that are deleted for certain. */
  readonly deletedTopics: () => ReadonlySet<string>;
}

type Replica = StateMachinePartition<GroupsState>;

export class GroupCoordinator {
  private readonly partitions: StateMachinePartitions<GroupsState>;
  /** By partition, while it is served here. */
  private readonly sessions = new Map<number, Sessions>();
  private readonly queues = new Map<string, GroupQueue>();
  private readonly expiry: GroupExpiry;
  /** Requests that are not answered yet. */
  private waiting = 0;
  private heldBytes = 0;
  private closed = false;

  constructor(private readonly options: GroupCoordinatorOptions) {
    const { registry, clock, logger } = options;
    this.partitions = new StateMachinePartitions({
      ...{ topic: GROUPS_TOPIC, registry, clock, logger },
      makeMachine: () => new GroupsState(),
      events: {
        onServing: ({ partition }) =>
          void this.sessions.set(partition.name.partition, new Sessions()),
        onLost: ({ partition }) => void this.sessions.delete(partition.name.partition),
      },
    });
    this.expiry = new GroupExpiry({
      ...options,
      offices: () => this.offices(),
      decide: (partition, group, decision) => this.decide(partition, group, decision),
    });
  }

  /** Throws LEADER_NOT_AVAILABLE, STORE_UNAVAILABLE, INVALID_REQUEST. */
  async find(group: string): Promise<Endpoint> {
    checkGroupName(group);
    return this.options.lookup.find(group);
  }

  async heartbeat(group: string, request: HeartbeatRequest): Promise<HeartbeatAnswer> {
    checkGroupName(group);
    this.hear(group, request.memberId);
    return this.serve(group, async (partition) => {
      if (!request.leaving) await this.options.topics.prepare(request.topics.slice(0, MAX_TOPICS));
      const bytes = bytesOf(request.owned);
      return this.holding(bytes, () =>
        this.decide(partition, group, (draft, moment) => heartbeat(draft, request, moment)),
      );
    });
  }

  async commit(group: string, request: CommitRequest): Promise<readonly CommitResult[]> {
    const results = await this.serve(group, (partition) =>
      this.holding(bytesOf(request.positions), () =>
        this.decide(partition, group, (draft, moment) => commitPositions(draft, request, moment)),
      ),
    );
    this.options.metrics.committed(results.filter(({ error }) => error === undefined).length);
    return results;
  }

  /** Of a `reader` those where it is to begin. */
  async positions(
    group: string,
    partitions: readonly NamedPartition[],
    reader?: PositionReader,
  ): Promise<readonly CommittedPosition[]> {
    const { topics } = this.options;
    return this.serve(group, async (partition) => {
      await topics.prepare([...new Set(partitions.map(({ topic }) => topic))].slice(0, MAX_TOPICS));
      const machine = await this.confirmed(partition, group);
      return fetchPositions(machine.get(group) ?? new Group(group), partitions, topics, reader);
    });
  }

  async describe(group: string): Promise<GroupDescription> {
    const { topics } = this.options;
    return this.serve(group, async (partition) => {
      await topics.prepareAll();
      const machine = await this.confirmed(partition, group);
      return describeGroup(group, machine.get(group), topics);
    });
  }

  /** Those that are coordinated here, of partitions of which a quorum has just confirmed that this broker leads them. */
  async list(): Promise<GroupList> {
    const { topics } = this.options;
    await topics.prepareAll();
    const offices = this.offices().map(({ partition }) => partition);
    const confirmed = await this.bounded(() =>
      Promise.all(offices.map((one) => this.isConfirmed(one))),
    );
    const listed = this.offices().filter(({ partition }) => {
      return confirmed[offices.indexOf(partition)] ?? false;
    });
    return {
      groups: listed.flatMap(({ state }) =>
        [...state.all()].map((group) => summarizeGroup(group, topics)),
      ),
      partitions: listed.map(({ partition }) => partition),
    };
  }

  async delete(group: string, isDryRun: boolean): Promise<void> {
    return this.serve(group, (partition) =>
      this.decide(partition, group, (draft, moment) => deleteGroup(draft, isDryRun, moment)),
    );
  }

  async reset(
    group: string,
    positions: readonly NamedPosition[],
    isDryRun: boolean,
  ): Promise<readonly ResetStep[]> {
    const names = [...new Set(positions.map(({ topic }) => topic))];
    if (names.length > MAX_TOPICS) {
      const text = `a reset is of at most ${MAX_TOPICS} topics, not ${names.length}`;
      throw zhumqError('INVALID_REQUEST', text);
    }
    return this.serve(group, async (partition) => {
      // A topic that was created again a moment ago is another one.
      await this.options.topics.refresh(names);
      return this.holding(bytesOf(positions), () =>
        this.decide(partition, group, (draft, moment) =>
          resetPositions(draft, positions, isDryRun, moment),
        ),
      );
    });
  }

  /** What is served here at present; good for this turn. */
  offices(): readonly Office[] {
    return this.partitions.serving().flatMap((one) => {
      const { partition } = one.partition.name;
      const sessions = this.sessions.get(partition);
      // It may have lost the leadership in this very turn.
      if (sessions === undefined || !one.partition.isOpen || !one.partition.leads) return [];
      return [{ partition, sessions, state: one.serving().machine }];
    });
  }

  count(): { readonly groups: number; readonly members: number } {
    const groups = this.offices().flatMap(({ state }) => [...state.all()]);
    return {
      groups: groups.length,
      members: groups.reduce((sum, { members }) => sum + members.size, 0),
    };
  }

  topicsInUse(): ReadonlySet<string> {
    const topics = new Set<string>();
    for (const { state } of this.offices()) {
      for (const { members } of state.all()) {
        for (const member of members.values()) for (const topic of member.topics) topics.add(topic);
      }
    }
    return topics;
  }

  /** Identities of the topics of which groups keep something. */
  topicsKept(): ReadonlySet<string> {
    const groups = this.offices().flatMap(({ state }) => [...state.all()]);
    return new Set(groups.flatMap((group) => [...topicIdsOf(group)]));
  }

  close(): void {
    this.closed = true;
    this.expiry.close();
    this.partitions.close();
  }

  /** A request about a group: bounded in number and in time, and only here when the group is. */
  private async serve<T>(group: string, work: (partition: number) => Promise<T>): Promise<T> {
    checkGroupName(group);
    return this.bounded(async () => {
      try {
        const partition = await this.options.lookup.partitionOf(group);
        this.replica(partition, group).serving();
        return await this.inTime(group, work(partition));
      } catch (error) {
        if (isError(error, 'FENCED_MEMBER') || isError(error, 'FENCED_INSTANCE')) {
          this.options.metrics.fenced();
        }
        throw await this.translated(error, group);
      }
    });
  }

  private async bounded<T>(work: () => Promise<T>): Promise<T> {
    if (this.closed) throw zhumqError('STOPPING', 'the broker is stopping');
    if (this.waiting >= MAX_WAITING) {
      const text = `${MAX_WAITING} requests about groups wait at this broker already`;
      throw zhumqError('OVERLOADED', text, { limit: MAX_WAITING });
    }
    this.waiting++;
    try {
      return await work();
    } finally {
      this.waiting--;
    }
  }

  /** What a decision needs is held until it is known what became of it, also when nobody waits for that any more. */
  private async holding<T>(bytes: number, work: () => Promise<T>): Promise<T> {
    if (this.heldBytes > 0 && this.heldBytes + bytes > MAX_HELD_BYTES) {
      const text = `requests about groups that wait at this broker hold ${this.heldBytes} bytes already`;
      throw zhumqError('OVERLOADED', text, { held: this.heldBytes, limit: MAX_HELD_BYTES });
    }
    this.heldBytes += bytes;
    try {
      return await work();
    } finally {
      this.heldBytes -= bytes;
    }
  }

  /** Whether a quorum says within a moment that this broker leads the partition. */
  private isConfirmed(partition: number): Promise<boolean> {
    const replica = this.partitions.find(partition);
    if (replica === undefined) return Promise.resolve(false);
    return new Promise((resolve) => {
      const timer = this.options.clock.after(CONFIRM_MS, () => resolve(false));
      replica
        .confirm()
        .then(
          () => resolve(true),
          () => resolve(false),
        )
        .finally(() => timer.cancel());
    });
  }

  /** Told at once: what waits, or is refused for too much work, must not end the session of who sent it. */
  private hear(group: string, memberId: string): void {
    const partition = this.options.lookup.knownPartitionOf(group);
    const office = this.offices().find((one) => one.partition === partition);
    if (office?.state.get(group)?.members.has(memberId) !== true) return;
    office.sessions.hear(group, memberId, this.options.clock.monotonicMs());
  }

  private decide<T>(partition: number, group: string, decision: Decision<T>): Promise<T> {
    let queue = this.queues.get(group);
    if (queue === undefined) {
      queue = new GroupQueue({
        group,
        look: () => {
          const { epoch, machine } = this.replica(partition, group).serving();
          return { base: machine.get(group), moment: this.moment(epoch) };
        },
        propose: (records) => {
          const deadlineMs = this.options.clock.monotonicMs() + PROPOSAL_MS;
          const replica = this.replica(partition, group);
          return proposeAll(partsOf(group, records), (part) => replica.propose(part, deadlineMs));
        },
        confirm: () => this.replica(partition, group).confirm(),
        idle: () => void this.queues.delete(group),
      });
      this.queues.set(group, queue);
    }
    return queue.run(decision);
  }

  private async confirmed(partition: number, group: string): Promise<GroupsState> {
    const replica = this.replica(partition, group);
    await replica.confirm();
    return replica.serving().machine;
  }

  private moment(term: number): Moment {
    const { clock, topics, settings } = this.options;
    return { now: clock.wallMs(), term, topics, settings };
  }

  private replica(partition: number, group: string): Replica {
    const found = this.partitions.find(partition);
    if (found !== undefined) return found;
    throw this.notCoordinator(group, partition, 'this broker holds no replica of it');
  }

  /** What is wrong with the partition of `__groups`, in words about the group. */
  private async translated(error: unknown, group: string): Promise<unknown> {
    if (isError(error, 'LEADER_NOT_AVAILABLE')) {
      const predicate = `is not served yet: ${error.message}`;
      return groupError('COORDINATOR_LOADING', group, predicate);
    }
    if (!isError(error, 'NOT_LEADER') && !isError(error, 'REPLICA_FAILED')) return error;
    const partition = await this.options.lookup.partitionOf(group);
    return this.notCoordinator(group, partition, error.message);
  }

  private notCoordinator(group: string, partition: number, why: string): Error {
    const leader = this.options.lookup.leaderKnownHere(partition);
    const context: ErrorContext =
      leader === undefined ? {} : { broker: leader.id, host: leader.host, port: leader.port };
    const where = leader === undefined ? 'find its coordinator' : `broker ${leader.id} does`;
    const predicate = `is not coordinated by this broker (${why}); ${where}`;
    return groupError('NOT_COORDINATOR', group, predicate, context);
  }

  /** What is in the log may be committed later; who waits learns that it is not known. */
  private inTime<T>(group: string, work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const timer = this.options.clock.after(REQUEST_MS, () => {
        const predicate = `could not be served within ${REQUEST_MS} ms: its records are not committed`;
        reject(groupError('TIMEOUT', group, predicate));
      });
      work.then(resolve, reject).finally(() => timer.cancel());
    });
  }
}

/** Requests that may wait, over all groups. */
const MAX_WAITING = 10_000;
/** Of their lists of partitions and positions, roughly. One request may be larger. */
const MAX_HELD_BYTES = 64 * 2 ** 20;
/** What no quorum has confirmed by then is left out of a list. */
const CONFIRM_MS = 1_000;
/** Longest time that a request waits for a quorum. */
const REQUEST_MS = 10_000;
/** The next decision needs to know what became of the last one; only a change of leaders ends the waiting. */
const PROPOSAL_MS = 86_400_000;
