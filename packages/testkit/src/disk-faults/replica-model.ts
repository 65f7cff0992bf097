// What one replica was given, write by write, and what it was promised. The log may be found, after any fault, as it was
// after one of its writes: never before the last one that was promised to be on disk, never as it never was.
import { encodeBatch, readBatchHeader } from '@zhumq/model';
import type { BatchHeader } from '@zhumq/model';
import type {
  FlushPolicy,
  GenerationRecord,
  HardState,
  LogConfig,
  ReplicaIdentity,
  ReplicaLog,
} from '@zhumq/log';

export interface WrittenBatch {
  readonly header: BatchHeader;
  /** As it stands in the log. */
  readonly bytes: Buffer;
}

/** The log after a write. */
export interface Picture {
  readonly logStart: number;
  /** In order; those below the log start are gone, but what they tell of producers is known. */
  readonly batches: readonly WrittenBatch[];
  readonly hardState: HardState | undefined;
  readonly generation: GenerationRecord | undefined;
}

/** What a replica may rely on at a moment. */
export interface ReplicaPledge {
  readonly model: ReplicaModel;
  /** Pictures taken so far; no later one can be found. */
  readonly pictures: number;
  /** No picture before this one can be found. */
  readonly keptFrom: number;
  /** Everything below survives a power loss, and a kill. */
  readonly syncedEnd: number;
  readonly writtenEnd: number;
  readonly existence: 'unsure' | 'sure';
  readonly retirement: Retirement;
  /** The largest it was ever told. */
  readonly highWatermark: number;
  /** A snapshot is not taken over as a whole: what it tells of producers below the log start may be lost. */
  readonly isInstalling: boolean;
  /** The disk failed it, and it said so: it may have lost what its segments lack, if it says that, too. */
  readonly hasFailed: boolean;
}

export type Retirement = 'none' | 'asked' | 'sure';

const NEW: Picture = { logStart: 0, batches: [], hardState: undefined, generation: undefined };

export function endOf({ logStart, batches }: Picture): number {
  return Math.max(logStart, (batches.at(-1)?.header.lastOffset ?? -1) + 1);
}

/** The batches that can be read. */
export function heldBatches({ logStart, batches }: Picture): readonly WrittenBatch[] {
  return batches.filter(({ header }) => header.lastOffset >= logStart);
}

export class ReplicaModel {
  readonly pictures: Picture[];
  retirement: Retirement = 'none';
  failure: Error | undefined;
  /** What it holds was copied from another one, once. */
  isCopy = false;
  epoch: number;
  private log: ReplicaLog | undefined;
  private keptFrom = 0;
  private existence: ReplicaPledge['existence'];
  /** Picture of a write, by its sequence. */
  private readonly bySequence = new Map<number, number>();
  private reportedEnd = 0;
  private highWatermark = 0;
  /** The last pledge of a log that is closed. */
  private frozen: ReplicaPledge | undefined;
  private sequenceOfProducer = 0;
  private isInstalling = false;

  constructor(
    readonly identity: ReplicaIdentity,
    readonly config: LogConfig,
    /** What a start found; undefined for a new replica. */
    found?: {
      readonly picture: Picture;
      readonly epoch: number;
      readonly producerSequence: number;
    },
  ) {
    this.pictures = [found?.picture ?? NEW];
    this.existence = found === undefined ? 'unsure' : 'sure';
    // Epochs of two partitions differ, as far as a copy could take one for the other (log matching).
    this.epoch = found?.epoch ?? 1000 * Number.parseInt(identity.replicaId.slice(0, 8), 16);
    this.sequenceOfProducer = found?.producerSequence ?? 0;
  }

  get current(): Picture {
    return this.pictures[this.pictures.length - 1];
  }

  get flush(): FlushPolicy {
    return this.config.flush;
  }

  get producerSequence(): number {
    return this.sequenceOfProducer;
  }

  /** `onReport`: an acknowledgement came. */
  attach(log: ReplicaLog, onReport: (model: ReplicaModel, isState?: boolean) => void): void {
    this.log = log;
    log.config = this.config;
    this.reportedEnd = log.durableEnd;
    this.highWatermark = log.highWatermark;
    log.listener = {
      onDurable: (end) => {
        onReport(this);
        this.existence = 'sure';
        this.reportedEnd = end;
      },
      // Also of a replica that failed: a vote outlives the log.
      onHardStateDurable: (sequence) => {
        onReport(this, true);
        this.existence = 'sure';
        this.keptFrom = Math.max(this.keptFrom, this.bySequence.get(sequence) ?? 0);
      },
      onFailed: (error) => {
        if (this.log !== log) return;
        this.look();
        this.failure = error;
      },
    };
  }

  /** The process ends or the replica goes: what was promised by now stays promised. */
  freeze(): void {
    this.frozen ??= this.pledge();
    this.log = undefined;
  }

  /** What was only written is promised no more. */
  losePower(): void {
    this.freeze();
    if (this.frozen === undefined) return;
    this.frozen = { ...this.frozen, writtenEnd: this.frozen.syncedEnd };
  }

  get isFrozen(): boolean {
    return this.frozen !== undefined;
  }

  /** A start found it out of service. */
  failAtStart(error: Error): void {
    this.freeze();
    this.failure = error;
  }

  pledge(): ReplicaPledge {
    if (this.frozen !== undefined) {
      const { failure, frozen, retirement } = this;
      return { ...frozen, retirement, hasFailed: frozen.hasFailed || failure !== undefined };
    }
    this.look();
    const { log, failure } = this;
    const synced = failure === undefined ? (log?.syncedEnd ?? 0) : 0;
    const reported = this.flush === 'fsync' ? this.reportedEnd : 0;
    return {
      model: this,
      pictures: this.pictures.length,
      keptFrom: this.keptFrom,
      syncedEnd: Math.max(synced, reported),
      writtenEnd: this.reportedEnd,
      existence: this.existence,
      retirement: this.retirement,
      highWatermark: this.highWatermark,
      isInstalling: this.isInstalling,
      hasFailed: failure !== undefined,
    };
  }

  // ---- writes

  append(
    log: ReplicaLog,
    records: readonly Buffer[],
    timestamp: number,
    idempotent: boolean,
  ): void {
    this.look();
    const options = idempotent
      ? { producerId: 7, producerEpoch: 0, baseSequence: this.sequenceOfProducer }
      : {};
    const inputs = records.map((value) => ({ timestamp, key: null, value }));
    const batch = encodeBatch(inputs, options);
    log.appendAsLeader(batch, readBatchHeader(batch), this.epoch);
    if (idempotent) this.sequenceOfProducer += records.length;
    this.push({ batches: [...this.current.batches, written(batch)] });
  }

  /** Removes the last `count` batches; what comes next has another epoch (rule 4). */
  truncate(log: ReplicaLog, count: number): void {
    this.look();
    const { batches, logStart } = this.current;
    const kept = batches.slice(0, Math.max(0, batches.length - count));
    const from = Math.max(logStart, (kept.at(-1)?.header.lastOffset ?? -1) + 1);
    if (from >= log.logEnd || from < log.highWatermark) return;
    this.reportedEnd = Math.min(this.reportedEnd, from);
    log.truncate(from);
    this.epoch++;
    this.takeSequenceOf(kept);
    this.push({ batches: kept });
  }

  saveHardState(log: ReplicaLog, hardState: HardState): void {
    this.look();
    this.bySequence.set(log.saveHardState(hardState), this.pictures.length);
    this.push({ hardState });
  }

  saveGeneration(log: ReplicaLog, generation: GenerationRecord): void {
    this.look();
    this.bySequence.set(log.saveGeneration(generation), this.pictures.length);
    this.push({ generation });
  }

  setHighWatermark(log: ReplicaLog, offset: number): void {
    log.setHighWatermark(offset);
    this.highWatermark = Math.max(this.highWatermark, log.highWatermark);
  }

  startOver(log: ReplicaLog): void {
    this.look();
    log.startOver();
    this.wasReset({ ...this.current, logStart: 0, batches: [] });
  }

  /** A snapshot of `source` is being taken over: the log begins anew. */
  beginInstall(source: Picture, logStart: number): void {
    this.look();
    const batches = source.batches.filter(({ header }) => header.lastOffset < logStart);
    this.wasReset({ ...this.current, logStart, batches });
    this.isInstalling = true;
    this.isCopy = true;
  }

  installed(source: Picture, end: number): void {
    if (end <= endOf(this.current)) return;
    this.push({ batches: source.batches.filter(({ header }) => header.lastOffset < end) });
    this.epoch = Math.max(this.epoch, (this.current.batches.at(-1)?.header.epoch ?? 0) + 1);
  }

  /** All of the snapshot is there, and it is committed; it counts when it is synced. */
  finishesInstall(end: number): void {
    this.highWatermark = Math.max(this.highWatermark, end);
  }

  finishedInstall(): void {
    this.isInstalling = false;
  }

  /** Everything so far is on disk, and so is the log start. */
  synced(): void {
    if (this.frozen !== undefined) return;
    this.look();
    this.existence = 'sure';
    this.keptFrom = this.pictures.length - 1;
  }

  private wasReset(picture: Picture): void {
    this.isInstalling = false;
    this.reportedEnd = picture.logStart;
    this.epoch++;
    this.takeSequenceOf(picture.batches);
    this.push(picture);
  }

  private takeSequenceOf(batches: readonly WrittenBatch[]): void {
    const last = batches.findLast(({ header }) => header.producerId >= 0)?.header;
    this.sequenceOfProducer = last === undefined ? 0 : last.baseSequence + last.recordsCount;
  }

  /** The log start moves by itself while segments are deleted. */
  private look(): void {
    const { log } = this;
    if (log === undefined || this.failure !== undefined) return;
    const { logStart } = log;
    if (logStart > this.current.logStart) this.push({ logStart });
  }

  private push(change: Partial<Picture>): void {
    this.pictures.push({ ...this.current, ...change });
  }
}

/** A batch as the log stamped it. */
export function written(stamped: Buffer): WrittenBatch {
  return { header: readBatchHeader(stamped), bytes: Buffer.from(stamped) };
}
