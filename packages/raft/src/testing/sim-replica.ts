// A driver around the core, for tests: carries its effects out on a simulated log and disk, synchronously and in order.
import { assert } from '@zhumq/base';
import { RaftCore } from '../raft-core.js';
import type {
  AppendPlan,
  Effect,
  HardState,
  Message,
  Offset,
  RaftConfig,
  Random,
} from '../types.js';
import type { SimBatch } from './sim-log.js';
import { SimDisk, SimLog } from './sim-log.js';

export const freshState: HardState = { term: 0, vote: undefined, tainted: false };

/** What the world wants to know of a replica; all of it optional, for tests of one replica alone. */
export interface SimWorld {
  send?(message: Message): void;
  /** Called before the effect is carried out. */
  observe?(replica: SimReplica, effect: Effect): void;
  nextBatchId(): number;
}

interface Sync {
  readonly through: number;
  readonly offset: Offset;
  readonly epoch: number;
  readonly truncations: number;
  readonly hardState: HardState;
}

export class SimReplica {
  core: RaftCore;
  log = new SimLog();
  disk: SimDisk;
  up = true;
  /** Messages that left, when no world takes them. */
  sent: Message[] = [];
  /** Effects since the test last cleared them. */
  effects: Effect[] = [];
  /** Holds plans as a cold read would, until `finishPlans`. */
  holdPlans = false;
  readonly plans: AppendPlan[] = [];
  sync: Sync | undefined = undefined;
  private waiting: { position: number; message: Message }[] = [];
  private readonly marks = new Set<string>();
  private hardState: HardState;

  constructor(
    public config: RaftConfig,
    private readonly random: Random,
    readonly world: SimWorld,
    history: readonly SimBatch[] = [],
  ) {
    this.hardState = config.hardState;
    this.disk = new SimDisk(config.hardState);
    this.log.append(history);
    this.disk.log.append(history);
    this.core = new RaftCore(config, this.log, random);
  }

  get id(): string {
    return this.config.self;
  }

  /** Gives the core one input and carries out what follows. */
  input(give: (core: RaftCore) => void): void {
    assert(this.up, `${this.id} is down`);
    give(this.core);
    this.drain();
  }

  tick(count = 1): void {
    for (let done = 0; done < count; done += 1) {
      this.input((core) => {
        core.tick();
      });
    }
  }

  step(message: Message): void {
    this.input((core) => {
      core.step(message);
    });
  }

  campaign(): void {
    this.input((core) => {
      core.campaign();
    });
  }

  /** Appends one batch as a leader's driver does; false when the core refuses. */
  propose(records = 1, bytes = 100): boolean {
    if (this.core.canPropose() !== undefined) return false;
    const batch = this.nextBatch(records, bytes);
    this.write([batch]);
    this.input((core) => {
      core.proposed(batch.lastOffset, bytes);
    });
    return true;
  }

  startSync(): boolean {
    if (this.sync !== undefined || this.disk.written === this.disk.synced) return false;
    const { lastOffset: offset, lastEpoch: epoch } = this.log;
    const { truncations } = this.core;
    const { hardState } = this;
    this.sync = { through: this.disk.written, offset, epoch, truncations, hardState };
    return true;
  }

  finishSync(): void {
    const { sync } = this;
    if (sync === undefined) return;
    this.sync = undefined;
    this.disk.syncThrough(sync.through);
    const released = this.waiting.filter(({ position }) => position <= sync.through);
    this.waiting = this.waiting.filter(({ position }) => position > sync.through);
    for (const { message } of released) this.send(message);
    this.input((core) => {
      core.hardStateSynced(sync.hardState.term, sync.hardState.vote);
    });
    this.input((core) => {
      core.synced(sync.offset, sync.epoch, sync.truncations);
    });
  }

  /** Syncs until nothing is left to sync. */
  settle(): void {
    this.finishSync();
    while (this.startSync()) this.finishSync();
  }

  finishPlans(): void {
    for (const plan of this.plans.splice(0)) this.sendPlan(plan);
    this.drain();
  }

  crash(kept = 0): void {
    this.disk.crash(kept);
    this.up = false;
    this.sync = undefined;
    this.waiting = [];
    this.plans.length = 0;
    this.marks.clear();
    this.effects = [];
  }

  restart(change: Partial<RaftConfig> = {}): void {
    const { hardState } = this.disk;
    const incarnation = this.config.incarnation + 1;
    // A driver may remember a commit offset from before the crash; none at all is the harder case.
    this.config = { ...this.config, incarnation, hardState, commit: -1, ...change };
    this.hardState = this.config.hardState;
    this.disk.hardState = this.config.hardState;
    this.log = this.disk.log.copy();
    this.core = new RaftCore(this.config, this.log, this.random);
    this.up = true;
  }

  /** Retention at this replica. */
  dropThrough(offset: Offset): void {
    this.disk.write({ kind: 'dropThrough', offset });
    this.log.dropThrough(offset);
  }

  /** Finishes a copy: the log becomes `source`, on disk at once. */
  installLog(source: SimLog): void {
    this.log.start = source.start;
    this.log.batches = [...source.batches];
    this.disk.write({ kind: 'replace', log: source.copy() });
    this.disk.syncThrough(this.disk.written);
  }

  private nextBatch(records: number, bytes: number): SimBatch {
    const baseOffset = this.log.lastOffset + 1;
    const lastOffset = baseOffset + records - 1;
    const id = this.world.nextBatchId();
    const previousId = this.log.lastId;
    return { baseOffset, lastOffset, epoch: this.core.term, bytes, id, previousId };
  }

  private write(batches: readonly SimBatch[]): void {
    this.log.append(batches);
    this.disk.write({ kind: 'append', batches });
  }

  private drain(): void {
    for (;;) {
      const effects = this.core.takeEffects();
      if (effects.length === 0 && this.marks.size === 0) return;
      for (const effect of effects) {
        this.world.observe?.(this, effect);
        this.effects.push(effect);
        this.carryOut(effect);
      }
      this.replicate();
    }
  }

  private carryOut(effect: Effect): void {
    switch (effect.kind) {
      case 'saveHardState':
        this.hardState = effect.hardState;
        this.disk.write({ kind: 'hardState', hardState: effect.hardState });
        break;
      case 'truncate':
        this.log.truncate(effect.from);
        this.disk.write({ kind: 'truncate', from: effect.from });
        break;
      case 'append':
        this.write((effect.payload as SimBatch[]).slice(effect.skip));
        break;
      case 'appendLeaderChange':
        this.write([this.nextBatch(1, 50)]);
        break;
      case 'send':
        this.send(effect.message);
        break;
      case 'sendAfterSync':
        if (this.disk.written === this.disk.synced) this.send(effect.message);
        else this.waiting.push({ position: this.disk.written, message: effect.message });
        break;
      case 'replicate':
        assert(!this.marks.has(effect.to), 'marked twice');
        this.marks.add(effect.to);
        break;
      default:
        break;
    }
  }

  private replicate(): void {
    for (const to of [...this.marks]) {
      this.marks.delete(to);
      for (;;) {
        const plan = this.core.nextAppend(to);
        if (plan === undefined) break;
        if (this.holdPlans) this.plans.push(plan);
        else this.sendPlan(plan);
      }
    }
  }

  private sendPlan(plan: AppendPlan): void {
    const { core } = this;
    // The log may have changed hands while the bytes were read.
    if (core.role !== 'leader' || core.term !== plan.term) return;
    if (plan.prevOffset < this.log.startOffset - 1) {
      core.appendFailed(plan);
      return;
    }
    const batches = this.log.read(plan.from, plan.maxBytes);
    const bytes = batches.reduce((sum, batch) => sum + batch.bytes, 0);
    const { to, term, prevOffset, prevEpoch, commit, untaint } = plan;
    const place = { prevOffset, prevEpoch, commit, batches, payload: batches, untaint };
    this.send({ type: 'append', from: this.id, to, term, ...place });
    core.appendSent(plan, batches.at(-1)?.lastOffset ?? prevOffset, bytes);
  }

  private send(message: Message): void {
    if (this.world.send === undefined) this.sent.push(message);
    else this.world.send(message);
  }
}
