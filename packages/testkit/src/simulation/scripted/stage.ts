// Where a script plays: a small cluster of the shipped code over the simulated world, with one partition in the middle,
// and everything that a script may do to it. Time passes only while the script waits for something; whatever is found
// meanwhile ends the script.
import type { Random } from '@zhumq/base';
import type { Partition } from '@zhumq/broker';
import type { ProducerOptions } from '@zhumq/client';
import type { PartitionRecord } from '@zhumq/model';
import { judgeEvents } from '../../check/judge.js';
import { History } from '../../history/history.js';
import type { Recorder } from '../../history/history.js';
import { Invariants } from '../observe/invariants.js';
import type { Finding } from '../observe/invariants.js';
import { recordReplicas } from '../observe/replica-reader.js';
import { StoreObserver } from '../observe/store-observer.js';
import { unequalReplica } from '../observe/unequal-replica.js';
import { ClientHost } from '../programs/client-host.js';
import type { Program } from '../programs/client-host.js';
import { closingProgram, openingProgram } from '../programs/first-and-last.js';
import { SimulatedCluster } from '../simulated-cluster.js';
import type { ServerSlot } from '../simulated-cluster.js';
import type { TopicPlan } from '../simulation-options.js';
import type { World } from '../world/world.js';
import { Hands } from './hands.js';
import { ScriptClient } from './script-client.js';
import { LAG_MS, SESSION_MS, TOPIC } from './setting.js';

export { ELECTION_MS, LAG_MS, SESSION_MS, TOPIC } from './setting.js';

export interface StageOptions {
  readonly brokers?: number;
  readonly mode?: 'raft' | 'fetch';
  readonly replicas?: number;
  readonly config?: Readonly<Record<string, string>>;
  readonly brokerFlags?: Readonly<Record<string, string>>;
  readonly zkServerFlags?: Readonly<Record<string, string>>;
  /** A reported loss is part of the execution. */
  readonly mayLose?: boolean;
  /** Topics besides the one in the middle. */
  readonly others?: readonly TopicPlan[];
}

/** Thrown to leave a script whose findings say why. */
export class ScriptEnded extends Error {
  override readonly name = 'ScriptEnded';
}

const BOUND_MS = 30_000;
const RESTART_MS = 300;

const BROKER_FLAGS = {
  ...{ 'wal.file.bytes': '1MiB', 'wal.checkpoint.bytes': '1MiB' },
  ...{ 'disk.reserve.bytes': '64KiB', 'cache.tail.bytes': '1MiB', 'cache.block.bytes': '1MiB' },
  ...{ 'raft.tick.ms': '20ms', 'session.timeout': `${SESSION_MS}ms` },
  ...{ 'replica.lag.time.max.ms': `${LAG_MS}ms`, 'fetch.wait.max.ms': '500ms' },
  ...{ 'group.heartbeat.ms': '500ms', 'delivery.heartbeat.ms': '1s', 'stop.grace.ms': '0ms' },
};

const ZKSERVER_FLAGS = {
  ...{ 'session.timeout': `${SESSION_MS}ms`, 'groups.partitions': '1' },
  ...{ 'leader.balance.interval': '0s', 'reconcile.interval': '2s' },
  ...{ 'switch.timeout.ms': '6s', 'recovery.wait.ms': '2s' },
};

export class Stage {
  readonly history: History;
  readonly findings: Finding[] = [];
  readonly cluster: SimulatedCluster;
  readonly store: StoreObserver;
  readonly invariants: Invariants;
  readonly hands: Hands;
  readonly clients: ScriptClient[] = [];
  readonly topics: readonly TopicPlan[];
  /** Servers that a script wants to stay down when they give up. */
  readonly leftDown = new Set<ServerSlot>();
  private readonly hosts: ClientHost[] = [];
  private ended = false;

  constructor(
    readonly world: World,
    name: string,
    private readonly options: StageOptions,
  ) {
    const { scheduler, ensemble } = world;
    const { mode = 'raft', replicas = 3, config = {}, others = [], brokers = 3 } = options;
    const main: TopicPlan = {
      ...{ topic: TOPIC, partitions: 1, replicas, mode },
      config: { 'min.insync.replicas': '1', ...config },
    };
    this.topics = [main, ...others];
    this.history = new History(() => scheduler.nowMs);
    this.history.record({ kind: 'history', version: 1, run: name, exact: true });
    const brokerFlags = { ...BROKER_FLAGS, ...options.brokerFlags };
    const zkServerFlags = { ...ZKSERVER_FLAGS, ...options.zkServerFlags };
    const cluster = { brokers, zkservers: 2, brokerFlags, zkServerFlags };
    const again = (what: string) => (slot: ServerSlot, error: Error) =>
      this.startAgain(slot, `${what}: ${error.message}`);
    this.cluster = new SimulatedCluster(world, cluster, {
      gaveUp: again('gave up'),
      failedToStart: again('could not start'),
    });
    this.store = new StoreObserver(ensemble, this.topics, this.history);
    // Topics that a script makes by itself may be made twice: the history knows them by their names only.
    const names = new Set(this.topics.map(({ topic }) => topic));
    const known: Recorder = {
      record: (event) => {
        if (!('topic' in event) || names.has(event.topic)) this.history.record(event);
      },
    };
    const parts = [this.cluster.brokers, this.store, known, () => scheduler.events] as const;
    this.invariants = new Invariants(...parts, (finding) => this.report(finding));
    this.hands = new Hands(this);
    ensemble.onWritten = () => this.store.look();
    scheduler.afterEvent = (life) => this.invariants.check(life);
  }

  // ---- beginning and end

  async open(): Promise<void> {
    for (const slot of this.cluster.slots) this.cluster.start(slot);
    await this.until('the servers start', () => this.cluster.slots.every(({ ready }) => ready));
    const opening = this.host('opening', openingProgram(this.topics));
    await this.until('topics are made', () => opening.isFinished);
  }

  /** All heals, everything starts; then it must serve, be equal, and be found right by the checkers. */
  async close(): Promise<void> {
    this.hands.letGo();
    for (const { machine } of this.cluster.slots)
      if (machine.life?.paused === true) this.world.scheduler.resume(machine.life);
    this.leftDown.clear();
    for (const slot of this.cluster.slots) {
      const isSound = ![...(slot.broker?.partitions ?? [])].some(
        ({ replicator }) => replicator.role === 'failed',
      );
      if (slot.machine.life?.alive === true && isSound) continue;
      this.world.kill(slot.machine);
      this.cluster.start(slot);
    }
    const closing = this.host('closing', closingProgram(this.topics));
    await this.until('everything serves again', () => closing.isFinished, 60_000, 'liveness');
    await this.until('all sends settle', () => this.clients.every(({ isIdle }) => isIdle));
    const unequal = (): string | undefined => unequalReplica(this.cluster.brokers);
    await this.until('replicas are equal', () => unequal() === undefined, 60_000, 'liveness');
    await recordReplicas(this.cluster.brokers, this.topics, this.world, this.history);
    // What is reported excuses what is missing: so nothing may be reported that did not have to be.
    if (this.store.losses > 0 && this.options.mayLose !== true)
      this.report({
        check: 'needless-loss',
        sentence: `a loss was reported: ${this.record.possibleLoss}`,
      });
    for (const { anomaly, topic, partition, offset, sentence } of judgeEvents(this.history.events)
      .examples) {
      const where = `${topic}-${partition}${offset === undefined ? '' : ` at ${offset}`}`;
      this.report({ check: anomaly, sentence: `${where}: ${sentence}` });
    }
  }

  stop(): void {
    this.ended = true;
    for (const { machine } of this.cluster.slots) machine.life?.end();
    for (const host of this.hosts) host.kill();
  }

  report(finding: Finding): void {
    this.world.logs.fault('FOUND', `${finding.check}: ${finding.sentence}`);
    if (this.findings.length < 20) this.findings.push(finding);
  }

  // ---- waiting

  /** `check`: what it is called when it does not happen; `execution`: the script could not be played. */
  async until(
    what: string,
    isSo: () => boolean,
    boundMs = BOUND_MS,
    check = 'execution',
  ): Promise<void> {
    const { scheduler } = this.world;
    await scheduler.runUntil(scheduler.nowMs + boundMs, () => this.hasFailed || isSo());
    if (this.hasFailed) throw new ScriptEnded();
    if (!isSo()) this.fail(check, `not within ${boundMs / 1000} s: ${what}`);
  }

  async pass(durationMs: number): Promise<void> {
    const { scheduler } = this.world;
    await scheduler.runUntil(scheduler.nowMs + durationMs, () => this.hasFailed);
    if (this.hasFailed) throw new ScriptEnded();
  }

  /** It must not happen within that time. */
  async never(what: string, happens: () => boolean, durationMs: number): Promise<void> {
    const { scheduler } = this.world;
    await scheduler.runUntil(scheduler.nowMs + durationMs, () => this.hasFailed || happens());
    if (happens()) this.fail('promise', `it happened that ${what}`);
    if (this.hasFailed) throw new ScriptEnded();
  }

  /** The execution happened, or the scenario proves nothing. */
  saw(what: string, isSo: boolean): void {
    if (!isSo) this.fail('execution', `not seen: ${what}`);
    this.world.logs.fault('script', `saw: ${what}`);
  }

  /** What the rule promises. */
  promise(what: string, isSo: boolean): void {
    if (!isSo) this.fail('promise', `not kept: ${what}`);
  }

  // ---- the partition in the middle

  get brokers(): readonly ServerSlot[] {
    return this.cluster.brokers;
  }

  /** The replica on that broker; undefined while it is not there. */
  partition({ broker }: ServerSlot, topic = TOPIC): Partition | undefined {
    for (const partition of broker?.partitions ?? [])
      if (partition.name.topic === topic && partition.isOpen) return partition;
    return undefined;
  }

  /** The replica on that broker, which must be there. */
  replica(slot: ServerSlot, topic = TOPIC): Partition {
    const partition = this.partition(slot, topic);
    if (partition === undefined) return this.fail('execution', `no replica on broker ${slot.id}`);
    return partition;
  }

  /** As the metadata store has it. */
  get record(): PartitionRecord {
    const record = this.store.recordOf(TOPIC, 0);
    if (record === undefined) return this.fail('execution', 'the partition is not recorded');
    return record;
  }

  leads(slot: ServerSlot, topic = TOPIC): boolean {
    return this.partition(slot, topic)?.servedEpoch !== undefined;
  }

  /** The leader, once there is one that has committed, and the others that hold replicas. */
  async cast(topic = TOPIC): Promise<[ServerSlot, ServerSlot, ServerSlot]> {
    const leader = (): ServerSlot | undefined =>
      this.brokers.find((slot) => this.leads(slot, topic));
    await this.until('somebody leads', () => leader() !== undefined);
    const first = leader() as ServerSlot;
    const others = this.brokers.filter((slot) => slot !== first);
    await this.until('all have their replicas', () =>
      others.every((slot) => this.partition(slot, topic) !== undefined),
    );
    await this.until('all replicas hold what the leader holds', () =>
      others.every((slot) => this.end(slot, topic) === this.end(first, topic)),
    );
    return [first, ...others] as [ServerSlot, ServerSlot, ServerSlot];
  }

  end(slot: ServerSlot, topic = TOPIC): number {
    return this.partition(slot, topic)?.log.logEnd ?? -1;
  }

  /** That broker leads from now on, by transfer or election. */
  async lead(slot: ServerSlot): Promise<void> {
    for (let tries = 0; tries < 20 && !this.leads(slot); tries++) {
      const leader = this.brokers.find((one) => one !== slot && this.leads(one));
      const to = this.idOf(slot);
      if (leader !== undefined)
        this.as(leader, () => this.partition(leader)?.replicator.transferLeadership(to));
      const { scheduler } = this.world;
      await scheduler.runUntil(scheduler.nowMs + 200, () => this.hasFailed || this.leads(slot));
    }
    await this.until(`broker ${slot.id} leads`, () => this.leads(slot));
  }

  // ---- machines

  kill(slot: ServerSlot): void {
    this.world.logs.fault(slot.machine.name, 'kill');
    this.history.record({
      kind: 'fault',
      fault: 'kill',
      target: slot.machine.name,
      phase: 'begun',
    });
    this.world.kill(slot.machine);
  }

  losePower(slot: ServerSlot, survivors: Random = NOTHING_SURVIVES): void {
    const target = slot.machine.name;
    this.world.logs.fault(target, 'power-loss');
    this.history.record({ kind: 'fault', fault: 'power-loss', target, phase: 'begun' });
    this.world.losePower(slot.machine, survivors);
  }

  start(slot: ServerSlot): void {
    this.world.logs.fault(slot.machine.name, 'starts again');
    this.cluster.start(slot);
  }

  async restarted(slot: ServerSlot): Promise<void> {
    this.start(slot);
    await this.until(`${slot.machine.name} has started`, () => slot.ready);
  }

  /** SIGSTOP. Returns what lets it go on. */
  pause(slot: ServerSlot): () => void {
    const { life } = slot.machine;
    if (life === undefined) return this.fail('execution', `${slot.machine.name} is down`);
    this.world.logs.fault(slot.machine.name, 'pause');
    life.paused = true;
    return () => {
      if (life.paused) this.world.scheduler.resume(life);
    };
  }

  /** Another disk in its place, with nothing on it. Only while it is down. */
  replaceDisk({ machine }: ServerSlot): void {
    this.world.logs.fault(machine.name, 'has another disk');
    this.world.replaceDisk(machine);
  }

  idOf(slot: ServerSlot, topic = TOPIC): string {
    return this.replica(slot, topic).log.identity.replicaId;
  }

  /** Runs as if that process did it. */
  as(slot: ServerSlot, act: () => void): void {
    const { life } = slot.machine;
    if (life === undefined) this.fail('execution', `${slot.machine.name} is down`);
    else this.world.scheduler.turn(life, act);
  }

  // ---- clients

  /** `options`: of its producers. */
  async client(name: string, options: ProducerOptions = {}): Promise<ScriptClient> {
    const client = new ScriptClient(this, name, options);
    this.clients.push(client);
    await this.until(`${name} is connected`, () => client.isConnected);
    return client;
  }

  host(name: string, program: Program): ClientHost {
    const { world, cluster, history } = this;
    const host = new ClientHost(
      ...([world, name, cluster.bootstrap, history, 1] as const),
      () => this.ended,
      program,
    );
    this.hosts.push(host);
    host.start();
    return host;
  }

  fail(check: string, sentence: string): never {
    if (this.findings.length === 0) this.report({ check, sentence });
    throw new ScriptEnded(sentence);
  }

  private get hasFailed(): boolean {
    return this.findings.length > 0;
  }

  private startAgain(slot: ServerSlot, why: string): void {
    this.world.logs.fault(slot.machine.name, why);
    this.world.kill(slot.machine);
    const { scheduler } = this.world;
    scheduler.after(RESTART_MS, scheduler.world, () => {
      if (!this.leftDown.has(slot) && slot.machine.life?.alive !== true) this.cluster.start(slot);
    });
  }
}

/** Of a power loss: everything unsynced is gone. */
export const NOTHING_SURVIVES: Random = { below: () => 0, fraction: () => 0 };
