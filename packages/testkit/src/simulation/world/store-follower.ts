// A server of the ensemble that hears of every write a little later than the one that took it. Reads of those connected
// to it are as old as it is, and so are its watches; their own writes and syncs bring it up to date, as in ZooKeeper.
import type { Random } from '@zhumq/base';
import { EmbeddedTree, touchedBy } from '@zhumq/metadata';
import type { Effect, WatchKind } from '@zhumq/metadata';
import type { Scheduler } from './scheduler.js';

interface Entry {
  readonly effects: readonly Effect[];
  readonly dueMs: number;
}

interface Waiting {
  readonly count: number;
  readonly run: () => void;
}

/** Now and then a server is so many times slower. */
const SLOW_FACTOR = 8;
const SLOW_ONE_OF = 6;

export class StoreFollower {
  readonly tree = new EmbeddedTree();
  private readonly entries: Entry[] = [];
  private waiting: Waiting[] = [];
  private done = 0;
  private lastDueMs = 0;

  constructor(
    private readonly scheduler: Scheduler,
    private readonly random: Random,
    private readonly meanLagMs: number,
  ) {}

  get applied(): number {
    return this.done;
  }

  append(effects: readonly Effect[]): void {
    const factor = this.random.below(SLOW_ONE_OF) === 0 ? SLOW_FACTOR : 1;
    const lagMs = -Math.log(1 - this.random.fraction()) * this.meanLagMs * factor;
    this.lastDueMs = Math.max(this.lastDueMs, this.scheduler.nowMs + lagMs);
    this.entries.push({ effects, dueMs: this.lastDueMs });
  }

  /** Applies what is due, and at least so many writes. */
  advance(least = 0): void {
    const { entries, scheduler } = this;
    while (this.done < entries.length) {
      const { effects, dueMs } = entries[this.done];
      if (this.done >= least && dueMs > scheduler.nowMs) break;
      this.done++;
      for (const effect of effects) this.tree.restore(effect);
    }
    const ready = this.waiting.filter(({ count }) => count <= this.done);
    if (ready.length === 0) return;
    this.waiting = this.waiting.filter(({ count }) => count > this.done);
    for (const { run } of ready) run();
  }

  /** Runs when so many writes are applied here. */
  whenApplied(count: number, run: () => void): void {
    if (count <= this.done) return run();
    this.waiting.push({ count, run });
    const waitMs = this.entries[count - 1].dueMs - this.scheduler.nowMs;
    this.scheduler.after(waitMs, this.scheduler.world, () => this.advance());
  }

  /** With which write a watch that is set now fires, of those that are not applied yet. */
  nextTouching(kind: WatchKind, path: string): number | undefined {
    for (let index = this.done; index < this.entries.length; index++) {
      for (const effect of this.entries[index].effects) {
        const { nodes, lists } = touchedBy(effect);
        if ((kind === 'node' ? nodes : lists).includes(path)) return index + 1;
      }
    }
    return undefined;
  }
}
