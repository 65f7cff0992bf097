// After a start: whether what was promised is there, and nothing that never was. Says what is wrong in sentences, and
// takes over what was found, so that the next life is judged by it.
import { forEachBatch, isError } from '@zhumq/model';
import { verifyPartition } from '@zhumq/log';
import type { FileSystem, HardState, ReplicaLog } from '@zhumq/log';
import { ReplicaModel, endOf, heldBatches, written } from './replica-model.js';
import type { Picture, ReplicaPledge, WrittenBatch } from './replica-model.js';
import { DATA_DIRECTORY } from './store-host.js';
import type { StoreHost, StorePledges } from './store-host.js';

export interface Circumstances {
  /** What was not synced may be gone. */
  readonly powerLost: boolean;
  /** The disk failed on the way: replicas may say that they lost something. */
  readonly diskFailed: boolean;
}

const READ_BYTES = 700;
const TORN_INDEX = 'length or order of the entries is wrong';

export async function inspectStart(
  host: StoreHost,
  fileSystem: FileSystem,
  pledges: StorePledges,
  circumstances: Circumstances,
): Promise<string[]> {
  const inspection = new Inspection(host, fileSystem, pledges, circumstances);
  await inspection.run();
  return inspection.violations;
}

class Inspection {
  readonly violations: string[] = [];

  constructor(
    private readonly host: StoreHost,
    private readonly fileSystem: FileSystem,
    private readonly pledges: StorePledges,
    private readonly circumstances: Circumstances,
  ) {}

  async run(): Promise<void> {
    this.checkStore();
    const models = new Map<string, ReplicaModel>();
    for (const pledge of this.pledges.replicas) {
      const { replicaId } = pledge.model.identity;
      const found = await this.checkReplica(pledge);
      if (found !== undefined) models.set(replicaId, found);
    }
    this.host.models = new Map();
    for (const [replicaId, model] of models) {
      if (model.isFrozen) this.host.models.set(replicaId, model);
      else this.host.adopt(model);
    }
  }

  private checkStore(): void {
    const { host, pledges, circumstances } = this;
    const { store } = host;
    for (const error of store.corruption) this.say(`the log is called corrupt: ${error.message}`);
    for (const { damage, log } of store.lostReplicas()) {
      const { topic, partition } = log.identity;
      this.say(
        `replica ${topic}-${partition} lost its identity: ${damage.file}, byte ${damage.position}: ${damage.reason}`,
      );
    }
    if (pledges.directoryId !== undefined && store.directoryId !== pledges.directoryId) {
      this.say(`directory ${pledges.directoryId} became ${store.directoryId}`);
    }
    if (store.clusterId !== pledges.clusterId && pledges.clusterId !== '') {
      this.say(`cluster ${pledges.clusterId} became "${store.clusterId}"`);
    }
    const known = new Set(pledges.replicas.map(({ model }) => model.identity.replicaId));
    for (const { identity } of store.replicas()) {
      if (!known.has(identity.replicaId)) this.say(`replica ${identity.replicaId} was never made`);
    }
    if (circumstances.powerLost && pledges.clean === 'never' && store.cleanStart) {
      if (pledges.directoryId !== undefined)
        this.say('a start after a power loss calls itself clean');
    }
    if (pledges.clean === 'surely' && !store.cleanStart) {
      this.say('a start after a clean stop calls itself unclean');
    }
  }

  /** What the replica is from now on; undefined when it is not there, and need not be. */
  private async checkReplica(pledge: ReplicaPledge): Promise<ReplicaModel | undefined> {
    const { model, retirement, existence } = pledge;
    const { replicaId } = model.identity;
    const { store } = this.host;
    const log = store.replica(replicaId);
    if (log === undefined) {
      if (retirement === 'none' && existence === 'sure') this.say('is gone', model);
      if (existence === 'sure' && retirement !== 'none' && !store.isRetired(replicaId)) {
        this.say('was deleted, and its id may be used again', model);
      }
      if (existence === 'unsure') return undefined;
      model.freeze();
      model.retirement = 'sure';
      return model;
    }
    if (retirement === 'sure') this.say('was deleted and is back', model);
    return this.checkLog(pledge, log);
  }

  private async checkLog(
    pledge: ReplicaPledge,
    log: ReplicaLog,
  ): Promise<ReplicaModel | undefined> {
    const { model } = pledge;
    const { diskFailed } = this.circumstances;
    const isTold = log.damage !== undefined || saysFailed(log.hardState);
    const mayLose = diskFailed && (pledge.hasFailed || isTold);
    if (log.damage !== undefined) {
      const { reason } = log.damage;
      const isKnown = pledge.hasFailed || saysFailed(log.hardState);
      if (!diskFailed || !(isKnown || /EIO|ENOSPC/.test(reason))) {
        this.say(`is called damaged: ${reason}`, model);
      }
      model.failAtStart(new Error(reason));
      return model;
    }
    const batches = await this.readAll(log, model);
    if (batches === undefined) {
      model.failAtStart(new Error('it can not be read'));
      return model;
    }
    const { hardState, generation, logStart } = log;
    const found: Picture = { logStart, batches, hardState, generation };
    const picture = this.matching(pledge, found, mayLose ? 0 : pledge.keptFrom);
    if (picture === undefined) this.say(`holds ${describe(found)}, and never did so`, model);
    if (!(mayLose && isTold)) this.checkEnds(pledge, found);
    this.checkState(pledge, found, mayLose);
    this.checkDerived(log, found, model);
    // A snapshot tells of the last batches of a producer: of those below its start only where few lie behind it. So an
    // install that broke off before its first batch need not know any.
    const isBare = pledge.isInstalling && found.batches.length === 0;
    const known = isBare ? found : picture;
    if (known !== undefined) this.checkProducers(log, known, found, model);
    if (!mayLose) await this.verifyFiles(pledge);
    if (log.highWatermark > Math.max(pledge.highWatermark, logStart)) {
      this.say(`has the high watermark ${log.highWatermark}, not ${pledge.highWatermark}`, model);
    }
    const end = endOf(found);
    const kept = (known ?? found).batches.filter(({ header }) => header.lastOffset < end);
    const last = kept.findLast(({ header }) => header.producerId >= 0)?.header;
    return new ReplicaModel(model.identity, model.config, {
      picture: { ...found, batches: kept },
      epoch: model.epoch + 1,
      producerSequence: last === undefined ? 0 : last.baseSequence + last.recordsCount,
    });
  }

  /** The picture that the log is as of: a write that was not synced may lack its end. */
  private matching(
    { model, pictures }: ReplicaPledge,
    found: Picture,
    keptFrom: number,
  ): Picture | undefined {
    for (let at = pictures - 1; at >= keptFrom; at--) {
      const picture = model.pictures[at];
      if (picture.logStart !== found.logStart) continue;
      const held = heldBatches(picture);
      if (held.length < found.batches.length) continue;
      if (found.batches.every(({ bytes }, index) => bytes.equals(held[index].bytes)))
        return picture;
    }
    return undefined;
  }

  private checkEnds(pledge: ReplicaPledge, found: Picture): void {
    const { model, pictures, syncedEnd, writtenEnd } = pledge;
    const end = this.circumstances.powerLost ? syncedEnd : Math.max(syncedEnd, writtenEnd);
    for (const { header, bytes } of heldBatches(model.pictures[pictures - 1])) {
      const { baseOffset, lastOffset } = header;
      if (lastOffset >= end || lastOffset < found.logStart) continue;
      const there = found.batches.find((batch) => batch.header.baseOffset === baseOffset);
      if (there?.bytes.equals(bytes) === true) continue;
      const what = there === undefined ? 'lacks the batch' : 'has another batch';
      this.say(`${what} at ${baseOffset}, and was promised up to ${end}`, model);
      return;
    }
  }

  /** Hard state and generation are as of one write each, none before the last that was promised. */
  private checkState(pledge: ReplicaPledge, found: Picture, mayLose: boolean): void {
    const { model, keptFrom, pictures } = pledge;
    const possible = model.pictures.slice(keptFrom, pictures);
    const { hardState, generation } = found;
    if (
      !(mayLose && saysFailed(hardState)) &&
      !possible.some((picture) => isEqual(picture.hardState, hardState))
    ) {
      this.say(`has the hard state ${JSON.stringify(hardState)}`, model);
    }
    if (!possible.some((picture) => isEqual(picture.generation, generation))) {
      this.say(`has the generation ${JSON.stringify(generation)}`, model);
    }
  }

  private async readAll(log: ReplicaLog, model: ReplicaModel): Promise<WrittenBatch[] | undefined> {
    const batches: WrittenBatch[] = [];
    try {
      for (let at = log.logStart; at < log.logEnd;) {
        const slice = await log.read(at, log.logEnd, READ_BYTES);
        if (slice.bytes === 0 || slice.firstOffset !== at) {
          this.say(`has nothing to read at ${at} of ${log.logEnd}`, model);
          return undefined;
        }
        const content = Buffer.concat(slice.buffers);
        forEachBatch(content, (header, position) => {
          batches.push(written(content.subarray(position, position + header.sizeBytes)));
        });
        at = slice.endOffset;
      }
    } catch (error) {
      // The disk may have failed it in this very start.
      if (!this.circumstances.diskFailed || !isError(error, 'REPLICA_FAILED')) {
        this.say(`can not be read: ${String(error)}`, model);
      }
      return undefined;
    }
    return batches;
  }

  private checkDerived(log: ReplicaLog, found: Picture, model: ReplicaModel): void {
    let next = found.logStart;
    for (const { header } of found.batches) {
      if (header.baseOffset !== next) this.say(`has a hole before ${header.baseOffset}`, model);
      next = header.lastOffset + 1;
      const epoch = log.epochAt(header.baseOffset);
      if (epoch !== header.epoch) {
        this.say(
          `has epoch ${header.epoch} at ${header.baseOffset}, its list says ${epoch}`,
          model,
        );
      }
    }
    const last = found.batches.at(-1)?.header.epoch;
    if (last !== undefined && log.endOfEpoch(last)?.endOffset !== log.logEnd) {
      this.say(`does not end where its last epoch ends`, model);
    }
  }

  /** A retry of the last batch is known, and what follows it is taken. */
  private checkProducers(
    log: ReplicaLog,
    picture: Picture,
    found: Picture,
    model: ReplicaModel,
  ): void {
    const end = endOf(found);
    const last = picture.batches.findLast(
      ({ header }) => header.producerId >= 0 && header.lastOffset < end,
    )?.header;
    if (last === undefined) return;
    const again = log.checkProducer(last);
    if (again.kind !== 'duplicate' || again.baseOffset !== last.baseOffset) {
      this.say(`takes a retry of the batch at ${last.baseOffset} for ${again.kind}`, model);
    }
    const baseSequence = last.baseSequence + last.recordsCount;
    const next = log.checkProducer({ ...last, baseSequence });
    if (next.kind !== 'append')
      this.say(`takes the next batch of a producer for ${next.kind}`, model);
  }

  private async verifyFiles({ model }: ReplicaPledge): Promise<void> {
    const { topic, partition, replicaId } = model.identity;
    const folder = `${topic}-${partition}.${replicaId.slice(0, 8)}`;
    const path = `${DATA_DIRECTORY}/partitions/${folder}`;
    const { problems } = await verifyPartition(path, this.fileSystem);
    for (const { file, position, reason } of problems) {
      // A torn index that can be told from a whole one is made again when it is read.
      if (reason === TORN_INDEX) continue;
      this.say(`${file}, byte ${position}: ${reason}`, model);
    }
  }

  private say(sentence: string, model?: ReplicaModel): void {
    const name = model && `${model.identity.topic}-${model.identity.partition} `;
    this.violations.push(`${name ?? ''}${sentence}`);
  }
}

/** It is said of a replica that it may lack what it acknowledged; a taint that was there before keeps its reason. */
function saysFailed(hardState: HardState | undefined): boolean {
  return hardState?.tainted === true;
}

function isEqual(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

function describe({ logStart, batches }: Picture): string {
  const ends = batches.map(({ header }) => `${header.baseOffset}@${header.epoch}`);
  return `[${logStart}: ${ends.join(' ')}]`;
}
