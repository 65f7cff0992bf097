// The metadata store's servers, seen from the processes: the embedded store's tree and sessions behind a network of its
// own, which loses connections before or after a request was done, and forgets a watch now and then.
import type { Clock, Random } from '@zhumq/base';
import { EmbeddedStore, LinkedStore } from '@zhumq/metadata';
import type { LinkEvents, MetadataStore, StoreOperation } from '@zhumq/metadata';
import type { Life } from './life.js';
import type { Machine } from './machine.js';
import { NodeClock } from './node-clock.js';
import type { Scheduler } from './scheduler.js';
import { StoreFollower } from './store-follower.js';
import { StoreLink } from './store-link.js';

export interface EnsembleOptions {
  readonly sessionTimeoutMs: number;
  readonly minDelayMs: number;
  readonly meanDelayMs: number;
  /** Of watches that are never told. */
  readonly lostWatchProbability: number;
  /** Of requests after which the connection breaks. */
  readonly breakProbability: number;
  /** Mean time by which two of three servers are behind; without it none is. */
  readonly lagMs?: number | undefined;
}

/** Servers that are behind, if any are. */
const FOLLOWERS = 2;

export class Ensemble {
  readonly store: EmbeddedStore;
  expiries = 0;
  breaks = 0;
  /** Done so far, multis counted once. */
  writes = 0;
  /** Told after each write that was done, with who asked for it: a durable effect. */
  onWritten: ((life: Life) => void) | undefined;
  /** A script's say in what becomes of a write. Either way the connection breaks; `unanswered`: when it was done. */
  fateOf:
    | ((host: string, operations: readonly StoreOperation[]) => 'lost' | 'unanswered' | undefined)
    | undefined;
  private readonly unreachable = new Map<string, number>();
  private readonly links = new Set<StoreLink>();
  private readonly followers: readonly StoreFollower[];

  constructor(
    readonly scheduler: Scheduler,
    readonly random: Random,
    readonly options: EnsembleOptions,
  ) {
    const clock: Clock = new NodeClock(scheduler, scheduler.world, { rate: 1, wallOffsetMs: 0 });
    const { lagMs } = options;
    this.followers =
      lagMs === undefined
        ? []
        : Array.from({ length: FOLLOWERS }, () => new StoreFollower(scheduler, random, lagMs));
    this.store = new EmbeddedStore({
      ...{ clock, tokenPrefix: 'session' },
      onApplied: (effects) => {
        this.writes++;
        for (const follower of this.followers) follower.append(effects);
      },
    });
  }

  /** A store for one process. */
  connect(machine: Machine, life: Life, clock: Clock): MetadataStore {
    const open = (events: LinkEvents): StoreLink => {
      const link = new StoreLink(this, machine.name, life, clock, events);
      this.links.add(link);
      return link;
    };
    life.onEnd.push(() => {
      for (const link of [...this.links]) if (link.life === life) this.links.delete(link);
    });
    return new LinkedStore(open, { clock, place: 'the simulated ensemble' });
  }

  // ---- faults

  cut(host: string): void {
    this.unreachable.set(host, (this.unreachable.get(host) ?? 0) + 1);
    for (const link of this.linksOf(host)) link.loseConnection();
  }

  heal(host: string): void {
    const left = (this.unreachable.get(host) ?? 1) - 1;
    if (left > 0) this.unreachable.set(host, left);
    else this.unreachable.delete(host);
  }

  /** The connection of a process breaks, and is made again at once. */
  breakConnection(host: string): void {
    for (const link of this.linksOf(host)) link.loseConnection();
  }

  /** The servers end the session of a process. */
  expire(host: string): void {
    for (const link of this.linksOf(host)) {
      if (link.token === undefined || !this.store.hasSession(link.token)) continue;
      this.expiries++;
      this.store.expireSession(link.token);
    }
  }

  // ---- for links

  isReachable(host: string): boolean {
    return !this.unreachable.has(host);
  }

  delayMs(): number {
    const { minDelayMs, meanDelayMs } = this.options;
    return minDelayMs - Math.log(1 - this.random.fraction()) * meanDelayMs;
  }

  /** The server that a connection is made to; undefined: one that is never behind. */
  anyServer(): StoreFollower | undefined {
    const { followers } = this;
    return followers.length === 0 ? undefined : followers[this.random.below(followers.length + 1)];
  }

  forget(link: StoreLink): void {
    this.links.delete(link);
  }

  private linksOf(host: string): StoreLink[] {
    return [...this.links].filter((link) => link.host === host && link.life.alive);
  }
}
