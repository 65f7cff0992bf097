// Makes a plan of faults come true in a cluster, undoes each after its time, and at the end undoes everything.
import type { Random } from '@zhumq/base';
import type { Recorder } from '../../history/history.js';
import type { ClientHost } from '../programs/client-host.js';
import type { ServerSlot, SimulatedCluster } from '../simulated-cluster.js';
import type { Life } from '../world/life.js';
import type { World } from '../world/world.js';
import { Damage, hasFailedReplica } from './damage.js';
import type { FaultStep } from './fault-plan.js';
import type { Finding } from '../observe/invariants.js';
import { LeaderPoints } from './leader-points.js';
import { VotePoints } from './vote-points.js';

export interface FaultCounts {
  crashes: number;
  powerLosses: number;
  clientCrashes: number;
  pauses: number;
  cuts: number;
  storeFaults: number;
  diskFaults: number;
}

const SLOW_FACTOR = 60;
/** What it asked for is for the history; nobody else knows. */
const LASTING = 'resetter';
/** A broker whose disk is full has so much left. */
const FULL_BYTES = 1_000;
const FREE_BYTES = 1e12;
/** Of a full disk: one write of so many is refused. */
const REFUSED_WRITES = 10;
const BREAK_PROBABILITY = 0.5;
const RESTART_MS = 300;
/** Longest times of an election after which a leader that is alone has given up, with time to spare. */
const ALONE_ELECTIONS = 1.5;
const CLOCK_JUMP_MS = 3_600_000;

export class Nemesis {
  readonly counts: FaultCounts = {
    ...{ crashes: 0, powerLosses: 0, clientCrashes: 0, pauses: 0 },
    ...{ cuts: 0, storeFaults: 0, diskFaults: 0 },
  };
  /** Clients that are cut off, slowed and so on like servers. */
  clients: readonly ClientHost[] = [];
  onFinding: (finding: Finding) => void = () => undefined;
  /** When processes last stood still: their clocks ran on without them. */
  private readonly wentOnMs = new Map<ServerSlot, number>();
  /** What is under way, in the order in which it began; each undoes itself once. */
  private readonly underWay = new Set<() => void>();
  private readonly armed = new Map<
    ServerSlot,
    { readonly power: boolean; readonly backMs: number }
  >();
  private readonly random: Random;
  private readonly votes: VotePoints;
  private readonly leaders: LeaderPoints;
  private readonly damage: Damage;

  constructor(
    private readonly world: World,
    private readonly cluster: SimulatedCluster,
    private readonly history: Recorder,
  ) {
    this.random = world.fork();
    world.ensemble.onWritten = (life) => this.afterDurable(life);
    world.onDurable = (life) => this.afterDurable(life);
    this.damage = new Damage(world, this.random);
    const ports = {
      ...{ brokers: cluster.brokers, random: this.random },
      after: (delayMs: number, run: () => void) =>
        void world.scheduler.after(delayMs, world.scheduler.world, run),
      isolate: (slot: ServerSlot, durationMs: number) => {
        const { name } = slot.machine;
        const others = cluster.brokers.map(({ machine }) => machine.name);
        return this.isolate(
          slot,
          others.filter((other) => other !== name),
          durationMs,
        );
      },
    };
    this.votes = new VotePoints({
      ...ports,
      losePower: (slot, backMs) => this.crash(slot, true, backMs),
    });
    this.leaders = new LeaderPoints({
      ...ports,
      expire: ({ machine }) => this.world.ensemble.expire(machine.name),
      kill: (slot, backMs) => this.crash(slot, false, backMs),
    });
  }

  /** To be called after each event. */
  look(life: Life): void {
    this.votes.look(life);
    this.leaders.look(life);
  }

  schedule(steps: readonly FaultStep[], fromMs: number): void {
    const { scheduler } = this.world;
    for (const step of steps) {
      const waitMs = fromMs + step.atMs - this.world.nowMs;
      scheduler.after(waitMs, scheduler.world, () => this.begin(step));
    }
  }

  /** Undoes everything that is under way, and starts what is down, or partly out of service: as an operator would. */
  healAll(): void {
    this.armed.clear();
    this.votes.disarm();
    this.leaders.disarm();
    for (const undo of [...this.underWay]) undo();
    for (const slot of this.cluster.slots) {
      const { machine } = slot;
      if (machine.disk !== undefined) machine.disk.fault = undefined;
      if (machine.life?.alive === true && !hasFailedReplica(slot)) continue;
      this.world.kill(machine);
      this.cluster.start(slot);
    }
  }

  /**
   * As healAll, but so many brokers, and now and then a zkserver, stay out of reach: in each of the ways in which a
   * machine can be. Returns them.
   */
  healMost(brokersLeftOut: number): readonly ServerSlot[] {
    this.healAll();
    const { brokers, zkservers } = this.cluster;
    const left = [...brokers].map((slot) => ({ slot, rank: this.random.fraction() }));
    left.sort((one, other) => one.rank - other.rank);
    const leftOut = left.slice(0, brokersLeftOut).map(({ slot }) => slot);
    if (this.random.below(2) === 0) leftOut.push(zkservers[this.random.below(zkservers.length)]);
    for (const slot of leftOut) this.leaveOut(slot);
    return leftOut;
  }

  private leaveOut(slot: ServerSlot): void {
    const { name } = slot.machine;
    // A zkserver that is heard by the store alone keeps its office: nobody elects for mode fetch then.
    switch (this.random.below(slot.kind === 'broker' ? 4 : 3)) {
      case 0:
        return this.crash(slot, this.random.below(2) === 0, Infinity);
      case 1:
        return this.pause(slot, Infinity);
      case 2:
        this.cutBetween([name], this.names(name), Infinity);
        return this.cutStore(slot, Infinity);
      default:
        // It lives, and reaches the store only.
        this.cutBetween([name], this.names(name), Infinity);
    }
  }

  /** As an operator would: what rotted is found when it is read, and repaired at a start. */
  restartDamaged(): void {
    const slot = this.damage.wantsRestart;
    if (slot?.machine.life?.alive !== true) return;
    this.world.logs.fault(slot.machine.name, 'is started again, to repair a replica');
    this.world.kill(slot.machine);
    this.cluster.start(slot);
  }

  /** A server ended by itself: somebody starts it again. */
  startLater(slot: ServerSlot, waitMs = RESTART_MS): void {
    this.world.kill(slot.machine);
    this.during(waitMs, () => this.startAgain(slot));
  }

  /** That process just made something durable, and has told nobody yet. */
  afterDurable(life: Life): void {
    if (this.armed.size === 0) return;
    for (const [slot, { power, backMs }] of this.armed) {
      if (slot.machine.life !== life) continue;
      this.armed.delete(slot);
      // The next thing that runs: before the process hears that it is durable, or right after.
      this.world.scheduler.turn(this.world.scheduler.world, () => this.crash(slot, power, backMs));
    }
  }

  private begin(step: FaultStep): void {
    const { kind, durationMs } = step;
    const brokers = this.cluster.brokers;
    const slots = this.cluster.slots;
    const broker = brokers[step.target % brokers.length];
    const slot = slots[step.target % slots.length];
    switch (kind) {
      case 'kill':
        return this.crash(slot, false, durationMs);
      case 'power-loss':
        return this.crash(slot, true, durationMs);
      case 'kill-all':
      case 'power-loss-all':
        for (const one of brokers) this.crash(one, kind === 'power-loss-all', durationMs);
        return;
      case 'crash-point':
      case 'power-point':
        if (slot.machine.life?.alive === true) {
          this.armed.set(slot, { power: kind === 'power-point', backMs: durationMs });
          this.tell(kind, slot.machine.name);
        }
        return;
      case 'client-kill':
        return this.killClient(step);
      case 'pause':
        return this.pause(slot, durationMs);
      case 'cut':
      case 'one-way-cut':
        return this.cutPair(step);
      case 'isolate':
        this.isolate(broker, this.names(broker.machine.name), durationMs);
        return;
      case 'split':
        return this.split(step);
      case 'store-cut':
        return this.cutStore(slot, durationMs);
      case 'store-break':
        this.counts.storeFaults++;
        return this.world.ensemble.breakConnection(slot.machine.name);
      case 'session-expiry':
        this.counts.storeFaults++;
        this.tell(kind, slot.machine.name);
        return this.world.ensemble.expire(slot.machine.name);
      case 'slow-network':
        return this.slowDown(slot, durationMs);
      case 'reset':
        for (let n = 0; n <= step.other % 4; n++) this.world.network.resetAny();
        return;
      case 'clock-jump':
        slot.machine.clock.wallOffsetMs += (this.random.fraction() * 2 - 1) * CLOCK_JUMP_MS;
        return;
      case 'bit-rot': {
        const what = this.damage.flipBits(broker);
        if (what === undefined) return;
        this.counts.diskFaults++;
        return this.tell(`${kind} ${what}`, broker.machine.name);
      }
      case 'disk-wipe':
        return this.wipe(broker, durationMs);
      case 'disk-full':
        return this.fillDisk(broker, durationMs);
      case 'sync-failure':
        return this.failSync(broker);
      case 'vote-point':
        this.tell(kind, 'the next vote');
        return this.votes.arm(step.target, durationMs);
      case 'leader-point':
        this.tell(kind, 'the next leaders');
        return this.leaders.arm(step.target, durationMs);
    }
  }

  // ---- processes

  private crash(slot: ServerSlot, power: boolean, backMs: number): void {
    const { machine } = slot;
    if (machine.life?.alive !== true) return;
    this.counts.crashes++;
    if (power) this.counts.powerLosses++;
    this.tell(power ? 'power-loss' : 'kill', machine.name);
    if (power) this.world.losePower(machine);
    else this.world.kill(machine);
    this.during(backMs, () => this.startAgain(slot));
  }

  private startAgain(slot: ServerSlot): void {
    if (slot.machine.life?.alive === true) return;
    this.world.logs.fault(slot.machine.name, 'starts again');
    this.cluster.start(slot);
  }

  /** A program dies in the middle of what it does, and is started again as another process of the same program. */
  private killClient({ target, durationMs }: FaultStep): void {
    const living = this.clients.filter(
      ({ isAlive, isFinished, name }) => isAlive && !isFinished && name !== LASTING,
    );
    if (living.length === 0) return;
    const client = living[target % living.length];
    this.counts.clientCrashes++;
    this.tell('client-kill', client.name);
    client.kill();
    this.during(durationMs, () => client.start());
  }

  private pause(slot: ServerSlot, durationMs: number): void {
    const { life } = slot.machine;
    if (life?.alive !== true || life.paused) return;
    this.counts.pauses++;
    this.tell('pause', slot.machine.name);
    life.paused = true;
    this.during(durationMs, () => {
      this.wentOnMs.set(slot, this.world.nowMs);
      this.world.logs.fault(slot.machine.name, 'goes on');
      this.world.scheduler.resume(life);
    });
  }

  // ---- network

  /** A leader in mode raft that hears of nobody for long must not go on. Returns what undoes it, once. */
  private isolate(slot: ServerSlot, others: readonly string[], durationMs: number): () => void {
    const { machine } = slot;
    const { life } = machine;
    const sinceMs = this.world.nowMs;
    const led = new Map(
      [...(slot.broker?.partitions ?? [])].map((one) => [one, one.leads && one.replicator.epoch]),
    );
    return this.cutBetween([machine.name], others, durationMs, () => {
      const fromMs = Math.max(sinceMs, this.wentOnMs.get(slot) ?? 0);
      if (machine.life !== life || life?.paused !== false) return;
      if (this.world.nowMs - fromMs < ALONE_ELECTIONS * this.cluster.electionMs) return;
      for (const [partition, epoch] of led) {
        const { leads, isOpen, replicator, name } = partition;
        if (!isOpen || !leads || replicator.mode !== 'raft' || replicator.epoch !== epoch) continue;
        const ms = Math.round(this.world.nowMs - fromMs);
        const sentence = `${name.topic}-${name.partition} on ${machine.name} still leads in epoch ${epoch}, alone for ${ms} ms`;
        this.onFinding({ check: 'leads-alone', sentence });
      }
    });
  }

  private cutPair({ kind, target, other, durationMs }: FaultStep): void {
    const from = this.cluster.brokers[target % this.cluster.brokers.length].machine.name;
    const others = this.names(from);
    const to = others[other % others.length];
    if (kind === 'cut') this.cutBetween([from], [to], durationMs);
    else this.cutLinks([[from, to]], durationMs);
  }

  private split({ target, durationMs }: FaultStep): void {
    const names = this.names();
    const one = names.filter((_, index) => ((target >> (index % 10)) & 1) === 1);
    this.cutBetween(
      one,
      names.filter((name) => !one.includes(name)),
      durationMs,
    );
  }

  /** Returns what undoes it, once. */
  private cutBetween(
    one: readonly string[],
    other: readonly string[],
    durationMs: number,
    beforeEnd?: () => void,
  ): () => void {
    const links = one.flatMap((from) =>
      other.flatMap((to): [string, string][] => [
        [from, to],
        [to, from],
      ]),
    );
    return this.cutLinks(links, durationMs, beforeEnd);
  }

  private cutLinks(
    links: readonly (readonly [string, string])[],
    durationMs: number,
    beforeEnd?: () => void,
  ): () => void {
    const { network } = this.world;
    this.counts.cuts++;
    this.tell('cut', links.map(([from, to]) => `${from}>${to}`).join(' '));
    for (const [from, to] of links) network.cut(from, to);
    return this.during(durationMs, () => {
      beforeEnd?.();
      this.world.logs.fault('network', `heals ${links.length} links`);
      for (const [from, to] of links) network.heal(from, to, BREAK_PROBABILITY);
    });
  }

  private slowDown({ machine }: ServerSlot, durationMs: number): void {
    const others = this.names(machine.name);
    const all = (factor: number): void => {
      for (const other of others) {
        this.world.network.slowDown(machine.name, other, factor);
        this.world.network.slowDown(other, machine.name, factor);
      }
    };
    all(SLOW_FACTOR);
    this.during(durationMs, () => all(1));
  }

  private cutStore({ machine }: ServerSlot, durationMs: number): void {
    this.counts.storeFaults++;
    this.tell('store-cut', machine.name);
    this.world.ensemble.cut(machine.name);
    this.during(durationMs, () => this.world.ensemble.heal(machine.name));
  }

  // ---- disks

  private fillDisk({ machine }: ServerSlot, durationMs: number): void {
    const { disk } = machine;
    if (disk === undefined) return;
    this.counts.diskFaults++;
    this.tell('disk-full', machine.name);
    disk.freeSpace = FULL_BYTES;
    // Others use that disk, too: what the reserve left is gone now and then.
    disk.fault = ({ kind }) =>
      kind === 'write' && this.random.below(REFUSED_WRITES) === 0
        ? { kind: 'error', code: 'ENOSPC' }
        : undefined;
    this.during(durationMs, () => {
      disk.freeSpace = FREE_BYTES;
      disk.fault = undefined;
    });
  }

  private wipe(slot: ServerSlot, durationMs: number): void {
    if (!this.damage.mayHit(slot)) return;
    if (slot.machine.life?.alive === true) this.crash(slot, true, durationMs);
    if (!this.damage.wipe(slot)) return;
    this.counts.diskFaults++;
    this.tell('disk-wipe', slot.machine.name);
  }

  private failSync({ machine }: ServerSlot): void {
    const { disk, life } = machine;
    if (disk === undefined || life?.alive !== true) return;
    this.counts.diskFaults++;
    this.tell('sync-failure', machine.name);
    disk.fault = ({ kind }) => {
      if (kind !== 'sync') return undefined;
      disk.fault = undefined;
      return this.random.below(2) === 0 ? { kind: 'dropPages' } : { kind: 'error', code: 'EIO' };
    };
  }

  // ---- bookkeeping

  /** Undone after the time, or at the end, whichever is first. */
  private during(durationMs: number, undo: () => void): () => void {
    const once = (): void => {
      if (this.underWay.delete(once)) undo();
    };
    this.underWay.add(once);
    if (durationMs < Infinity)
      this.world.scheduler.after(durationMs, this.world.scheduler.world, once);
    return once;
  }

  private names(except?: string): string[] {
    const names = this.cluster.slots.map(({ machine }) => machine.name);
    return [...names, ...this.clients.map(({ name }) => name)].filter((name) => name !== except);
  }

  private tell(fault: string, target: string): void {
    this.world.logs.fault(target, fault);
    this.history.record({ kind: 'fault', fault, target, phase: 'begun' });
  }
}
