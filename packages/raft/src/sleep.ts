// When a leader lets its group sleep: after long quiet, once every replica has everything, knows it, and has said that it
// waits for no more heartbeats (rule 21). Safety never rests on this: a sleep that should not be costs time only.
import type { Progress } from './progress.js';
import type { Replication } from './replication.js';
import type { RaftConfig } from './types.js';

export class Sleep {
  /** Since anything happened, or since the last try. */
  private quietTicks = 0;
  private sleeping = false;

  constructor(
    private readonly config: RaftConfig,
    private readonly replication: Replication,
  ) {}

  get asleep(): boolean {
    return this.sleeping;
  }

  /** Heartbeats ask the others to sleep. */
  get wanted(): boolean {
    const { sleepTicks = 0 } = this.config;
    return sleepTicks > 0 && this.quietTicks >= sleepTicks;
  }

  /** While awake. `quiet`: nothing is under way in the group as far as the leader itself goes. */
  tick(quiet: boolean): void {
    const { sleepTicks = 0, electionTicks, heartbeatTicks } = this.config;
    if (sleepTicks === 0) return;
    // Who does not agree is not asked for ever: the others stay awake meanwhile. Less than an election timeout, after
    // which drivers would wake all that two brokers share, because one of them refuses one group.
    const last = sleepTicks + Math.max(electionTicks - 2 * heartbeatTicks, heartbeatTicks);
    if (!quiet || !this.othersAreLevel() || this.quietTicks >= last) this.end();
    else this.quietTicks += 1;
    if (this.wanted && this.replication.isAlone) this.sleeping = true;
  }

  /** The peer answered a heartbeat; false when it has woken from what this leader took for a common sleep. */
  heard(progress: Progress, asleep: boolean): boolean {
    const woke = progress.asleep && !asleep;
    progress.asleep = asleep;
    if (woke) return false;
    if (!asleep || !this.wanted || !this.othersAreLevel()) return true;
    for (const other of this.replication.all()) if (!other.asleep) return true;
    this.sleeping = true;
    // All have just been heard of.
    for (const other of this.replication.all()) other.active = true;
    return true;
  }

  /** Something happens. True when it ended a sleep. */
  end(): boolean {
    if (this.quietTicks === 0) return false;
    const slept = this.sleeping;
    this.sleeping = false;
    this.quietTicks = 0;
    for (const progress of this.replication.all()) progress.asleep = false;
    return slept;
  }

  private othersAreLevel(): boolean {
    for (const progress of this.replication.all())
      if (!progress.hasEverything(this.replication.lastOffset)) return false;
    return true;
  }
}
