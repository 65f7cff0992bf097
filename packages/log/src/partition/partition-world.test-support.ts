// A partition log on a disk that can fail, under a store in miniature: frames are gathered, written and synced as the
// store does it, kept in memory, and replayed after a restart.
import { SeededRandom } from '@zhumq/base';
import type { Random } from '@zhumq/base';
import { encodeBatch, readBatchHeader } from '@zhumq/model';
import type { EncodeOptions } from '@zhumq/model';
import { FaultyFileSystem } from '../file-system/faulty-file-system.js';
import type {
  CheckpointRow,
  LogConfig,
  LogSlice,
  Offset,
  ReplicaSeat,
  WalRecord,
} from '../types.js';
import { PartitionFactory } from './partition-factory.js';
import type { PartitionLog } from './partition-log.js';

export const DIRECTORY = '/data/orders-0.11111111';

export const CONFIG: LogConfig = {
  flush: 'fsync',
  flushIntervalMs: 1000,
  segmentBytes: 1 << 20,
  segmentMs: 1e12,
  indexIntervalBytes: 256,
  retentionMs: -1,
  retentionBytes: -1,
  producerExpirationMs: 1e12,
};

interface Frame {
  readonly record: WalRecord;
  state: 'gathered' | 'written' | 'durable';
}

export class PartitionWorld {
  readonly fileSystem = new FaultyFileSystem();
  readonly durable: { end: Offset; epoch: number }[] = [];
  readonly states: number[] = [];
  readonly failures: Error[] = [];
  private lostPower = false;
  /** Memory and open files; takes effect at the next opening. */
  limits = {
    blockCacheBytes: 1 << 20,
    tailBytes: 1 << 20,
    openFiles: 64,
    deriveAfterBytes: 1 << 20,
    blockBytes: 1 << 18,
  };
  config: LogConfig;
  factory!: PartitionFactory;
  log!: PartitionLog;
  row: CheckpointRow | undefined;
  frames: Frame[] = [];
  syncsAsked: number[] = [];
  private isDirty = false;

  constructor(
    config: Partial<LogConfig> = {},
    readonly directory = DIRECTORY,
  ) {
    this.config = { ...CONFIG, ...config };
    this.fileSystem.makeDirectorySync(directory);
  }

  /** A new log in an empty folder, its folder on disk. */
  static async make(
    config: Partial<LogConfig> = {},
    limits: Partial<PartitionWorld['limits']> = {},
  ): Promise<PartitionWorld> {
    const world = new PartitionWorld(config);
    Object.assign(world.limits, limits);
    for (const path of ['/', '/data']) await world.fileSystem.syncDirectory(path);
    world.factory = new PartitionFactory(world.fileSystem, world.limits);
    world.take(world.factory.create(world.seat()) as PartitionLog);
    return world;
  }

  /** One batch of `count` records, appended as leader. */
  append(
    epoch = 1,
    count = 1,
    options: EncodeOptions & { timestamp?: number; bytes?: number } = {},
  ): { baseOffset: Offset; lastOffset: Offset } {
    const batch = makeBatch(count, options);
    return this.log.appendAsLeader(batch, readBatchHeader(batch), epoch);
  }

  /** The end of a tick: frames, segments, sync of the write-ahead log. */
  tick(options: { synced?: boolean } = {}): void {
    for (const frame of this.frames) if (frame.state === 'gathered') frame.state = 'written';
    this.isDirty = false;
    this.log.writeSegments();
    if (options.synced === false) return;
    for (const frame of this.frames) frame.state = 'durable';
    const last = this.frames.at(-1)?.record.sequence;
    if (last !== undefined) this.log.onWalDurable(last);
    if (this.isDirty) this.tick();
  }

  async checkpoint(): Promise<void> {
    const reached = this.log.markSync();
    this.tick();
    await this.log.syncSegments();
    reached();
    this.row = this.log.checkpointRow();
    this.lostPower = false;
    const { sequence } = this.row;
    this.frames = this.frames.filter(({ record }) => record.sequence > sequence);
  }

  /** A sync of everything, as the store does it. */
  async sync(segments = true): Promise<void> {
    const reached = this.log.markSync();
    this.tick();
    if (segments) await this.log.syncSegments();
    reached();
  }

  /** The process ends and starts again; the machine keeps running. */
  /**
   * Killed; `keptAll` false: some other trouble has changed what was in the files since. After a power loss nobody claims that
   * all was kept before the checkpoint that ends a start.
   */
  async restart(keptAll = !this.lostPower): Promise<PartitionLog> {
    this.fileSystem.kill();
    this.frames = this.frames.filter(({ state }) => state !== 'gathered');
    return this.open(keptAll);
  }

  /** Power loss: of what was not synced some is left. */
  async crash(random: Random = new SeededRandom(1)): Promise<PartitionLog> {
    this.fileSystem.crash(random);
    this.lostPower = true;
    const written = this.frames.filter(({ state }) => state === 'written').length;
    const kept = random.below(written + 1);
    const durable = this.frames.filter(({ state }) => state === 'durable');
    const survivors = this.frames.filter(({ state }) => state === 'written').slice(0, kept);
    this.frames = [...durable, ...survivors];
    return this.open(false);
  }

  async open(keptAll = true): Promise<PartitionLog> {
    this.factory = new PartitionFactory(this.fileSystem, this.limits);
    const recovery = this.factory.recover(this.seat(), this.row, keptAll);
    for (const { record } of this.frames) recovery.replay(copyOf(record));
    const log = (await recovery.finish()) as PartitionLog;
    for (const frame of this.frames) if (frame.state === 'written') frame.state = 'durable';
    this.take(log);
    return log;
  }

  /** Everything that can be read from `from` on, in as many reads as it takes. */
  async readAll(from = this.log.logStart, maxBytes = 1 << 20): Promise<Buffer> {
    const parts: Buffer[] = [];
    for (let at = from; at < this.log.logEnd;) {
      const slice = await this.log.read(at, this.log.logEnd, maxBytes);
      if (slice.bytes === 0) throw new Error(`nothing to read at ${at} of ${this.log.logEnd}`);
      parts.push(...slice.buffers);
      at = slice.endOffset;
    }
    return Buffer.concat(parts);
  }

  path(base: Offset, suffix = '.log'): string {
    return `${this.directory}/${String(base).padStart(20, '0')}${suffix}`;
  }

  bases(): Offset[] {
    return this.fileSystem
      .listSync(this.directory)
      .filter((name) => name.endsWith('.log'))
      .map((name) => Number(name.slice(0, 20)));
  }

  seat(): ReplicaSeat {
    return {
      identity: {
        topic: 'orders',
        topicId: 'a'.repeat(32),
        partition: 0,
        replicaId: '1'.repeat(32),
      },
      directory: this.directory,
      config: this.config,
      wal: {
        write: (record) => void this.frames.push({ record: copyOf(record), state: 'gathered' }),
        markDirty: () => (this.isDirty = true),
        syncWithin: (ms) => void this.syncsAsked.push(ms),
        sync: (segments) => this.sync(segments),
      },
    };
  }

  private take(log: PartitionLog): void {
    this.log = log;
    log.listener = {
      onDurable: (end, epoch) => void this.durable.push({ end, epoch }),
      onHardStateDurable: (sequence) => void this.states.push(sequence),
      onFailed: (error) => void this.failures.push(error),
    };
  }
}

/** A batch as a producer sends it. */
export function makeBatch(
  count: number,
  options: EncodeOptions & { timestamp?: number; bytes?: number } = {},
): Buffer {
  const { timestamp = 1000, bytes = 20 } = options;
  const records = Array.from({ length: count }, (_, at) => ({
    timestamp,
    key: null,
    value: Buffer.alloc(bytes, at + 1),
  }));
  return encodeBatch(records, options);
}

export function bytesOf(slice: LogSlice): Buffer {
  return Buffer.concat(slice.buffers);
}

function copyOf(record: WalRecord): WalRecord {
  if (record.kind !== 'append' || record.payload === undefined) return record;
  return { ...record, payload: [Buffer.concat(record.payload)] };
}
