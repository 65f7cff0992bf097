// Looks for groups in mode raft that nobody can lead, because the voters without a taint are no majority (rule 16), and
// asks for their recovery. Raft elects by itself, so nobody reports such a group: the brokers are asked, and mostly where
// the view makes it likely: most brokers of a group died or came back without a clean stop, or its recorded leader is
// gone. The view does not know of taints from before a broker's last stop, nor that a recorded leader which lives does not
// lead: now and then the brokers are asked about all groups. What is leaderless twice, one wait apart, is asked for taints.
import type { Clock, Logger, Timer } from '@zhumq/base';
import type { BrokerRegistration, PartitionRecord } from '@zhumq/model';
import { brokerClient } from '@zhumq/rpc';
import type { ChannelPool, ReplicaEnd, ReplicaStatus } from '@zhumq/rpc';
import { hasLiveLeader, isAvailable } from '../election/fetch-partitions.js';
import { topicsOf } from '../view/cluster-view.js';
import type { ClusterView } from '../view/cluster-view.js';
import type { SwitchEvent } from './switch-events.js';
import { majorityOf, partitionIn, partitionRefOf } from './switched-partition.js';
import type { SwitchedPartition } from './switched-partition.js';

export interface LeaderlessWatchParts {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly channels: ChannelPool;
  readonly controllerEpoch: number;
  readonly view: () => ClusterView | undefined;
  readonly submit: (event: SwitchEvent) => Promise<unknown>;
  readonly waitMs: number;
}

const CALL_TIMEOUT_MS = 10_000;
/** Asked for taints in one round; others follow in the next. */
const MAX_ASKED = 500;
/** One look in so many is at all groups. */
const LOOKS_PER_WIDE_LOOK = 4;

export class LeaderlessWatch {
  private readonly stopping = new AbortController();
  private timer: Timer | undefined;
  /** Leaderless at the last look. */
  private leaderless: ReadonlySet<string> = new Set();
  private looks = 0;

  constructor(private readonly parts: LeaderlessWatchParts) {}

  start(): void {
    if (this.stopping.signal.aborted) return;
    this.timer = this.parts.clock.after(this.parts.waitMs, () => {
      void this.look().then(() => this.start());
    });
  }

  /** Nothing is asked or handed in any more once it returns. */
  stop(): void {
    this.timer?.cancel();
    this.stopping.abort(new Error('this zkserver is not the active one any more'));
  }

  /** Never rejects. */
  private async look(): Promise<void> {
    try {
      const view = this.parts.view();
      if (view !== undefined) await this.lookAt(view);
    } catch (error) {
      if (this.stopping.signal.aborted) return;
      this.parts.logger.warn({ err: error }, 'a recovery could not be begun; trying again');
    }
  }

  private async lookAt(view: ClusterView): Promise<void> {
    const isWide = ++this.looks % LOOKS_PER_WIDE_LOOK === 0;
    const suspects = groupsIn(view).filter(
      (one) => isWide || this.leaderless.has(keyOf(one)) || isSuspect(view, one.record),
    );
    const found = suspects.length === 0 ? [] : await this.leaderlessOf(view, suspects);
    const due = found.filter((one) => this.leaderless.has(keyOf(one))).slice(0, MAX_ASKED);
    this.leaderless = new Set(found.map(keyOf));
    if (due.length === 0) return;
    const ends = await this.endsOf(view, due);
    for (const suspect of due.filter((one) => hasTooManyTaints(one, ends))) {
      const { topic, number: partition, record } = suspect;
      const { topicId } = topic.record;
      this.stopping.signal.throwIfAborted();
      this.parts.logger.error(
        { topic: topic.name, partition, generation: record.generation },
        'most replicas may lack what they acknowledged and nobody can lead; recovering with what is left',
      );
      const { generation } = record;
      await this.parts.submit({ kind: 'recovery-wanted', topicId, partition, generation });
    }
  }

  /** Of a majority of the voters, in the present generation, none leads or follows anybody. */
  private async leaderlessOf(
    view: ClusterView,
    suspects: readonly SwitchedPartition[],
  ): Promise<readonly SwitchedPartition[]> {
    const rows = await this.askAll(view, suspects, (broker, limits) =>
      brokerClient(this.parts.channels.channel(broker)).describeReplicas('', -1, limits),
    );
    const byReplica = new Map(rows.map((row) => [row.replicaId, row]));
    return suspects.filter(({ record }) => {
      const known = record.voters.flatMap((voter) => byReplica.get(voter) ?? []);
      return known.length >= majorityOf(record.voters.length) && known.every(isAlone);

      function isAlone({ leader, role, generation }: ReplicaStatus): boolean {
        return leader === -1 && role !== 'leader' && generation === record.generation;
      }
    });
  }

  private async endsOf(
    view: ClusterView,
    due: readonly SwitchedPartition[],
  ): Promise<ReadonlyMap<string, ReplicaEnd>> {
    const ends = await this.askAll(view, due, (broker, limits) => {
      const held = due.filter(({ record }) =>
        record.replicas.some((replica) => replica.broker === broker.id),
      );
      const client = brokerClient(this.parts.channels.channel(broker));
      return client.replicaEnds(
        held.map((one) => partitionRefOf(one, this.parts.controllerEpoch)),
        limits,
      );
    });
    return new Map(ends.map((end) => [end.replicaId, end]));
  }

  /** What all live brokers of these partitions say; nothing of those that do not answer. */
  private async askAll<T>(
    view: ClusterView,
    partitions: readonly SwitchedPartition[],
    ask: (
      broker: BrokerRegistration,
      limits: { timeoutMs: number; signal: AbortSignal },
    ) => Promise<T[]>,
  ): Promise<readonly T[]> {
    const available = partitions.flatMap(({ record }) =>
      record.replicas.filter((replica) => isAvailable(view, replica)),
    );
    const brokers = [...new Set(available.map(({ broker }) => broker))].flatMap(
      (id) => view.liveBrokers.get(id) ?? [],
    );
    const { signal } = this.stopping;
    const limits = { timeoutMs: CALL_TIMEOUT_MS, signal };
    const answers = await Promise.all(
      brokers.map((broker) => ask(broker, limits).catch((): T[] => [])),
    );
    signal.throwIfAborted();
    return answers.flat();
  }
}

/** Those in mode raft that nobody is changing. */
function groupsIn(view: ClusterView): readonly SwitchedPartition[] {
  return topicsOf(view).flatMap((topic) =>
    Array.from(topic.partitions.keys()).flatMap((number) => {
      const found = partitionIn(topic, number);
      const { mode, transition } = found?.record ?? {};
      return found !== undefined && mode === 'raft' && transition === undefined ? [found] : [];
    }),
  );
}

/** What its brokers are known to have been through allows for a group without a leader. */
function isSuspect(view: ClusterView, record: PartitionRecord): boolean {
  if (!hasLiveLeader(view, record)) return true;
  const whole = record.replicas.filter(
    (replica) => isAvailable(view, replica) && view.liveBrokers.get(replica.broker)?.clean,
  );
  return whole.length < majorityOf(record.voters.length);
}

/** So many are known to be tainted that all others together are no majority. */
function hasTooManyTaints(
  { record }: SwitchedPartition,
  ends: ReadonlyMap<string, ReplicaEnd>,
): boolean {
  const { voters } = record;
  const tainted = voters.filter((voter) => {
    const end = ends.get(voter);
    return end?.failure === undefined && end?.tainted === true;
  });
  return voters.length - tainted.length < majorityOf(voters.length);
}

function keyOf({ topic, number, record }: SwitchedPartition): string {
  return `${topic.record.topicId} ${number} ${record.generation}`;
}
