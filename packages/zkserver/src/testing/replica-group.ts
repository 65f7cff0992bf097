// For tests: the replicas of one partition as models behind recording brokers. They seal, close and enter generations as
// the contract says, take records when they believe that they may, and tell when two of them do in one epoch (S2) or when
// a record that was acknowledged is gone (S1). Calls can be refused, delayed, or done without an answer.
import { zhumqError } from '@zhumq/model';
import { ReplicationMode } from '@zhumq/rpc';
import type {
  PartitionInfo,
  PartitionRef,
  ReplicaEnd,
  ReplicaStatus,
  SealResult,
} from '@zhumq/rpc';
import type { RecordingBroker } from './recording-broker.js';

interface ModelBatch {
  readonly epoch: number;
  readonly value: string;
}

class ModelReplica {
  log: readonly ModelBatch[] = [];
  generation = 0;
  /** Largest epoch seen. */
  epoch = 0;
  closed = false;
  sealedBy: string | undefined;
  tainted = false;
  isUp = true;
  /** The partition as last told; it enters generations and follows elections by it. */
  info: PartitionInfo | undefined;

  constructor(readonly broker: RecordingBroker) {}

  get id(): number {
    return this.broker.id;
  }

  get end() {
    return { epoch: this.log.at(-1)?.epoch ?? 0, offset: this.log.length };
  }
}

interface Office {
  readonly leader: number;
  readonly term: number;
}

export type Call = 'seal' | 'close';

export class ReplicaGroup {
  readonly replicas: readonly ModelReplica[];
  readonly calls: string[] = [];
  /** Runs before a call is done; what it throws is answered. */
  before: (call: Call, broker: number) => Promise<void> | void = () => undefined;
  /** Runs after a call was done; what it throws is answered instead. */
  after: (call: Call, broker: number) => Promise<void> | void = () => undefined;
  readonly acknowledged: { readonly offset: number; readonly value: string }[] = [];
  readonly violations: string[] = [];
  /** Times that a replica was asked for its status. */
  described = 0;
  /** Whose record was acknowledged last. */
  lastWriter = -1;
  /** Who wrote in an epoch. */
  private readonly writers = new Map<number, string>();
  /** Who leads in a generation of mode raft. */
  private readonly offices = new Map<number, Office>();
  private count = 0;

  constructor(
    brokers: readonly RecordingBroker[],
    readonly topic: string,
    readonly partition = 0,
  ) {
    this.replicas = brokers.map((broker) => new ModelReplica(broker));
    for (const replica of this.replicas) this.attach(replica);
  }

  of(broker: number): ModelReplica {
    const replica = this.replicas.find(({ id }) => id === broker);
    if (replica === undefined) throw new Error(`no replica on broker ${broker}`);
    return replica;
  }

  /** Every replica that believes that it may take records takes one; true when one was acknowledged. */
  write(): boolean {
    this.follow();
    const takers = this.replicas.filter((replica) => replica.isUp && this.mayTake(replica));
    return takers.map((leader) => this.append(leader)).includes(true);
  }

  /** S1 of a replica: everything that was acknowledged is there, at its offset. */
  missingAt(broker: number): readonly string[] {
    const { log } = this.of(broker);
    return this.acknowledged
      .filter(({ offset, value }) => log.at(offset)?.value !== value)
      .map(({ value }) => value);
  }

  /** Before the broker starts; groups of other partitions are asked for what is not of this one. */
  private attach(replica: ModelReplica): void {
    const { broker } = replica;
    const { serves: others, endOf: otherEnds } = broker;
    const isOwn = (ref: PartitionRef): boolean => ref.partition === this.partition;
    broker.serves = {
      sealPartition: (ref, id, timeoutMs, context) =>
        isOwn(ref)
          ? this.serve('seal', replica, () => this.seal(replica, ref, id))
          : (others.sealPartition ?? refuseCall)(ref, id, timeoutMs, context),
      closePartition: (ref, context) =>
        isOwn(ref)
          ? this.serve('close', replica, () => this.close(replica, ref))
          : (others.closePartition ?? refuseCall)(ref, context),
      describeReplicas: () => [this.describe(replica)],
    };
    broker.endOf = (ref) => (isOwn(ref) ? this.endOf(replica) : otherEnds(ref));
  }

  private async serve<T>(call: Call, replica: ModelReplica, action: () => T): Promise<T> {
    this.calls.push(`${call} ${replica.id}`);
    await this.before(call, replica.id);
    this.follow();
    const answer = action();
    await this.after(call, replica.id);
    return answer;
  }

  private seal(replica: ModelReplica, ref: PartitionRef, id: string): SealResult {
    this.checkGeneration(replica, ref);
    const leader = this.leaderOf(replica);
    if (leader !== replica.id) {
      throw zhumqError('NOT_LEADER', 'not the leader', { ...(leader && { leader }) });
    }
    if (replica.closed) throw zhumqError('STALE_GENERATION', 'closed');
    if (replica.sealedBy === undefined) {
      replica.log = [...replica.log, { epoch: this.epochOf(replica), value: 'seal' }];
      replica.sealedBy = id;
    }
    const holders = this.replicate(replica);
    if (!this.isCommitted(replica, holders)) throw zhumqError('TIMEOUT', 'no majority');
    const offset = replica.log.findLastIndex(({ value }) => value === 'seal');
    const seal = { epoch: replica.log[offset].epoch, offset: offset + 1 };
    return { seal, replicas: holders.map((holder) => this.replicaId(holder)) };
  }

  private close(replica: ModelReplica, ref: PartitionRef): ReplicaEnd {
    this.checkGeneration(replica, ref);
    replica.closed = true;
    return { ...this.ref(), broker: replica.id, ...this.endOf(replica) } as ReplicaEnd;
  }

  private endOf(replica: ModelReplica) {
    const { tainted, end, epoch } = replica;
    return {
      ...{ replicaId: this.replicaId(replica), incarnation: replica.broker.incarnation },
      ...{ epoch, logEnd: end, tainted },
    };
  }

  private describe(replica: ModelReplica): ReplicaStatus {
    this.described++;
    this.follow();
    const leader = this.leaderOf(replica) ?? -1;
    return {
      ...{ broker: replica.id, replicaId: this.replicaId(replica), role: 'follower', leader },
      ...{ epoch: replica.epoch, logStart: 0, logEnd: replica.log.length, durableEnd: 0 },
      ...{ highWatermark: 0, bytes: 0, problem: '', topic: this.topic, partition: this.partition },
      generation: replica.generation,
    };
  }

  private checkGeneration(replica: ModelReplica, ref: PartitionRef): void {
    if (ref.generation === replica.generation) return;
    const message = `in generation ${replica.generation}, not ${ref.generation}`;
    throw zhumqError('STALE_GENERATION', message);
  }

  /** Replicas learn what their brokers were told, and enter a generation once. */
  private follow(): void {
    for (const replica of this.replicas) {
      const told = replica.broker.last?.partitions.find(
        ({ topic, info }) => topic === this.topic && info.partition === this.partition,
      )?.info;
      if (told === undefined || !replica.isUp) continue;
      if (told.generation < replica.generation) this.violations.push('a generation went back');
      replica.info = told;
      if (told.generation <= replica.generation) continue;
      replica.generation = told.generation;
      replica.closed = false;
      replica.sealedBy = undefined;
      if ((told.lossEpoch ?? 0) === told.epoch) replica.tainted = false;
      replica.epoch = Math.max(replica.epoch, told.epoch);
    }
  }

  private leaderOf({ info, generation }: ModelReplica): number | undefined {
    if (info === undefined) return undefined;
    if (info.mode === ReplicationMode.FETCH) return info.leader === -1 ? undefined : info.leader;
    return this.officeOf(generation, info)?.leader;
  }

  /** Mode raft: a leader stays while it is up; else one of those with the largest end, the preferred one if it can. */
  private officeOf(generation: number, info: PartitionInfo): Office | undefined {
    const voters = this.replicas.filter(
      (one) => one.isUp && !one.tainted && one.generation === generation,
    );
    if (voters.length <= this.replicas.length / 2) return undefined;
    const office = this.offices.get(generation);
    if (office !== undefined && voters.some(({ id }) => id === office.leader)) return office;
    const [furthest] = voters.toSorted(
      (one, other) => other.end.epoch - one.end.epoch || other.end.offset - one.end.offset,
    );
    const equals = voters.filter(
      ({ end }) => end.epoch === furthest.end.epoch && end.offset === furthest.end.offset,
    );
    const { id } = equals.find((one) => one.id === info.leader) ?? equals[0];
    const elected = { leader: id, term: (office?.term ?? info.epoch) + 1 };
    this.offices.set(generation, elected);
    return elected;
  }

  private mayTake(replica: ModelReplica): boolean {
    const { sealedBy, closed } = replica;
    return sealedBy === undefined && !closed && this.leaderOf(replica) === replica.id;
  }

  private epochOf({ info, generation }: ModelReplica): number {
    const { mode, epoch } = info as PartitionInfo;
    return mode === ReplicationMode.RAFT ? (this.offices.get(generation)?.term ?? 0) : epoch;
  }

  private append(leader: ModelReplica): boolean {
    const epoch = this.epochOf(leader);
    const writer = `broker ${leader.id} in generation ${leader.generation}`;
    const other = this.writers.get(epoch) ?? writer;
    if (other !== writer) this.violations.push(`epoch ${epoch}: ${other} and ${writer}`);
    this.writers.set(epoch, writer);
    const value = `record ${this.count++}`;
    leader.log = [...leader.log, { epoch, value }];
    if (!this.isCommitted(leader, this.replicate(leader))) return false;
    this.acknowledged.push({ offset: leader.log.length - 1, value });
    this.lastWriter = leader.id;
    return true;
  }

  /** Everybody of its generation who can hear takes the leader's log. */
  private replicate(leader: ModelReplica): readonly ModelReplica[] {
    const holders = this.replicas.filter(
      ({ isUp, generation, closed }) => isUp && !closed && generation === leader.generation,
    );
    for (const holder of holders) {
      holder.log = leader.log;
      holder.epoch = Math.max(holder.epoch, this.epochOf(leader));
      holder.sealedBy = leader.sealedBy;
    }
    return holders;
  }

  private isCommitted(leader: ModelReplica, holders: readonly ModelReplica[]): boolean {
    const { mode, isr } = leader.info as PartitionInfo;
    if (mode === ReplicationMode.RAFT) return holders.length > this.replicas.length / 2;
    const ids = holders.map((holder) => this.replicaId(holder));
    return isr.every((id) => ids.includes(id));
  }

  private replicaId({ id, info }: ModelReplica): string {
    return info?.replicas.find(({ broker }) => broker === id)?.replicaId ?? '';
  }

  private ref() {
    const { last } = this.replicas[0].broker;
    const topicId = last?.partitions.find(({ topic }) => topic === this.topic)?.topicId ?? '';
    return { topicId, partition: this.partition };
  }
}

/** For `before` and `after`. */
export function refuseCall(): never {
  throw zhumqError('TIMEOUT', 'no answer in this test');
}
