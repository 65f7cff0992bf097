// A driver around the core, for tests: carries its effects out on a simulated log and disk, fetches, reports, and keeps
// requests waiting that have nothing to be told.
import { assert } from '@zhumq/base';
import { FetchCore } from '../fetch-core.js';
import type {
  Effect,
  FetchConfig,
  Offset,
  PartitionState,
  Position,
  ReceivedAnswer,
  ReplicaId,
} from '../types.js';
import type { SimBatch } from './sim-log.js';
import { SimDisk, SimLog } from './sim-log.js';

export type SimMessage =
  | { readonly type: 'fetch'; readonly to: ReplicaId; readonly position: Position }
  | { readonly type: 'report'; readonly to: ReplicaId; readonly position: Position }
  | {
      readonly type: 'answer';
      readonly to: ReplicaId;
      /** The life that asked: an answer does not outlive its connection. */
      readonly toIncarnation: number;
      readonly answer: ReceivedAnswer;
    };

/** Where messages and calls go, and who watches; all of it optional, for tests of one replica alone. */
export interface SimWorld {
  send?(message: SimMessage): void;
  /** Called before the effect is carried out. */
  observe?(replica: SimReplica, effect: Effect): void;
  appended?(replica: SimReplica, batch: SimBatch): void;
  call?(replica: SimReplica, effect: Effect): void;
  nextBatchId(): number;
}

interface Waiting {
  readonly position: Position;
  ticks: number;
}

/** What a follower heard last; only something else is worth an answer without batches. */
interface Told {
  readonly highWatermark: Offset;
  readonly syncThrough: Offset;
}

const maxAnswerBytes = 1_000;
/** Longest wait of a request with nothing to tell, and longest wait of a follower for an answer. */
const waitTicks = 2;
const answerTicks = 6;

export class SimReplica {
  core: FetchCore;
  log = new SimLog();
  disk = new SimDisk();
  up = true;
  /** Messages that left, when no world takes them. */
  sent: SimMessage[] = [];
  /** Effects since the test last cleared them. */
  effects: Effect[] = [];
  highWatermark: Offset = 0;
  private sync: number | undefined = undefined;
  private readonly waiting = new Map<ReplicaId, Waiting>();
  private readonly told = new Map<ReplicaId, Told>();
  private woken = false;
  private changed = false;
  private outstanding: { readonly position: Position; ticks: number } | undefined = undefined;

  constructor(
    public config: FetchConfig,
    /** Whether only a sync makes durable (flush: fsync), or a write does (flush: os). */
    readonly fsync: boolean,
    readonly world: SimWorld,
    history: readonly SimBatch[] = [],
  ) {
    this.log.append(history);
    this.disk.log.append(history);
    this.highWatermark = this.disk.highWatermark = config.highWatermark;
    this.core = new FetchCore(config, this.log);
  }

  get id(): ReplicaId {
    return this.config.self;
  }

  get incarnation(): number {
    return this.config.incarnation;
  }

  /** Gives the core one input and carries out what follows. */
  input(give: (core: FetchCore) => void): void {
    assert(this.up, `${this.id} is down`);
    give(this.core);
    this.drain();
  }

  assign(state: PartitionState): void {
    this.input((core) => {
      core.assign(state);
    });
  }

  tick(count = 1): void {
    for (let done = 0; done < count; done += 1) {
      this.input((core) => {
        core.tick();
      });
      this.expireWaits();
    }
  }

  deliver(message: SimMessage): void {
    switch (message.type) {
      case 'fetch':
        this.waiting.set(message.position.replica, { position: message.position, ticks: 0 });
        this.answerWaiting(message.position.replica);
        this.drain();
        break;
      case 'report':
        this.input((core) => {
          core.report(message.position);
        });
        break;
      case 'answer':
        if (message.toIncarnation !== this.incarnation) return;
        if (this.outstanding?.position.offset === message.answer.offset)
          this.outstanding = undefined;
        this.changed = true;
        this.input((core) => {
          core.received(message.answer);
        });
        break;
    }
  }

  /** Appends one batch as a leader's driver does; undefined when the core refuses. */
  produce(acks = -1, records = 1, bytes = 100): SimBatch | undefined {
    if (this.core.refusal(acks) !== undefined) return undefined;
    return this.appendOwn('records', records, bytes);
  }

  seal(): SimBatch | undefined {
    if (this.core.refusal(1) !== undefined) return undefined;
    const batch = this.appendOwn('seal', 1, 50);
    this.tellSeal();
    return batch;
  }

  tellSeal(): void {
    this.input((core) => {
      core.sealed(this.log.seal);
    });
  }

  startSync(): boolean {
    if (this.sync !== undefined || this.disk.written === this.disk.synced) return false;
    this.sync = this.disk.written;
    return true;
  }

  finishSync(): void {
    if (this.sync === undefined) return;
    this.disk.syncThrough(this.sync);
    this.sync = undefined;
    const end = this.disk.certainEnd;
    const epoch = this.log.epochAt(end - 1);
    if (epoch === undefined) return;
    this.input((core) => {
      if (this.fsync) core.synced(end, epoch);
      core.syncedThrough(end, epoch);
    });
  }

  /** Starts or finishes a sync; false when there is nothing to sync. */
  syncOnce(): boolean {
    if (this.sync === undefined) return this.startSync();
    this.finishSync();
    return true;
  }

  /** Syncs until nothing is left to sync. */
  settle(): void {
    this.finishSync();
    while (this.startSync()) this.finishSync();
  }

  /** The process dies; the kernel lives, so that everything written is still there. */
  crash(): void {
    this.up = false;
    this.sync = this.outstanding = undefined;
    this.waiting.clear();
    this.told.clear();
    this.woken = this.changed = false;
  }

  /** The machine dies: of the unsynced writes only the first `kept` are still there. */
  losePower(kept = 0): void {
    this.crash();
    this.disk.losePower(kept);
    this.log.become(this.disk.log);
    this.highWatermark = this.disk.highWatermark;
    // Whether anything is missing nobody can tell afterwards; the mark is made in any case, unless every write was synced.
    if (!this.fsync) this.disk.tainted = true;
  }

  restart(change: Partial<FetchConfig> = {}): void {
    const incarnation = this.config.incarnation + 1;
    const { tainted } = this.disk;
    const syncedEnd = this.disk.certainEnd;
    const durableEnd = this.fsync ? syncedEnd : this.log.logEnd;
    const { highWatermark } = this;
    const known = { incarnation, tainted, highWatermark, durableEnd, syncedEnd };
    this.config = { ...this.config, ...known, ...change };
    this.highWatermark = this.disk.highWatermark = this.config.highWatermark;
    this.core = new FetchCore(this.config, this.log);
    this.up = true;
    this.drain();
  }

  /** Retention at this replica. */
  dropBefore(offset: Offset): void {
    // A log must not forget that it is sealed.
    const seal = (this.log.seal ?? Infinity) - 1;
    const before = Math.min(offset, this.core.highWatermark, this.disk.certainEnd, seal);
    this.disk.write({ kind: 'dropBefore', offset: before });
    this.log.dropBefore(before);
  }

  /** Finishes a copy: the log becomes `source`, committed and synced. */
  copied(source: SimLog, leader: ReplicaId, epoch: number): void {
    this.log.become(source);
    this.disk.replace(source);
    this.highWatermark = this.disk.highWatermark = source.logEnd;
    this.sync = undefined;
    this.changed = true;
    this.input((core) => {
      core.segmentsCopied(leader, epoch);
    });
  }

  private appendOwn(content: SimBatch['content'], records: number, bytes: number): SimBatch {
    const batch = this.nextBatch(content, records, bytes);
    this.writeOwn(batch);
    this.input((core) => {
      core.appended(this.log.logEnd);
    });
    this.written();
    return batch;
  }

  private nextBatch(content: SimBatch['content'], records: number, bytes: number): SimBatch {
    const baseOffset = this.log.logEnd;
    const lastOffset = baseOffset + records - 1;
    const id = this.world.nextBatchId();
    const { lastId: previousId } = this.log;
    return { baseOffset, lastOffset, epoch: this.core.epoch, bytes, id, previousId, content };
  }

  private writeOwn(batch: SimBatch): void {
    this.world.appended?.(this, batch);
    this.write([batch]);
  }

  private write(batches: readonly SimBatch[]): void {
    this.log.append(batches);
    this.disk.write({ kind: 'append', batches });
  }

  /** Where a write alone makes durable, it does so at once. */
  private written(): void {
    const { logEnd, lastEpoch } = this.log;
    if (this.fsync || logEnd === 0) return;
    this.core.synced(logEnd, lastEpoch);
    this.drain();
  }

  private drain(): void {
    for (;;) {
      const effects = this.core.takeEffects();
      for (const effect of effects) {
        this.world.observe?.(this, effect);
        this.effects.push(effect);
        this.carryOut(effect);
      }
      if (effects.some(({ kind }) => kind === 'append' || kind === 'appendLeaderChange')) {
        this.written();
      }
      if (effects.length > 0) continue;
      if (this.woken) {
        this.woken = false;
        for (const follower of [...this.waiting.keys()]) this.answerWaiting(follower);
      } else if (this.changed) {
        this.changed = false;
        this.ask();
      } else return;
    }
  }

  private carryOut(effect: Effect): void {
    switch (effect.kind) {
      case 'appendLeaderChange':
        this.writeOwn(this.nextBatch('leaderChange', 1, 50));
        break;
      case 'append':
        this.write(effect.payload as SimBatch[]);
        break;
      case 'truncate':
        assert(effect.belowHighWatermark === effect.from < this.highWatermark, 'a wrong warning');
        this.highWatermark = Math.min(this.highWatermark, effect.from);
        this.log.truncate(effect.from);
        this.disk.write({ kind: 'truncate', from: effect.from });
        break;
      case 'clearTaint':
        this.disk.tainted = false;
        break;
      case 'highWatermark': {
        const highWatermark = Math.max(this.highWatermark, effect.highWatermark);
        this.highWatermark = highWatermark;
        this.disk.write({ kind: 'highWatermark', highWatermark });
        break;
      }
      case 'roleChanged':
        this.outstanding = undefined;
        if (effect.role === 'leader') this.core.sealed(this.log.seal);
        break;
      case 'positionChanged':
        this.changed = true;
        break;
      case 'wake':
        this.woken = true;
        break;
      case 'syncNow':
        this.startSync();
        break;
      default:
        this.world.call?.(this, effect);
        break;
    }
  }

  /** A request if none is out, otherwise a report. */
  private ask(): void {
    const position = this.core.position();
    const to = this.core.leader;
    if (position === undefined || to === undefined) return;
    if (this.outstanding !== undefined) {
      this.send({ type: 'report', to, position });
      return;
    }
    this.outstanding = { position, ticks: 0 };
    this.send({ type: 'fetch', to, position });
  }

  private answerWaiting(follower: ReplicaId, overdue = false): void {
    const request = this.waiting.get(follower);
    if (request === undefined) return;
    const { position } = request;
    const answer = this.core.answer(position);
    let batches: SimBatch[] = [];
    if (answer.kind === 'records') {
      batches = this.log.read(answer.from, maxAnswerBytes);
      const { highWatermark, syncThrough, untaint } = answer;
      const told = this.told.get(follower) ?? { highWatermark: -1, syncThrough: 0 };
      const news = highWatermark > told.highWatermark || syncThrough > told.syncThrough || untaint;
      if (batches.length === 0 && !overdue && !news) return;
      this.told.set(follower, { highWatermark, syncThrough });
    }
    this.waiting.delete(follower);
    const received = {
      ...answer,
      leader: this.id,
      offset: position.offset,
      batches,
      payload: batches,
    };
    const { incarnation: toIncarnation } = position;
    this.send({ type: 'answer', to: follower, toIncarnation, answer: received });
  }

  private expireWaits(): void {
    for (const [follower, request] of this.waiting) {
      request.ticks += 1;
      if (request.ticks >= waitTicks) this.answerWaiting(follower, true);
    }
    if (this.outstanding !== undefined && (this.outstanding.ticks += 1) >= answerTicks) {
      this.outstanding = undefined;
      this.changed = true;
    }
    this.drain();
  }

  private send(message: SimMessage): void {
    if (this.world.send === undefined) this.sent.push(message);
    else this.world.send(message);
  }
}
