// Gets away from a leader that is frozen, or behind a network that drops everything: nothing fails there, and a request
// would end only with its timeout. When a connection that owes answers is silent, the servers that hold replicas of the
// partitions in question are asked who leads: they know of an election even before the store does. What waits at the silent
// broker is given up only when another broker leads by a larger generation or epoch, so a leader that is merely slow keeps
// its requests. One timer for all requests, and none while nothing is under way.
import type { Clock, HostPort, Random, Timer } from '@zhumq/base';
import type { RpcChannel } from '@zhumq/rpc';
import type { BrokerAddress, ClusterView } from './cluster-view.js';

/**
 * Silence is counted in checks, not in time: what a program that stood still has not read yet must not look like it.
 */
const CHECK_MS = 200;
const SILENT_CHECKS = 5;
/** The timer ends after so many checks with nothing to watch. */
const IDLE_CHECKS = 50;
/** Between two times of asking: at first, and at most. Each wait is half as long again as the one before. */
const LOOK_MS = { first: 400, max: 2000, growth: 1.5 };
/** Brokers asked at a time. */
const MAX_ASKED = 4;

export interface LedRequest {
  readonly broker: BrokerAddress;
  /** The connection by which it was sent. */
  readonly channel: RpcChannel;
  /** What it wants the leaders of these to do. */
  readonly partitions: readonly { readonly topic: string; readonly partition: number }[];
  /** The broker may wait so long when all is well. */
  readonly patienceMs: number;
  /** It only reads: it may be given up for a new leader although the old one still talks. */
  readonly reads: boolean;
  /** Another broker leads the partition at this index: its answer does not count any more. Called once for each. */
  abandon(index: number, leader: BrokerAddress): void;
}

/** A request that is being watched. */
export class Watched {
  /** Indexes of the partitions that were given up. */
  readonly abandoned = new Set<number>();
  heard = -1;
  silentChecks = 0;

  constructor(
    readonly request: LedRequest,
    /** The count of moves when it began. */
    readonly begunAt: number,
  ) {}

  get overdue(): boolean {
    const patience = Math.ceil(this.request.patienceMs / CHECK_MS);
    return this.silentChecks >= patience + SILENT_CHECKS;
  }
}

export interface SilentLeadersOptions {
  readonly view: ClusterView;
  readonly clock: Clock;
  readonly random: Random;
  /** Asks one server who leads the partitions of these topics, and takes in what it says. */
  readonly ask: (address: HostPort, topics: readonly string[]) => Promise<unknown>;
  /** A server is silent. */
  readonly avoid: (address: HostPort) => void;
}

export class SilentLeaders {
  private readonly watched = new Set<Watched>();
  private silent = new Set<RpcChannel>();
  /** Servers that owe an answer to the question who leads. */
  private readonly asked = new Set<string>();
  private timer: Timer | undefined;
  private idleChecks = 0;
  private stopped = false;
  private lookMs = LOOK_MS.first;
  private nextLookMs = -Infinity;
  private turn: number;

  constructor(private readonly options: SilentLeadersOptions) {
    this.turn = options.random.below(1024);
  }

  /** Watches a request until it is given to ended(). */
  watch(request: LedRequest): Watched {
    const watched = new Watched(request, this.options.view.moves.count);
    if (this.stopped) return watched;
    this.watched.add(watched);
    this.timer ??= this.options.clock.every(CHECK_MS, () => this.check());
    return watched;
  }

  ended(watched: Watched): void {
    this.watched.delete(watched);
  }

  /** Another broker may lead: who waits at the former one need not. */
  viewChanged(): void {
    const { view } = this.options;
    for (const one of this.watched) {
      const { broker, channel, partitions, reads } = one.request;
      if (one.begunAt === view.moves.count || !(reads || this.silent.has(channel))) continue;
      partitions.forEach(({ topic, partition }, index) => {
        const known = view.partition(topic, partition);
        if (known === undefined || known.movedAt <= one.begunAt) return;
        const leader = known.leader === broker.id ? undefined : view.broker(known.leader);
        if (leader === undefined || one.abandoned.has(index)) return;
        one.abandoned.add(index);
        one.request.abandon(index, leader);
      });
      if (one.abandoned.size === partitions.length) this.watched.delete(one);
    }
  }

  stop(): void {
    this.stopped = true;
    this.watched.clear();
    this.rest();
  }

  private rest(): void {
    this.timer?.cancel();
    this.timer = undefined;
    this.idleChecks = 0;
  }

  private check(): void {
    this.silent = new Set();
    this.idleChecks = this.watched.size === 0 ? this.idleChecks + 1 : 0;
    if (this.idleChecks > IDLE_CHECKS) return this.rest();
    for (const one of this.watched) {
      const heard = one.request.channel.chunksReceived;
      one.silentChecks = heard === one.heard ? one.silentChecks + 1 : 0;
      one.heard = heard;
      if (one.overdue) this.silent.add(one.request.channel);
    }
    if (this.silent.size === 0) {
      this.lookMs = LOOK_MS.first;
      return;
    }
    // Somebody else may have asked already.
    this.viewChanged();
    const now = this.options.clock.monotonicMs();
    if (now >= this.nextLookMs) this.look(now);
  }

  private look(now: number): void {
    const topics = new Set<string>();
    const holders = new Set<number>();
    const { view, avoid } = this.options;
    for (const { request, abandoned } of this.watched) {
      if (!this.silent.has(request.channel)) continue;
      avoid(request.broker);
      request.partitions.forEach(({ topic, partition }, index) => {
        if (abandoned.has(index)) return;
        topics.add(topic);
        const { replicas = [] } = view.partition(topic, partition)?.info ?? {};
        for (const { broker } of replicas) if (broker !== request.broker.id) holders.add(broker);
      });
    }
    if (topics.size === 0) return;
    // One that is silent may only wait for a replica on the one that is frozen: it is asked about what it does not lead.
    for (const address of this.choose([...holders])) this.ask(address, [...topics]);
    this.nextLookMs = now + this.lookMs;
    this.lookMs = Math.min(LOOK_MS.max, this.lookMs * LOOK_MS.growth);
  }

  /** Some of the holders, others each time, and a zkserver, which knows of leaders that it chose itself. */
  private choose(holders: readonly number[]): HostPort[] {
    const { view } = this.options;
    const turn = this.turn++;
    const chosen = Array.from({ length: Math.min(MAX_ASKED, holders.length) }, (_one, index) =>
      view.broker(holders[(turn * MAX_ASKED + index) % holders.length]),
    );
    const zkserver = view.zkservers.at(turn % Math.max(1, view.zkservers.length));
    return [...chosen, zkserver].filter((address) => address !== undefined);
  }

  private ask(address: HostPort, topics: readonly string[]): void {
    const name = `${address.host} ${address.port}`;
    // One that is frozen, too, is not asked again and again.
    if (this.asked.has(name)) return;
    this.asked.add(name);
    this.options
      .ask(address, topics)
      .catch(() => undefined)
      .finally(() => this.asked.delete(name));
  }
}
