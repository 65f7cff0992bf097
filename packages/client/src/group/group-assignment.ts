// The partitions of a member of a group: takes what the coordinator gives, starts it where the group stands, and gives up what
// it is to give up: no more messages, handlers that run may end, commit, release. Each partition goes its own way through
// that; the others never pause.
import { Deadline } from '@zhumq/base';
import type { ZhumqError } from '@zhumq/base';
import { isError, zhumqError } from '@zhumq/model';
import type { GroupPartition, GroupPosition } from '@zhumq/rpc';
import type { CallOptions } from '../api/client.js';
import type { Cluster } from '../cluster/cluster.js';
import type { Assignment, CommitPosition, Emit, GroupSide } from '../consumer/assignment.js';
import type { ConsumerSettings } from '../consumer/consumer-settings.js';
import { recreated } from '../consumer/explicit-assignment.js';
import { PartitionReader } from '../consumer/partition-reader.js';
import { Reading } from '../consumer/reading.js';
import type { RecordSource } from '../consumer/record-source.js';
import { asZhumqError, closedError } from '../errors.js';
import { durationOption } from '../option-values.js';
import { settleWithin } from '../retry.js';
import { CommitSchedule } from './commit-schedule.js';
import { GroupCoordinator } from './group-coordinator.js';
import type { GroupSettings } from './group-settings.js';
import { Membership } from './membership.js';
import { notMember, PositionCommitter } from './position-committer.js';
import type { Committed } from './position-committer.js';

const OPEN_TIMEOUT_MS = 30_000;
const COMMIT_TIMEOUT_MS = 30_000;

export class GroupAssignment implements Assignment {
  readonly reading: Reading;
  readonly group: GroupSide;
  private readonly coordinator: GroupCoordinator;
  private readonly membership: Membership;
  private readonly committer: PositionCommitter;
  private readonly schedule: CommitSchedule;
  private readonly topicIds = new Map<string, string>();
  /** Lost with work that was not committed, or with messages in hand; told by the next commit() of the program. */
  private readonly lostWork = new Set<string>();
  private opening: Promise<void> | undefined;
  private failure: ZhumqError | undefined;
  private joined: () => void = () => undefined;
  private refuse: (error: ZhumqError) => void = () => undefined;
  private readonly joining: Promise<void>;
  private readonly stopListening: () => void;

  constructor(
    private readonly cluster: Cluster,
    private readonly topics: readonly string[],
    private readonly settings: GroupSettings,
    consumerSettings: ConsumerSettings,
    private readonly source: RecordSource,
    private readonly stopping: AbortSignal,
    private readonly emit: Emit,
  ) {
    const { clock, random } = cluster.options;
    this.reading = new Reading(cluster, consumerSettings, source, stopping, emit);
    this.coordinator = new GroupCoordinator(cluster, settings.group);
    this.membership = new Membership(
      {
        ...{ clock, random },
        heartbeat: (request, timeoutMs) =>
          this.coordinator.ask((client, ms) => {
            return client.heartbeat(request, { timeoutMs: ms });
          }, timeoutMs),
        owned: () => source.readers.map(({ topic, partition }) => ({ topic, partition })),
        assigned: (partitions) => this.follow(partitions),
        lost: (error) => this.loseAll(error),
        doubted: () => cluster.options.logger.warn(this.name, 'no heartbeat was answered in time'),
        confirmed: () => source.notify(),
        blocked: (delayMs) => {
          cluster.options.logger.warn({ ...this.name, delayMs }, 'the event loop stood still');
          emit('blocked', { delayMs });
        },
        failed: (error) => this.fail(error),
        troubled: (error) =>
          cluster.options.logger.debug({ ...this.name, code: error.code }, error.message),
      },
      settings,
      topics,
    );
    this.committer = new PositionCommitter({
      ...{ clock, group: settings.group },
      ...{ coordinator: this.coordinator, membership: this.membership },
      notOwned: (reader, error) => this.lose([reader], error),
    });
    this.schedule = new CommitSchedule(clock, settings, () => this.commitInBackground());
    this.group = this.groupSide();
    this.joining = new Promise((resolve, reject) => {
      this.joined = resolve;
      this.refuse = reject;
    });
    this.joining.catch(() => undefined);
    source.open = () => this.membership.certain();
    this.stopListening = cluster.onChange(() => this.afterMetadata());
  }

  open(): Promise<void> {
    this.opening ??= this.findTopics().catch((error: unknown) => {
      this.opening = undefined;
      throw error;
    });
    return this.opening;
  }

  stop(): void {
    this.stopListening();
    this.reading.stop();
  }

  private get name(): { readonly group: string; readonly memberId: string } {
    return { group: this.settings.group, memberId: this.membership.id };
  }

  private async findTopics(): Promise<void> {
    const deadline = Deadline.after(this.cluster.options.clock, OPEN_TIMEOUT_MS);
    const load = async (topic: string): Promise<void> => {
      const { topicId } = await this.cluster.loadTopic(topic, deadline, this.stopping);
      this.topicIds.set(topic, topicId);
    };
    await Promise.all(this.topics.map(load));
    if (this.stopping.aborted) throw closedError('consumer');
    this.membership.start();
    this.schedule.start();
    await settleWithin(
      this.joining,
      this.cluster.options.clock,
      { signal: this.stopping },
      'joining',
    );
  }

  private afterMetadata(): void {
    for (const [topic, topicId] of this.topicIds) {
      const view = this.cluster.view.topic(topic);
      if (view !== undefined && view.topicId !== topicId) {
        this.reading.failTopic(topic, recreated(topic));
      }
    }
    this.reading.leadersChanged();
  }

  private fail(error: ZhumqError): void {
    this.lose([...this.source.readers], error);
    this.refuse(error);
    // Every call says so from now on.
    this.opening = Promise.reject(error);
    this.opening.catch(() => undefined);
    this.failure = this.source.failure = error;
    this.source.notify();
  }

  // ---- take and give up -------------------------------------------------------------------------------------------

  private follow(assigned: readonly GroupPartition[]): void {
    const wanted = new Set(assigned.map(nameOf));
    const present = new Set(this.source.readers.map(nameOf));
    const given = assigned.filter((one) => !present.has(nameOf(one)) && this.isOurs(one));
    for (const reader of this.source.readers) {
      if (!wanted.has(nameOf(reader)) && !reader.leaving) void this.giveUp(reader);
    }
    if (given.length > 0) this.take(given);
    this.joined();
    this.source.notify();
  }

  private isOurs({ topic, partition }: GroupPartition): boolean {
    return this.topics.includes(topic) && Number.isInteger(partition) && partition >= 0;
  }

  private take(given: readonly GroupPartition[]): void {
    const { random } = this.cluster.options;
    const named = new Map(given.map((one) => [nameOf(one), one]));
    const readers = [...named.values()].map(
      ({ topic, partition }) =>
        new PartitionReader(topic, partition, this.topicIds.get(topic), random),
    );
    this.source.readers.push(...readers);
    for (const [topic, partitions] of byTopic(readers)) {
      this.emit('assigned', { topic, partitions });
    }
    void this.placeAll(readers);
  }

  /** Each begins where the group stands. */
  private async placeAll(readers: readonly PartitionReader[]): Promise<void> {
    try {
      for (const { reader, position } of await this.positionsOf(readers)) {
        this.placeOne(reader, position);
      }
    } catch (error) {
      if (this.stopping.aborted) return;
      for (const reader of readers) if (!reader.gone.aborted) reader.failure = asZhumqError(error);
    }
    this.source.notify();
    this.reading.wake();
  }

  /**
   * Of those that are still to be placed when the coordinator answers. It refuses whoever names another epoch than the
   * member's present one: a heartbeat on the way at the same time may have raised that, so the next one has the last word.
   */
  private async positionsOf(
    readers: readonly PartitionReader[],
  ): Promise<{ reader: PartitionReader; position: GroupPosition | undefined }[]> {
    const { group } = this.settings;
    for (;;) {
      const present = readers.filter(({ gone, leaving }) => !gone.aborted && !leaving);
      if (present.length === 0) return [];
      const partitions = present.map(({ topic, partition }) => ({ topic, partition }));
      try {
        const positions = await this.coordinator.persist(
          (client, timeoutMs) => {
            const { token } = this.membership;
            if (token === undefined) throw notMember(group);
            return client.positions({ group, partitions, ...token }, { timeoutMs });
          },
          {
            deadline: Deadline.after(this.cluster.options.clock, Infinity),
            signal: this.stopping,
            failing: `positions of group ${group} could not be read`,
          },
        );
        return present.map((reader, index) => ({ reader, position: positions.at(index) }));
      } catch (error) {
        if (this.stopping.aborted || !isAnotherEpoch(error)) throw error;
        await this.membership.confirm();
        if (!this.membership.joined) throw error;
      }
    }
  }

  private placeOne(reader: PartitionReader, position: GroupPosition | undefined): void {
    // Sent elsewhere by seek() meanwhile, or gone.
    if (reader.gone.aborted || reader.started || reader.start !== undefined) return;
    if (position === undefined || position.offset < 0) {
      return this.begin(reader);
    }
    const { offset, lastEpoch = -1 } = position;
    reader.seek(offset, lastEpoch);
    this.committer.known(reader, { offset, lastEpoch });
  }

  private begin(reader: PartitionReader): void {
    const { from } = this.settings;
    if (typeof from === 'number') {
      reader.seek(from, -1);
      this.committer.beginsAt(reader, from);
    } else reader.seekStart(from, (offset) => this.committer.beginsAt(reader, offset));
  }

  private async giveUp(reader: PartitionReader): Promise<void> {
    const { clock } = this.cluster.options;
    const { drainTimeoutMs, sessionTimeoutMs, autoCommit } = this.settings;
    reader.leave();
    this.source.notify();
    const deadline = Deadline.after(clock, drainTimeoutMs);
    const timer = clock.after(drainTimeoutMs, () => this.source.notify());
    while (reader.handling > 0 && !deadline.expired && !reader.gone.aborted) {
      await this.source.wait();
    }
    timer.cancel();
    if (autoCommit && !reader.gone.aborted) {
      await this.committer
        .commit([reader], Deadline.after(clock, sessionTimeoutMs))
        .catch((error: unknown) => this.commitFailed(asZhumqError(error)));
    }
    if (reader.gone.aborted) return;
    this.release([reader]);
    this.membership.nudge();
  }

  /** Given up in order, unless the membership is in doubt: then others may have them already. */
  private release(readers: readonly PartitionReader[]): void {
    this.remove(readers, notMember(this.settings.group), !this.membership.certain());
  }

  private loseAll(error: ZhumqError): void {
    this.cluster.options.logger.warn({ ...this.name, code: error.code }, error.message);
    this.lose([...this.source.readers], error);
    this.emit('fenced', { error });
    this.source.notify();
  }

  private lose(readers: readonly PartitionReader[], error: ZhumqError): void {
    for (const reader of readers) {
      // What the program has at present, it will take for handled.
      const hasWork = reader.handling > 0 || this.committer.hasWork(reader);
      if (hasWork) this.lostWork.add(nameOf(reader));
    }
    this.remove(readers, error, true);
  }

  private remove(readers: readonly PartitionReader[], reason: ZhumqError, lost: boolean): void {
    for (const reader of readers) {
      this.source.remove(reader);
      reader.retire(reason);
    }
    for (const [topic, partitions] of byTopic(readers)) {
      this.emit('revoked', { topic, partitions, lost });
    }
    this.reading.wake();
    this.source.notify();
  }

  // ---- commits ----------------------------------------------------------------------------------------------------

  private groupSide(): GroupSide {
    return {
      handled: (count) => this.schedule.handled(count),
      commit: (positions, options) => this.commitByHand(positions, options),
      commitHandled: () => {
        const deadline = Deadline.after(this.cluster.options.clock, COMMIT_TIMEOUT_MS);
        return this.committer.commit([...this.source.readers], deadline);
      },
      settle: async (timeoutMs) => {
        if (this.settings.autoCommit) await this.commitInBackground(timeoutMs);
      },
      committed: (reader) => this.committer.committed(reader),
      leave: async (timeoutMs) => {
        this.schedule.stop();
        // Before the coordinator hears of it: from then on they are somebody else's.
        this.release([...this.source.readers]);
        await this.membership.leave(timeoutMs);
      },
      health: () => ({
        state: this.membership.inDoubt ? 'doubtful' : this.membership.joined ? 'member' : 'joining',
        memberId: this.membership.id,
        lastHeartbeatMs: this.membership.sinceHeartbeatMs,
        joiningMs: this.membership.joiningMs,
        trouble: this.membership.trouble,
        failure: this.failure,
      }),
    };
  }

  private async commitByHand(
    positions: readonly CommitPosition[] | undefined,
    options: CallOptions,
  ): Promise<void> {
    const { clock } = this.cluster.options;
    const timeoutMs = durationOption('timeout', options.timeout, COMMIT_TIMEOUT_MS);
    const at = positions && new Map(positions.map((one) => this.readerAt(one)));
    const readers = at === undefined ? [...this.source.readers] : [...at.keys()];
    const wanted = at ?? this.committer.workOf(readers);
    const work = this.committer.commit(readers, Deadline.after(clock, timeoutMs), at);
    try {
      await settleWithin(work, clock, { signal: options.signal }, 'commit()');
    } catch (error) {
      if (isError(error, 'FENCED_MEMBER')) this.lostWork.clear();
      throw error;
    }
    // A commit has nothing to say about a partition that went while it waited for its turn or for its answer.
    const went = [...wanted].filter(
      ([reader, { offset }]) => reader.gone.aborted && this.committer.committed(reader) < offset,
    );
    const lost = positions === undefined ? this.lostWork : [];
    const failed = [...new Set([...lost, ...went.map(([reader]) => nameOf(reader))])];
    if (failed.length === 0) return;
    if (positions === undefined) this.lostWork.clear();
    const text = `partitions ${failed.join(', ')} were lost before their positions were committed; what was handled there since is handled again by whoever has them`;
    throw zhumqError('FENCED_MEMBER', text, { partitions: failed.join(',') });
  }

  private readerAt(given: CommitPosition): [PartitionReader, Committed] {
    const { offset, lastEpoch = -1, partition } = given;
    const topic = given.topic ?? this.topics[0];
    const reader = this.source.readers.find((one) => {
      return one.topic === topic && one.partition === partition;
    });
    if (reader !== undefined) return [reader, { offset, lastEpoch }];
    const text = `partition ${topic}-${partition} is not this member's; its position was not committed`;
    throw zhumqError('FENCED_MEMBER', text, { topic, partition });
  }

  private async commitInBackground(timeoutMs = this.settings.sessionTimeoutMs): Promise<void> {
    const behind = this.source.readers.filter((reader) => this.committer.isBehind(reader));
    if (behind.length === 0 || !this.membership.joined) return;
    try {
      const deadline = Deadline.after(this.cluster.options.clock, timeoutMs);
      await this.committer.commit(behind, deadline);
    } catch (error) {
      this.commitFailed(asZhumqError(error));
    }
  }

  private commitFailed(error: ZhumqError): void {
    // By seek(): the program knows that the group is further.
    if (error.code === 'POSITION_BEHIND') return;
    this.cluster.options.logger.warn({ ...this.name, code: error.code }, error.message);
    this.emit('commitFailed', { error });
  }
}

/** The coordinator speaks of another moment than this member. */
function isAnotherEpoch(error: unknown): boolean {
  return (
    isError(error, 'FENCED_MEMBER') ||
    isError(error, 'UNKNOWN_MEMBER') ||
    isError(error, 'NOT_OWNED')
  );
}

function nameOf({ topic, partition }: GroupPartition): string {
  return `${topic}-${partition}`;
}

function byTopic(readers: readonly PartitionReader[]): Map<string, number[]> {
  const topics = new Map<string, number[]>();
  for (const { topic, partition } of readers) {
    const partitions = topics.get(topic);
    if (partitions === undefined) topics.set(topic, [partition]);
    else partitions.push(partition);
  }
  return topics;
}
