// The reference for valid histories: a partition as one log with a commit point, whose leaders come and go. What is not
// committed may be cut at a change of leader; below the commit point only a reported loss cuts.
import type { Mode } from '../../history/events.js';
import type { Stage } from './stage.js';

export interface Entry {
  readonly epoch: number;
  /** null: a control record. */
  readonly value: string | null;
}

/** What the run's recorders can see. */
export interface Knowledge {
  readonly epochs: boolean;
  readonly leaders: boolean;
  readonly startOffsets: boolean;
  readonly watermarks: boolean;
}

/** A deposed leader that does not know it yet. */
export interface Zombie {
  readonly broker: number;
  readonly epoch: number;
  end: number;
}

export const BROKERS = [1, 2, 3];

export class ModelPartition {
  readonly topic = 'orders';
  readonly place: { readonly topic: string; readonly partition: number };
  log: Entry[] = [];
  logStart = 0;
  highWatermark = 0;
  leader = 1;
  epoch = 1;
  generation = 1;
  mode: Mode = 'raft';
  isSealed = false;
  zombie: Zombie | undefined;
  private readonly incarnations = new Map(BROKERS.map((broker) => [broker, 1]));
  private readonly followed = new Map<number, number>();

  constructor(
    private readonly stage: Stage,
    partition: number,
    readonly knowledge: Knowledge,
    private readonly onCut: (partition: ModelPartition, from: number) => void,
  ) {
    this.place = { topic: this.topic, partition };
    this.beginEpoch();
  }

  append(value: string | null): number {
    const { epoch, leader: broker } = this;
    const offset = this.log.push({ epoch, value }) - 1;
    if (this.stage.isExact) {
      const batch = { epoch, offset, count: 1, digest: `${value} in ${epoch}` };
      this.stage.tell('observer', { kind: 'append', ...this.place, broker, ...batch });
    }
    return offset;
  }

  /** Commits some of what is there. */
  advance(to = this.stage.between(this.highWatermark, this.log.length)): void {
    // Only what its leader wrote itself commits the rest.
    if (to <= this.highWatermark || this.log[to - 1].epoch !== this.epoch) return;
    this.highWatermark = to;
    this.followed.set(this.leader, to);
    if (this.knowledge.watermarks) this.tellWatermark(this.leader, 'leader', to);
  }

  /** A follower learns what is committed, in some order of its own. */
  follow(): void {
    const broker = this.stage.pick(BROKERS);
    if (broker === this.leader || !this.knowledge.watermarks) return;
    const known = Math.min(this.followed.get(broker) ?? 0, this.highWatermark);
    const highWatermark = this.stage.between(known, this.highWatermark);
    this.followed.set(broker, highWatermark);
    this.tellWatermark(broker, 'follower', highWatermark);
  }

  restart(broker: number): void {
    this.incarnations.set(broker, (this.incarnations.get(broker) ?? 0) + 1);
    this.followed.delete(broker);
  }

  /** Another one leads; it may lack what was not committed. */
  changeLeader(): void {
    const { stage } = this;
    const deposed = this.leader;
    const isKill = stage.chance(0.5);
    this.fault(isKill ? 'kill' : 'pause', deposed, 'begun');
    const end = this.log.length;
    if (!isKill) this.zombie = { broker: deposed, epoch: this.epoch, end };
    else {
      this.zombie = undefined;
      this.restart(deposed);
    }
    this.cut(stage.between(this.highWatermark, end));
    const next = BROKERS.filter((broker) => broker !== deposed);
    this.leader = stage.pick(isKill ? BROKERS : next);
    this.epoch += stage.between(1, 3);
    this.beginEpoch();
    this.fault(isKill ? 'kill' : 'pause', deposed, 'ended');
  }

  /** All copies of some committed records are gone, and the cluster says so. */
  lose(): void {
    const { stage } = this;
    if (this.highWatermark <= this.logStart + 1) return;
    const from = stage.between(Math.max(this.logStart, this.highWatermark - 6), this.highWatermark);
    this.fault('power-loss', this.leader, 'begun');
    for (const broker of BROKERS) this.restart(broker);
    this.zombie = undefined;
    this.cut(from);
    this.highWatermark = from;
    this.epoch += stage.between(1, 3);
    const loss = { epoch: this.epoch, offset: stage.chance(0.7) ? from : 0 };
    stage.tell('observer', { kind: 'loss', ...this.place, ...loss, reason: 'power loss of all' });
    this.leader = stage.pick(BROKERS);
    this.beginEpoch();
    this.fault('power-loss', this.leader, 'ended');
  }

  /** Begins a switch, seals, or ends it: one step each time. */
  switchOn(): void {
    const { stage, place, generation } = this;
    const to = this.mode === 'raft' ? 'fetch' : 'raft';
    const event = { kind: 'switch', ...place, to } as const;
    if (!this.isSealed) {
      stage.tell('observer', { ...event, phase: 'begun', generation });
      if (stage.chance(0.1)) {
        stage.tell('observer', { ...event, phase: 'aborted', generation });
        return;
      }
      this.isSealed = true;
      this.zombie = undefined;
      this.append(null);
      this.advance(this.log.length);
      return;
    }
    const seal = { sealEpoch: this.epoch, sealOffset: this.log.length - 1 };
    stage.tell('observer', { ...event, phase: 'sealed', generation, ...seal });
    this.isSealed = false;
    this.generation += 1;
    this.epoch += stage.between(1, 3);
    const { epoch } = this;
    const published = { generation: this.generation, epoch };
    if (stage.chance(0.2)) stage.tell('observer', { ...event, phase: 'aborted', ...published });
    else {
      this.mode = to;
      stage.tell('observer', { ...event, phase: 'done', ...published, ...seal });
    }
    this.leader = stage.pick(BROKERS);
    this.beginEpoch();
  }

  /** Retention. */
  deleteOldest(): void {
    this.logStart = this.stage.between(this.logStart, Math.floor(this.highWatermark / 2));
    this.stage.tellAtOnce('observer', { kind: 'log-start', ...this.place, offset: this.logStart });
  }

  tellReplicas(): void {
    const { stage, log, mode, generation, logStart, highWatermark } = this;
    const rows = log.map(({ epoch, value }, offset) => [offset, epoch, value] as const);
    for (const broker of BROKERS) {
      const digest = `${log.length} ${log.map(({ value }) => value).join()}`;
      stage.tellAtOnce('observer', {
        ...{ kind: 'replica', ...this.place, broker, mode, generation, logStart, highWatermark },
        digests: [[logStart, highWatermark, digest]],
        ...(this.knowledge.epochs && { records: rows.slice(logStart, highWatermark) }),
      });
    }
  }

  private beginEpoch(): void {
    const { stage, leader: broker, epoch, generation, mode, knowledge } = this;
    const incarnation = this.incarnations.get(broker) ?? 1;
    if (knowledge.leaders) {
      const start = knowledge.startOffsets ? { startOffset: this.log.length } : {};
      const led = { broker, incarnation, epoch, generation, mode, ...start };
      stage.tell('observer', { kind: 'leader', ...this.place, ...led });
    }
    this.append(null);
  }

  private cut(end: number): void {
    this.log.length = end;
    this.onCut(this, end);
  }

  private fault(fault: string, broker: number, phase: 'begun' | 'ended'): void {
    this.stage.tellAtOnce('nemesis', { kind: 'fault', fault, target: `broker-${broker}`, phase });
  }

  private tellWatermark(broker: number, role: 'leader' | 'follower', highWatermark: number): void {
    const { stage, epoch } = this;
    const seen = { broker, incarnation: this.incarnations.get(broker) ?? 1, role, epoch };
    const invokedAt = stage.isExact ? {} : { invokedAt: stage.now };
    const event = { ...this.place, ...seen, highWatermark, ...invokedAt };
    stage.tell('observer', { kind: 'watermark', ...event });
  }
}
