// One simulation from its plan to its verdict:
//
//   servers start -> topics are made -> load and faults -> everything heals -> it must serve again within a bound ->
//   the load ends -> all is read once more -> replicas are compared -> the history is judged
import { judgeEvents } from '../check/judge.js';
import { History } from '../history/history.js';
import { Nemesis } from './faults/nemesis.js';
import { Availability } from './observe/availability.js';
import { Invariants } from './observe/invariants.js';
import type { Finding } from './observe/invariants.js';
import { recordReplicas } from './observe/replica-reader.js';
import { StoreObserver } from './observe/store-observer.js';
import { unequalReplica } from './observe/unequal-replica.js';
import { ClientHost } from './programs/client-host.js';
import type { Program } from './programs/client-host.js';
import { closingProgram, openingProgram, probingProgram } from './programs/first-and-last.js';
import { endReaderProgram } from './programs/end-reader-program.js';
import { groupProgram } from './programs/group-program.js';
import type { GroupRest } from './programs/group-program.js';
import { producerProgram } from './programs/producer-program.js';
import type { SendCounts } from './programs/producer-program.js';
import { readerProgram } from './programs/reader-program.js';
import { resetProgram } from './programs/reset-program.js';
import { switchProgram } from './programs/switch-program.js';
import { transferProgram } from './programs/transfer-program.js';
import { SimulatedCluster } from './simulated-cluster.js';
import type { ServerSlot } from './simulated-cluster.js';
import type { SimulationPlan } from './simulation-options.js';
import { enterSimulation } from './world/ambient.js';
import type { Life } from './world/life.js';
import { World } from './world/world.js';

export interface SeedResult {
  readonly seed: number;
  readonly findings: readonly Finding[];
  readonly digest: string;
  readonly simulatedMs: number;
  readonly events: number;
  readonly counts: SeedCounts;
  /** The last log lines and faults. */
  readonly lastLines: readonly string[];
  readonly history: History;
}

export interface SeedCounts {
  readonly acknowledged: number;
  readonly elections: number;
  readonly crashes: number;
  readonly clientCrashes: number;
  readonly cuts: number;
  readonly switches: number;
  readonly powerLosses: number;
  readonly tornWrites: number;
  readonly reportedLosses: number;
}

/** Without faults the cluster stands after so long, and serves again after all has healed. */
const START_BOUND_MS = 60_000;
const LIVENESS_BOUND_MS = 60_000;
const EXCUSED_FROM_MS = 15_000;
/** Load goes on so long after all has healed: what comes back meets work. */
const AFTER_HEAL_MS = 2_000;
const MAX_FINDINGS = 20;
/** Of the stack of an error, in a run that is looked at. */
const STACK_LINES = 10;
/** What ends a process that does not listen. */
const UNCAUGHT = ['unhandledRejection', 'uncaughtException'] as const;

export async function runSeed(
  plan: SimulationPlan,
  echo?: (line: string) => void,
): Promise<SeedResult> {
  const world = new World(plan.seed, plan.world);
  world.logs.echo = echo;
  // Errors are values here, many and seldom looked at: their stacks cost more than anything else.
  const stackTraceLimit = echo === undefined ? 0 : STACK_LINES;
  const leave = enterSimulation(world.scheduler, world.entropy, stackTraceLimit);
  const run = new SeedRun(plan, world);
  const onUncaught = (error: unknown): void => run.uncaught(error, world.scheduler.current);
  for (const event of UNCAUGHT) process.on(event, onUncaught);
  try {
    await run.run();
  } catch (error) {
    run.uncaught(error, world.scheduler.world);
  } finally {
    run.end();
    for (const event of UNCAUGHT) process.off(event, onUncaught);
    leave();
  }
  return run.result();
}

class SeedRun {
  private readonly history: History;
  private readonly findings: Finding[] = [];
  private readonly cluster: SimulatedCluster;
  private readonly nemesis: Nemesis;
  private readonly store: StoreObserver;
  private readonly invariants: Invariants;
  private readonly counts: SendCounts = { sent: 0, acknowledged: 0, failed: 0, unknown: 0 };
  private readonly hosts: ClientHost[] = [];
  private loadEnded = false;

  constructor(
    private readonly plan: SimulationPlan,
    private readonly world: World,
  ) {
    const { scheduler, ensemble } = world;
    this.history = new History(() => scheduler.nowMs);
    this.history.record({ kind: 'history', version: 1, run: `seed ${plan.seed}`, exact: true });
    this.cluster = new SimulatedCluster(world, plan.cluster, {
      gaveUp: (slot, error) => this.gaveUp(slot, error),
      failedToStart: (slot, error) => this.failedToStart(slot, error),
    });
    this.nemesis = new Nemesis(world, this.cluster, this.history);
    this.nemesis.onFinding = (finding) => this.report(finding);
    this.store = new StoreObserver(ensemble, plan.topics, this.history);
    const moment = (): number => scheduler.events;
    const parts = [this.cluster.brokers, this.store, this.history, moment] as const;
    this.invariants = new Invariants(...parts, (finding) => this.report(finding));
    const { onWritten } = ensemble;
    ensemble.onWritten = (life) => {
      this.store.look();
      onWritten?.(life);
    };
    scheduler.afterEvent = (life) => {
      this.invariants.check(life);
      this.nemesis.look(life);
    };
    scheduler.onUncaught = (error) => this.uncaught(error, scheduler.current);
  }

  async run(): Promise<void> {
    const { plan, world } = this;
    const { scheduler } = world;
    for (const slot of this.cluster.slots) this.cluster.start(slot);
    await this.within(START_BOUND_MS, 'the servers start', () =>
      this.cluster.slots.every(({ ready }) => ready),
    );
    const opening = this.host('opening', openingProgram(plan.topics));
    await this.within(START_BOUND_MS, 'topics are made', () => opening.isFinished);
    if (this.findings.length > 0) return;
    const programs = this.startLoad();
    this.nemesis.clients = programs;
    this.nemesis.schedule(plan.faults, world.nowMs);
    await scheduler.runUntil(world.nowMs + plan.durationMs, () => this.hasFailed);
    if (this.hasFailed) return;
    await this.serveByMost();
    if (this.hasFailed) return;
    world.logs.fault('all', 'everything heals');
    this.nemesis.healAll();
    await scheduler.runUntil(world.nowMs + AFTER_HEAL_MS * plan.pace);
    this.loadEnded = true;
    const closing = this.host('closing', closingProgram(plan.topics));
    await this.within(LIVENESS_BOUND_MS, 'everything serves again', () => closing.isFinished);
    await this.within(LIVENESS_BOUND_MS, 'every program ends', () =>
      programs.every(({ isFinished }) => isFinished),
    );
    await this.within(LIVENESS_BOUND_MS, 'replicas are equal', () => this.areReplicasEqual());
    if (this.hasFailed) return;
    await this.readReplicas();
    if (!this.hasFailed) this.judge();
  }

  /** What rotted is found by reading; its broker is started again then, as an operator would, and repairs it. */
  private async readReplicas(): Promise<void> {
    const { cluster, world, plan, history } = this;
    for (let restarts = 0; !this.hasFailed; restarts++) {
      const unreadable = await recordReplicas(cluster.brokers, plan.topics, world, history);
      if (unreadable === undefined) return;
      const { name } = unreadable.machine;
      if (restarts === cluster.brokers.length)
        return this.report({ check: 'liveness', sentence: `${name} can not read its replicas` });
      world.kill(unreadable.machine);
      cluster.start(unreadable);
      await this.within(
        LIVENESS_BOUND_MS,
        `replicas of ${name} are repaired`,
        () => unreadable.ready && this.areReplicasEqual(),
      );
    }
  }

  /** A minority stays away; whatever a majority can serve is served within the bound. */
  private async serveByMost(): Promise<void> {
    const { plan, world, cluster } = this;
    if (plan.faults.length === 0) return;
    const most = Math.floor((Math.min(...plan.topics.map(({ replicas }) => replicas)) - 1) / 2);
    const leftOut = this.nemesis.healMost(most);
    const names = leftOut.map(({ machine }) => machine.name).join(', ');
    world.logs.fault('all', `everything heals but ${names}`);
    const served = new Set<string>();
    const probing = this.host('probing', probingProgram(plan.topics, served));
    const { ensemble } = world;
    const parts = [cluster.brokers, this.store, plan.topics, leftOut, ensemble] as const;
    const availability = new Availability(...parts);
    // Some may have too little left to be served; but not because nobody has looked yet.
    const excusedFromMs = world.nowMs + EXCUSED_FROM_MS * plan.pace;
    const isServed = (): boolean =>
      probing.isFinished ||
      (world.nowMs >= excusedFromMs && availability.unserved(served).length === 0);
    await this.within(LIVENESS_BOUND_MS, `all but ${names} serve`, isServed);
  }

  /** Nothing of this run goes on. */
  end(): void {
    for (const { machine } of this.cluster.slots) machine.life?.end();
    for (const host of this.hosts) host.kill();
  }

  result(): SeedResult {
    const { world, nemesis, store, invariants, counts } = this;
    const tornWrites = this.cluster.brokers.reduce(
      (sum, { machine }) => sum + (machine.disk?.tornWrites ?? 0),
      0,
    );
    for (const event of this.findings) world.scheduler.digest.text(event.sentence);
    return {
      seed: this.plan.seed,
      findings: this.findings,
      digest: world.scheduler.digest.toString(),
      simulatedMs: world.nowMs,
      events: world.scheduler.events,
      counts: {
        acknowledged: counts.acknowledged,
        elections: invariants.elections + store.elections,
        crashes: nemesis.counts.crashes,
        clientCrashes: nemesis.counts.clientCrashes,
        cuts: nemesis.counts.cuts,
        switches: store.switches,
        powerLosses: nemesis.counts.powerLosses,
        tornWrites,
        reportedLosses: store.losses,
      },
      lastLines: this.findings.length > 0 ? world.logs.texts() : [],
      history: this.history,
    };
  }

  /** Where nobody catches, a process dies; ours must not. */
  uncaught(error: unknown, life: Life): void {
    if (!life.alive) return;
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.report({ check: 'uncaught-error', sentence: `${life.name}: ${text}` });
  }

  private get hasFailed(): boolean {
    return this.findings.length > 0;
  }

  private startLoad(): ClientHost[] {
    const { plan } = this;
    const { topics } = plan;
    const rest: GroupRest = { isOn: false };
    const programs: [string, Program][] = [
      ...plan.producers.map((producer, index): [string, Program] => [
        `producer-${index + 1}`,
        producerProgram(producer, topics, this.counts),
      ]),
      ...plan.readers.map((reader, index): [string, Program] => [
        `reader-${index + 1}`,
        readerProgram(reader, topics),
      ]),
      ...plan.groups.flatMap((group) =>
        group.delivery.map((delivery, index): [string, Program] => [
          `${group.group}-${index + 1}`,
          groupProgram(group, delivery, topics, rest),
        ]),
      ),
    ];
    for (let n = 1; n <= (plan.endReaders ?? 0); n++) {
      const judge = {
        committed: (topic: string, partition: number) =>
          this.invariants.committed(topic, partition),
        stale: (sentence: string) => this.report({ check: 'stale-end', sentence }),
      };
      programs.push([`end-reader-${n}`, endReaderProgram(topics, judge)]);
    }
    if (plan.switchEveryMs > 0)
      programs.push(['switcher', switchProgram(plan.switchEveryMs, topics)]);
    if (plan.transferEveryMs > 0) {
      const { brokers } = plan.cluster;
      programs.push(['transferrer', transferProgram(plan.transferEveryMs, topics, brokers)]);
    }
    for (const { group, resetEveryMs } of plan.groups)
      if (resetEveryMs !== undefined)
        programs.push(['resetter', resetProgram(group, resetEveryMs, topics, rest)]);
    return programs.map(([name, program]) => this.host(name, program));
  }

  private host(name: string, program: Program): ClientHost {
    const { world, cluster, history } = this;
    const host = new ClientHost(
      ...([world, name, cluster.bootstrap, history, this.plan.pace] as const),
      () => this.loadEnded,
      program,
    );
    this.hosts.push(host);
    host.start();
    return host;
  }

  private async within(normalMs: number, what: string, isSo: () => boolean): Promise<void> {
    if (this.hasFailed) return;
    const { scheduler } = this.world;
    const boundMs = normalMs * this.plan.pace;
    const untilMs = scheduler.nowMs + boundMs;
    await scheduler.runUntil(untilMs, () => isSo() || this.hasFailed);
    if (isSo() || this.hasFailed) return;
    const unfinished = this.hosts.filter(({ isFinished }) => !isFinished).map(({ name }) => name);
    const down = this.cluster.slots
      .filter(({ ready }) => !ready)
      .map(({ machine }) => machine.name);
    this.report({
      check: 'liveness',
      sentence: `not within ${boundMs / 1000} s: ${what}; servers that did not start: ${down.join(', ') || 'none'}; programs under way: ${unfinished.join(', ') || 'none'}; replicas: ${this.describeReplicas()}`,
    });
  }

  private areReplicasEqual(): boolean {
    this.nemesis.restartDamaged();
    return unequalReplica(this.cluster.brokers) === undefined;
  }

  private describeReplicas(): string {
    return this.cluster.brokers
      .flatMap(({ broker, id }) =>
        [...(broker?.partitions ?? [])].map(({ name, replicator, highWatermark, log }) => {
          const tainted = log.hardState?.tainted === true ? ', tainted' : '';
          const { role, epoch } = replicator;
          return `${name.topic}-${name.partition} on ${id}: ${role} ${epoch}, ${highWatermark} of ${log.logEnd}${tainted}`;
        }),
      )
      .join('; ');
  }

  private judge(): void {
    const verdict = judgeEvents(this.history.events);
    for (const { anomaly, topic, partition, offset, sentence } of verdict.examples) {
      const where = `${topic}-${partition}${offset === undefined ? '' : ` at ${offset}`}`;
      this.report({ check: anomaly, sentence: `${where}: ${sentence}` });
    }
  }

  private gaveUp(slot: ServerSlot, error: Error): void {
    this.world.logs.fault(slot.machine.name, `gave up: ${error.message}`);
    this.nemesis.startLater(slot);
  }

  private failedToStart(slot: ServerSlot, error: Error): void {
    this.world.logs.fault(slot.machine.name, `could not start: ${error.message}`);
    this.nemesis.startLater(slot);
  }

  private report(finding: Finding): void {
    this.world.logs.fault('FOUND', `${finding.check}: ${finding.sentence}`);
    if (this.findings.length < MAX_FINDINGS) this.findings.push(finding);
  }
}
