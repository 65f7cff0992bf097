// One mutated data directory: opened, read, written to, closed. Whatever was done to it, the log answers with records that
// were written there, or with an error that says what is wrong; and it deletes nothing.
import { SeededRandom, ZhumqError } from '@zhumq/base';
import { FaultyFileSystem, dumpPartition, verifyPartition } from '@zhumq/log';
import type { FileSystem, LogStore, ReplicaLog } from '@zhumq/log';
import { encodeBatch, forEachBatch, readBatchHeader } from '@zhumq/model';
import { heldBatches } from '../../disk-faults/replica-model.js';
import type { ReplicaPledge } from '../../disk-faults/replica-model.js';
import { turns, within } from '../../disk-faults/store-host.js';
import { measured } from './meters.js';
import type { Cost } from './meters.js';
import { mutate } from './mutations.js';
import type { Forgeries, Image } from './mutations.js';
import { openStore } from './shapes.js';
import type { Shape } from './shapes.js';
import { hasUnprotectedDamage } from './wal-claims.js';

const LIMIT_TURNS = 5000;
/** A stretch that was longer is tried again: a collection of garbage is no hang. */
const ATTEMPTS = 8;
/** Buffers asked for in a case: so many times the bytes of the directory, and a constant. */
const ALLOCATED_TIMES = 24;
const ALLOCATED_CONSTANT = 8 * 1024 * 1024;
const LARGEST_CONSTANT = 1024 * 1024 + 4096;

/** `whole`: everything is as promised; `told`: something is not, and that is said; `refused`: it does not open. */
export type DataVerdict = 'whole' | 'told' | 'refused';

export interface DataCaseReport {
  readonly mutations: readonly string[];
  readonly verdict: DataVerdict;
  readonly violations: readonly string[];
  readonly cost: Cost;
}

/** `maxStretchMs`: so long the event loop may stand still, in time of the processor. */
export async function runDataCase(
  shape: Shape,
  seed: number,
  maxStretchMs: number,
): Promise<DataCaseReport> {
  const isSlow = (cost: Cost): boolean => cost.longestStretchMs > maxStretchMs;
  let report = await attempt(shape, seed);
  for (let more = 1; more < ATTEMPTS && isSlow(report.cost); more++) {
    report = await attempt(shape, seed);
  }
  const { cost, violations } = report;
  if (!isSlow(cost)) return report;
  const slow = `the event loop stood still for ${cost.longestStretchMs.toFixed(1)} ms`;
  return { ...report, violations: [...violations, slow] };
}

async function attempt(shape: Shape, seed: number): Promise<DataCaseReport> {
  const random = new SeededRandom(seed);
  const image: Image = new Map();
  for (const path of shape.disk.files()) image.set(path, shape.disk.contentOf(path));
  const before = new Map(image);
  const mutations: string[] = [];
  const forgeries: Forgeries = { batches: [], frames: 0 };
  const count = 1 + (random.below(3) === 0 ? random.below(5) : 0);
  for (let at = 0; at < count; at++) {
    mutations.push(mutate(image, random, shape.pledges.directoryId ?? '', forgeries));
  }
  const opened = new OpenedDirectory(shape, image, forgeries, before);
  const cost = await measured(() => opened.run());
  opened.checkCost(cost);
  const { verdict, violations } = opened;
  return { mutations, verdict, violations, cost };
}

class OpenedDirectory {
  verdict: DataVerdict = 'whole';
  readonly violations: string[] = [];
  private readonly disk: FaultyFileSystem;
  private readonly bytes: number;
  private fatal = false;
  /** What was promised must be there, or its loss be told: no frame was forged, none hit behind the last durable mark. */
  private readonly isProtected: boolean;
  /** First digits of the ids of replicas that were opened without damage. */
  private readonly healthy = new Set<string>();
  /** Replicas that say that they are not whole. */
  private readonly told = new Set<string>();

  constructor(
    private readonly shape: Shape,
    private readonly image: Image,
    private readonly forgeries: Forgeries,
    before: Image,
  ) {
    const directoryId = shape.pledges.directoryId ?? '';
    this.isProtected = forgeries.frames === 0 && !hasUnprotectedDamage(image, before, directoryId);
    this.disk = new FaultyFileSystem();
    this.disk.recording = false;
    this.bytes = putImage(this.disk, image);
    this.disk.device = () => turns(1);
  }

  async run(): Promise<void> {
    const { disk, shape } = this;
    let store: LogStore;
    try {
      const opening = openStore(disk, shape.pledges.bootId, () => (this.fatal = true));
      store = await within('opening', LIMIT_TURNS, opening);
    } catch (error) {
      this.verdict = 'refused';
      this.expectTyped('opening', error);
      await this.inspect(disk);
      this.checkFiles();
      return;
    }
    for (const { damage, identity } of store.replicas()) {
      if (damage === undefined) this.healthy.add(identity.replicaId.slice(0, 8));
    }
    for (const pledge of shape.pledges.replicas) await this.checkReplica(store, pledge);
    await this.inspect(disk);
    await this.goOn(store);
    await this.guard('closing', () => store.close());
    this.checkFiles();
    if (this.told.size > 0 || store.corruption.length > 0) this.verdict = 'told';
    if (this.fatal) this.violations.push('the write-ahead log failed');
  }

  checkCost({ allocatedBytes, largestBytes }: Cost): void {
    const allowed = ALLOCATED_TIMES * this.bytes + ALLOCATED_CONSTANT;
    if (allocatedBytes > allowed) {
      this.violations.push(`${allocatedBytes} bytes of buffers for a directory of ${this.bytes}`);
    }
    if (largestBytes > this.bytes + LARGEST_CONSTANT) {
      this.violations.push(`a buffer of ${largestBytes} bytes for a directory of ${this.bytes}`);
    }
  }

  private async checkReplica(store: LogStore, pledge: ReplicaPledge): Promise<void> {
    const { model, existence, retirement } = pledge;
    const { replicaId } = model.identity;
    const log = store.replica(replicaId);
    const isTold = store.corruption.length > 0 || store.quarantinedAtStart.length > 0;
    if (log === undefined) {
      if (existence === 'sure' && retirement === 'none') this.told.add(replicaId);
      // Frames with right checksums are believed, whoever wrote them.
      if (!this.isProtected) return;
      if (
        existence === 'sure' &&
        retirement === 'none' &&
        !isTold &&
        !this.isLost(store, replicaId)
      ) {
        this.say(pledge, 'is gone without a word');
      }
      return;
    }
    if (log.damage !== undefined) this.told.add(replicaId);
    if (log.damage !== undefined) return;
    const served = await this.readAll(pledge, log);
    if (served === undefined) {
      this.told.add(replicaId);
      return;
    }
    if (this.told.has(replicaId) || isTold || existence === 'unsure') return;
    if (this.isProtected) this.checkPromises(pledge, log, served);
  }

  private isLost(store: LogStore, replicaId: string): boolean {
    return store.lostReplicas().some(({ log }) => log.identity.replicaId === replicaId);
  }

  /** Batches by base offset; undefined when an error said that they can not be had. */
  private async readAll(
    pledge: ReplicaPledge,
    log: ReplicaLog,
  ): Promise<ReadonlyMap<number, Buffer> | undefined> {
    const written = everythingWritten(pledge);
    const served = new Map<number, Buffer>();
    try {
      for (let at = log.logStart; at < log.logEnd;) {
        const slice = await log.read(at, log.logEnd, 700);
        const content = Buffer.concat(slice.buffers);
        forEachBatch(content, ({ baseOffset, sizeBytes }, position) => {
          const batch = content.subarray(position, position + sizeBytes);
          const isKnown = written.get(baseOffset)?.some((bytes) => bytes.equals(batch)) === true;
          if (!isKnown && !this.forgeries.batches.some((bytes) => bytes.equals(batch))) {
            this.say(pledge, `serves a batch at ${baseOffset} that was never written there`);
          }
          served.set(baseOffset, batch);
        });
        if (slice.endOffset <= at) throw new Error(`nothing to read at ${at}`);
        at = slice.endOffset;
      }
      await log.offsetForTime(1_000_100, log.logEnd);
    } catch (error) {
      this.expectTyped('reading', error);
      return undefined;
    }
    return served;
  }

  /** Nobody said that anything is missing. */
  private checkPromises(
    pledge: ReplicaPledge,
    log: ReplicaLog,
    served: ReadonlyMap<number, Buffer>,
  ): void {
    const { keptFrom, model, pictures, syncedEnd } = pledge;
    // Until a checkpoint accounts for them, bytes that stand in segments only may be a torn tail (rule 9).
    const isAccounted = this.shape.isClosed || (model.flush === 'fsync' && !model.isCopy);
    const end = isAccounted ? syncedEnd : 0;
    for (const { header, bytes } of heldBatches(model.pictures[pictures - 1])) {
      const { baseOffset, lastOffset } = header;
      if (lastOffset >= end || lastOffset < log.logStart) continue;
      const there = served.get(baseOffset);
      if (there !== undefined && (there.equals(bytes) || this.forgeries.batches.length > 0))
        continue;
      this.say(pledge, `lacks the batch at ${baseOffset} of ${end} without a word`);
      return;
    }
    const states = model.pictures.slice(keptFrom, pictures);
    const found = JSON.stringify(log.hardState);
    if (!states.some(({ hardState }) => JSON.stringify(hardState) === found)) {
      this.say(pledge, `has the hard state ${found} without a word`);
    }
  }

  /** What can be written to is written to, and read again. */
  private async goOn(store: LogStore): Promise<void> {
    for (const log of store.replicas()) {
      const batch = encodeBatch([{ timestamp: 2_000_000, key: null, value: Buffer.from('new') }]);
      await this.guard('an append', async () => {
        const { baseOffset } = log.appendAsLeader(batch, readBatchHeader(batch), 2_000_000);
        await turns(3);
        const slice = await log.read(baseOffset, log.logEnd, 1 << 20);
        if (!Buffer.concat(slice.buffers).equals(batch)) {
          this.violations.push(`${log.identity.topic}: what was appended is not read`);
        }
      });
    }
  }

  /** The tools of an operator look at every folder. */
  private async inspect(fileSystem: FileSystem): Promise<void> {
    for (const folder of fileSystem.listSync('/data/partitions')) {
      const path = `/data/partitions/${folder}`;
      await this.guard('verify', () => verifyPartition(path, fileSystem));
      await this.guard('dump', async () => {
        for await (const batch of dumpPartition(path, fileSystem, { records: true })) void batch;
      });
    }
  }

  /** Segments stay where they are, or go to quarantine, whole; only what no account has is cut from their ends. */
  private checkFiles(): void {
    const quarantined = this.disk.files().filter((path) => path.startsWith('/data/quarantine/'));
    for (const [path, content] of this.image) {
      if (content === undefined || !path.endsWith('.log') || content.length === 0) continue;
      const there = this.disk.statSync(path);
      if (there?.isDirectory === false) {
        const now = this.disk.contentOf(path);
        const bytes = Math.min(now.length, content.length);
        if (now.subarray(0, bytes).equals(content.subarray(0, bytes))) continue;
      }
      if (path.startsWith('/data/deleted/') || !this.isProtected) continue;
      if (quarantined.some((file) => this.disk.contentOf(file).equals(content))) continue;
      if (this.mayGo(path) || this.isPutRight(path, content)) continue;
      // An opening that is refused had cut other logs by then, as their frames say.
      if (this.verdict === 'refused' && this.shape.cut.has(path)) continue;
      this.violations.push(`${path} is gone or was written over`);
    }
  }

  /** Of a log that was opened without damage: what its frames say was cut or deleted. */
  private mayGo(path: string): boolean {
    const prefix = /\.([0-9a-f]{8})\/\d{20}\.log$/.exec(path)?.[1];
    return prefix !== undefined && this.healthy.has(prefix);
  }

  /** Over what somebody put into a segment the write-ahead log has written what belongs there. */
  private isPutRight(path: string, content: Buffer): boolean {
    const { disk, shape } = this;
    if (disk.statSync(path)?.isDirectory !== false || shape.disk.statSync(path) === undefined) {
      return false;
    }
    const before = shape.disk.contentOf(path);
    return disk
      .contentOf(path)
      .every((byte, at) => byte === content.at(at) || byte === before.at(at));
  }

  private async guard(what: string, action: () => Promise<unknown>): Promise<void> {
    try {
      await within(what, LIMIT_TURNS, action());
    } catch (error) {
      this.expectTyped(what, error);
    }
  }

  private expectTyped(what: string, error: unknown): void {
    if (ZhumqError.is(error)) return;
    const stack = error instanceof Error ? error.stack : String(error);
    this.violations.push(`${what} throws what is no error of ours: ${stack}`);
  }

  private say({ model }: ReplicaPledge, sentence: string): void {
    this.violations.push(`${model.identity.topic}-${model.identity.partition} ${sentence}`);
  }
}

/** Returns the bytes of all files. */
function putImage(disk: FaultyFileSystem, image: Image): number {
  let bytes = 0;
  for (const [path, content] of image) {
    if (content === undefined) {
      disk.makeDirectorySync(path);
      continue;
    }
    disk.makeDirectorySync(path.slice(0, path.lastIndexOf('/')));
    disk.openSync(path, 'write').writeSync([content], 0);
    bytes += content.length;
  }
  return bytes;
}

const writtenOf = new WeakMap<ReplicaPledge, Map<number, Buffer[]>>();

/** By base offset, everything that was ever written there. */
function everythingWritten(pledge: ReplicaPledge): ReadonlyMap<number, readonly Buffer[]> {
  let written = writtenOf.get(pledge);
  if (written !== undefined) return written;
  written = new Map();
  for (const { batches } of pledge.model.pictures.slice(0, pledge.pictures)) {
    for (const { header, bytes } of batches) {
      const known = written.get(header.baseOffset) ?? [];
      if (!known.includes(bytes)) known.push(bytes);
      written.set(header.baseOffset, known);
    }
  }
  writtenOf.set(pledge, written);
  return written;
}
