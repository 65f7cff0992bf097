// The scripted work of an enumeration: everything that the log does to its files, over several lives of the broker. The
// same seed does the same operations in the same order; a fault that the disk reports changes what follows, as it would
// anywhere.
import { ZhumqError } from '@zhumq/base';
import type { Random } from '@zhumq/base';
import { encodeBatch, isError, readBatchHeader } from '@zhumq/model';
import type {
  FlushPolicy,
  GenerationRecord,
  HardState,
  LogConfig,
  ReplicaIdentity,
  ReplicaLog,
} from '@zhumq/log';
import { CONFIG, turns, within } from './store-host.js';
import type { StoreHost } from './store-host.js';
import { endOf } from './replica-model.js';
import type { ReplicaModel } from './replica-model.js';

/** More turns of the event loop than anything in a workload takes. */
const LIMIT_TURNS = 3000;
const VALUES = [20, 20, 60, 150, 150, 400, 1500];
/** Committed, as a rule, up to so many batches before the end: what may still be truncated. */
const UNCOMMITTED = 3;

/** What a disk that fails makes of calls: a typed error, or the system's own. */
export function isExpected(error: unknown, host: StoreHost): boolean {
  if (error instanceof ZhumqError) return true;
  // Once the log has failed the process is to end; what its calls say then is nobody's business.
  if (host.fatal !== undefined) return true;
  const code = (error as { code?: unknown }).code;
  return code === 'EIO' || code === 'ENOSPC';
}

/** Nothing when retention has taken the segment meanwhile: the copy breaks off, and begins anew another time. */
async function readPiece(
  log: ReplicaLog,
  baseOffset: number,
  position: number,
  maxBytes: number,
): Promise<Buffer> {
  try {
    return await log.readSegment(baseOffset, position, maxBytes);
  } catch (error) {
    if (isError(error, 'OFFSET_OUT_OF_RANGE')) return Buffer.alloc(0);
    throw error;
  }
}

export class Workload {
  /** Errors that no fault of a disk explains. */
  readonly broken: string[] = [];
  /** Everything that was refused; a disk that does not fail refuses nothing. */
  readonly failures: unknown[] = [];
  private isOver = false;
  private readonly background: Promise<void>[] = [];
  private round = 0;
  private written = 0;

  constructor(
    private readonly host: StoreHost,
    private readonly random: Random,
  ) {}

  /** A new directory: replicas of all kinds come, are written, copied, cut, deleted. */
  async firstLife(): Promise<void> {
    await this.try('join a cluster', async () => {
      await this.host.store.adoptCluster('c1'.repeat(16));
      this.host.clusterId = 'c1'.repeat(16);
    });
    this.make('orders', 0, 1, 'fsync');
    this.make('orders', 1, 2, 'interval');
    this.make('orders', 2, 3, 'os');
    this.make('logs', 0, 4, 'fsync', { retentionBytes: 2500 });
    this.make('metrics', 0, 5, 'interval', { retentionBytes: 2500 });
    await this.rounds(4);
    this.make('short', 0, 6, 'fsync');
    this.make('aside', 0, 7, 'fsync');
    await this.rounds(2);
    this.later('retention', () => this.retain());
    await this.rounds(2);
    this.make('copy', 0, 8, 'fsync');
    await this.try('copy', () => this.copy('logs', 'copy', true));
    await this.try('checkpoint', () => this.host.store.checkpoint());
    await this.rounds(1);
    await this.try('copy again', () => this.copy('logs', 'copy', false));
    this.later('deletion', () => this.remove('short'));
    await this.rounds(1);
    // The same partition again, of a topic that was deleted and made anew.
    this.make('short', 0, 9, 'fsync');
    await this.rounds(1);
    this.later('quarantine', () => this.setAside('aside'));
    await this.rounds(1);
    await this.try('retention', () => this.retain());
    await this.settleBackground();
  }

  async secondLife(): Promise<void> {
    await this.rounds(2);
    this.startOver('copy');
    await this.rounds(1);
    await this.try('retention', () => this.retain());
    if (this.find('late') === undefined) this.make('late', 0, 10, 'interval');
    await this.rounds(1);
    this.later('copy', () => this.copy('metrics', 'late', true));
    await turns(this.random.below(4));
  }

  /** After a power loss: the replicas are tainted first, then the start is settled. */
  async lastLife(): Promise<void> {
    for (const model of this.models()) this.saveHardState(model, true);
    await turns(6);
    await this.try('settle', () => this.host.store.settleUncleanStart());
    await this.rounds(2);
    await this.settleBackground();
  }

  async close(): Promise<void> {
    const { host } = this;
    host.clean = host.store.cleanStart ? 'maybe' : 'never';
    const wasClean = host.clean === 'maybe';
    await this.try('close', async () => {
      await host.store.close();
      if (wasClean) host.clean = 'surely';
    });
  }

  /** The process is gone: what its calls say now, nobody hears. */
  end(): void {
    this.isOver = true;
  }

  /** Nothing of an earlier life goes on into the next. */
  async settleBackground(): Promise<void> {
    const all = Promise.all(this.background.splice(0));
    await this.try('work in the background', async () => void (await all));
  }

  /** An append and a hard state for everybody: whatever was found, life goes on. */
  async goOn(): Promise<void> {
    for (const model of this.models()) {
      this.append(model);
      this.saveHardState(model, false);
    }
    await turns(6);
  }

  private async rounds(count: number): Promise<void> {
    for (let at = 0; at < count && this.host.fatal === undefined; at++) {
      this.round++;
      for (const model of this.models()) {
        for (let writes = 1 + this.random.below(3); writes > 0; writes--) this.step(model);
      }
      if (this.round % 5 === 0) await this.try('checkpoint', () => this.host.store.checkpoint());
      this.host.clock.advance(20);
      await turns(1 + this.random.below(4));
    }
  }

  private step(model: ReplicaModel): void {
    const { random } = this;
    const dice = random.below(20);
    if (dice < 11) this.append(model);
    else if (dice < 13) this.attempt(model, (log) => model.truncate(log, 1 + random.below(3)));
    else if (dice < 15) this.saveHardState(model, false);
    else if (dice < 16) this.saveGeneration(model);
    else if (dice < 17) this.later('sync', () => this.sync(model));
    else if (dice < 18) this.later('read', () => this.read(model));
    else this.commit(model);
  }

  private append(model: ReplicaModel): void {
    const { random } = this;
    this.attempt(model, (log) => {
      const values: Buffer[] = [];
      for (let count = 1 + random.below(3); count > 0; count--) {
        const value = Buffer.alloc(VALUES[random.below(VALUES.length)], '.');
        value.write(`${model.identity.topic}-${model.identity.partition} #${++this.written}`);
        values.push(value);
      }
      const idempotent = model.identity.partition === 0;
      model.append(log, values, 1_000_000 + this.written * 10, idempotent);
    });
  }

  private commit(model: ReplicaModel): void {
    this.attempt(model, (log) => {
      const { batches } = model.current;
      const committed = batches.slice(0, Math.max(0, batches.length - UNCOMMITTED)).at(-1);
      if (committed !== undefined) model.setHighWatermark(log, committed.header.lastOffset + 1);
    });
  }

  private saveHardState(model: ReplicaModel, tainted: boolean): void {
    const before = model.current.hardState;
    const hardState: HardState = {
      generation: before?.generation ?? 1,
      term: (before?.term ?? 0) + 1,
      vote: this.random.below(2) === 0 ? undefined : 'ab'.repeat(16),
      closed: before?.closed ?? false,
      tainted,
      taintReason: tainted ? 'stopped uncleanly' : '',
    };
    this.attempt(model, (log) => model.saveHardState(log, hardState));
  }

  private saveGeneration(model: ReplicaModel): void {
    const before = model.current.generation;
    const generation: GenerationRecord = {
      generation: (before?.generation ?? 0) + 1,
      mode: this.random.below(2) === 0 ? 'raft' : 'fetch',
      epoch: model.epoch,
      seal: { epoch: model.epoch, offset: endOf(model.current) },
      voters: [model.identity.replicaId],
    };
    this.attempt(model, (log) => model.saveGeneration(log, generation));
  }

  private startOver(topic: string): void {
    const model = this.find(topic);
    if (model !== undefined) this.attempt(model, (log) => model.startOver(log));
  }

  private async sync(model: ReplicaModel): Promise<void> {
    const pictures = model.pictures.length;
    await this.host.log(model)?.sync();
    if (model.pictures.length === pictures) model.synced();
  }

  private async read(model: ReplicaModel): Promise<void> {
    const log = this.host.log(model);
    if (log === undefined || log.logEnd === log.logStart) return;
    const from = log.logStart + this.random.below(log.logEnd - log.logStart);
    await log.read(from, log.logEnd, 2000);
    await log.offsetForTime(1_000_000 + this.random.below(this.written * 10), log.logEnd);
  }

  private async retain(): Promise<void> {
    for (const model of this.models()) {
      const log = this.host.log(model);
      if (log === undefined) continue;
      this.commit(model);
      if (model.config.retentionBytes >= 0) await log.enforceRetention(this.host.clock.wallMs());
      else if (model.identity.partition === 2) await log.deleteBefore(log.highWatermark);
    }
  }

  /** As a peer behind the log start does it; `half`: breaks off in the middle. */
  private async copy(from: string, to: string, half: boolean): Promise<void> {
    const [source, target] = [this.find(from), this.find(to)];
    const log = source && this.host.log(source);
    const copy = target && this.host.log(target);
    if (source === undefined || target === undefined) return;
    if (log === undefined || copy === undefined || log.highWatermark <= log.logStart) return;
    const { state, segments } = log.snapshotState(log.highWatermark);
    const batches = source.current.batches.filter(
      ({ header }) => header.lastOffset < state.endOffset,
    );
    const picture = { ...source.current, batches };
    const before = copy.logEnd;
    const { installedEnd } = copy.beginInstall(state);
    if (installedEnd === state.logStart || installedEnd !== before) {
      target.beginInstall(picture, state.logStart);
    }
    for (const { baseOffset, bytes } of segments) {
      for (let position = 0; position < bytes;) {
        const piece = await readPiece(log, baseOffset, position, Math.min(500, bytes - position));
        if (piece.length === 0) return;
        copy.installChunk(baseOffset, piece);
        target.installed(picture, copy.logEnd);
        position += piece.length;
      }
      if (half && baseOffset > state.logStart) return;
    }
    const pictures = target.pictures.length;
    target.finishesInstall(state.endOffset);
    await copy.finishInstall();
    target.finishedInstall();
    target.setHighWatermark(copy, copy.logEnd);
    if (target.pictures.length === pictures) target.synced();
  }

  private async remove(topic: string): Promise<void> {
    const model = this.find(topic);
    if (model === undefined) return;
    model.freeze();
    model.retirement = 'asked';
    await this.host.store.deleteReplica(model.identity.replicaId);
    model.retirement = 'sure';
  }

  private async setAside(topic: string): Promise<void> {
    const model = this.find(topic);
    if (model === undefined) return;
    model.freeze();
    model.retirement = 'asked';
    await this.host.store.quarantine(model.identity.replicaId, 'somebody wanted it');
    model.retirement = 'sure';
  }

  private make(
    topic: string,
    partition: number,
    number: number,
    flush: FlushPolicy,
    config: Partial<LogConfig> = {},
  ): void {
    const identity: ReplicaIdentity = {
      ...{ topic, partition, topicId: String(number).padStart(2, '0').repeat(16) },
      replicaId: number.toString(16).padStart(8, '0').repeat(4),
    };
    this.guard(
      'make a replica',
      () => void this.host.create(identity, { ...CONFIG, ...config, flush }),
    );
  }

  private models(): ReplicaModel[] {
    return [...this.host.models.values()].filter(({ retirement }) => retirement === 'none');
  }

  private find(topic: string): ReplicaModel | undefined {
    return this.models().find(({ identity }) => identity.topic === topic);
  }

  /** A call that answers at once; of a replica that is out of service it must be refused (rule 4). */
  private attempt(
    model: ReplicaModel,
    action: (log: NonNullable<ReturnType<StoreHost['log']>>) => void,
  ): void {
    const log = this.host.log(model);
    if (log !== undefined) this.guard(`write to ${model.identity.topic}`, () => action(log));
    else if (model.failure !== undefined) this.checkRefusal(model);
  }

  private checkRefusal({ identity, epoch }: ReplicaModel): void {
    const { topic, partition, replicaId } = identity;
    if (this.host.fatal !== undefined) return;
    const batch = encodeBatch([{ timestamp: 1, key: null, value: null }]);
    try {
      const failed = this.host.store.replica(replicaId);
      failed?.appendAsLeader(batch, readBatchHeader(batch), epoch);
      if (failed !== undefined) this.broken.push(`${topic}-${partition} failed, and appends again`);
    } catch (error) {
      this.judge(`write to ${topic} after it failed`, error);
    }
  }

  private guard(what: string, action: () => void): void {
    try {
      action();
    } catch (error) {
      this.judge(what, error);
    }
  }

  private later(what: string, action: () => Promise<void>): void {
    this.background.push(this.try(what, action));
  }

  private async try(what: string, action: () => Promise<void>): Promise<void> {
    if (this.host.fatal !== undefined) return;
    try {
      await within(what, LIMIT_TURNS, action(), () => this.isOver);
    } catch (error) {
      this.judge(what, error);
    }
  }

  private judge(what: string, error: unknown): void {
    if (this.isOver) return;
    const stack = error instanceof Error ? error.stack : String(error);
    if (!isExpected(error, this.host)) this.broken.push(`${what}: ${stack}`);
    this.failures.push(error);
  }
}
