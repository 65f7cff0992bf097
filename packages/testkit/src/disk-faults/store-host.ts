// A broker as far as its disk is concerned: opens the store on a disk, gives its replicas work, and keeps the books of
// what it was promised (pledges) over any number of lives.
import { ManualClock, silentLogger } from '@zhumq/base';
import type { Random } from '@zhumq/base';
import { LogStore, PartitionFactory } from '@zhumq/log';
import type { FileSystem, LogConfig, ReplicaIdentity, ReplicaLog, StoreOptions } from '@zhumq/log';
import { ReplicaModel } from './replica-model.js';
import type { ReplicaPledge } from './replica-model.js';

export const DATA_DIRECTORY = '/data';

export const CONFIG: LogConfig = {
  flush: 'fsync',
  flushIntervalMs: 50,
  segmentBytes: 1200,
  segmentMs: 1e12,
  indexIntervalBytes: 150,
  retentionMs: -1,
  retentionBytes: -1,
  producerExpirationMs: 1e12,
};

export const OPTIONS: StoreOptions = {
  dataDirectory: DATA_DIRECTORY,
  brokerId: 1,
  clusterId: undefined,
  walFileBytes: 2048,
  checkpointBytes: 5000,
  blockCacheBytes: 1 << 20,
  tailBytes: 4096,
  diskReserveBytes: 1000,
  defaultConfig: CONFIG,
};
export const LIMITS = {
  ...{ blockCacheBytes: 1 << 20, tailBytes: 4096, openFiles: 12 },
  ...{ deriveAfterBytes: 1500, blockBytes: 512 },
};

/** What the whole store may rely on at a moment. */
export interface StorePledges {
  readonly replicas: readonly ReplicaPledge[];
  readonly incarnation: number;
  readonly directoryId: string | undefined;
  readonly clusterId: string;
  /** Whether the next start after a power loss may, or must, call itself clean. */
  readonly clean: 'never' | 'maybe' | 'surely';
  readonly bootId: string;
}

export class StoreHost {
  readonly clock = new ManualClock();
  models = new Map<string, ReplicaModel>();
  bootId = 'boot-1';
  /** Set when the write-ahead log failed: the process must end. */
  fatal: Error | undefined;
  /** What must never happen, as it happened. */
  readonly broken: string[] = [];
  private current: LogStore | undefined;
  private incarnation = 0;
  private directoryId: string | undefined;
  clusterId = '';
  clean: StorePledges['clean'] = 'never';
  private life = 0;

  constructor(
    public fileSystem: FileSystem,
    pledges?: StorePledges,
  ) {
    if (pledges === undefined) return;
    ({ incarnation: this.incarnation, directoryId: this.directoryId } = pledges);
    ({ clusterId: this.clusterId, bootId: this.bootId } = pledges);
  }

  get store(): LogStore {
    if (this.current === undefined) throw new Error('no store is open');
    return this.current;
  }

  get isOpen(): boolean {
    return this.current !== undefined;
  }

  async open(): Promise<LogStore> {
    const life = ++this.life;
    this.fatal = undefined;
    // A start takes the mark away before it does anything else.
    if (this.clean === 'surely') this.clean = 'maybe';
    const store = await LogStore.open(OPTIONS, {
      fileSystem: this.fileSystem,
      clock: this.clock,
      logger: silentLogger,
      bootId: this.bootId,
      replicas: new PartitionFactory(this.fileSystem, LIMITS),
      makeId: () => (this.directoryId ?? 'd1'.repeat(16)).replace(/^../, 'd' + String(life % 10)),
      onFatal: (error) => {
        if (life !== this.life) return;
        if (this.fatal !== undefined) this.broken.push('the write-ahead log failed twice');
        this.fatal = error;
      },
    });
    this.current = store;
    this.clean = 'never';
    if (store.incarnation <= this.incarnation) {
      this.broken.push(`incarnation ${store.incarnation} follows ${this.incarnation}`);
    }
    this.incarnation = store.incarnation;
    this.directoryId = store.directoryId;
    return store;
  }

  create(identity: ReplicaIdentity, config: LogConfig): ReplicaModel {
    const model = new ReplicaModel(identity, config);
    const log = this.store.createReplica(identity, config);
    this.models.set(identity.replicaId, model);
    this.attach(model, log);
    return model;
  }

  /** A start found this replica so. */
  adopt(model: ReplicaModel): void {
    const { replicaId } = model.identity;
    const log = this.store.replica(replicaId);
    if (log === undefined) throw new Error(`replica ${replicaId} is not there`);
    this.models.set(replicaId, model);
    this.attach(model, log);
  }

  /** The log, if it can be written to. */
  log({ identity, failure }: ReplicaModel): ReplicaLog | undefined {
    return failure === undefined ? this.current?.replica(identity.replicaId) : undefined;
  }

  /** The process is gone, however it went. */
  leave(): void {
    for (const model of this.models.values()) model.freeze();
    this.current = undefined;
    this.life++;
  }

  async abort(): Promise<void> {
    const store = this.current;
    this.leave();
    await store?.abort();
  }

  pledges(): StorePledges {
    const { bootId, clean, clusterId, directoryId, incarnation } = this;
    const replicas = [...this.models.values()].map((model) => model.pledge());
    return { replicas, incarnation, directoryId, clusterId, clean, bootId };
  }

  private attach(model: ReplicaModel, log: ReplicaLog): void {
    const { life } = this;
    model.attach(log, ({ identity, failure }, isState) => {
      if (life !== this.life) return;
      const { topic, partition } = identity;
      if (this.fatal !== undefined) {
        this.broken.push(
          `${topic}-${partition}: acknowledged after the write-ahead log had failed`,
        );
      } else if (failure !== undefined && isState !== true) {
        this.broken.push(`${topic}-${partition}: acknowledged after the replica had failed`);
      }
    });
  }
}

/** Lets ticks, syncs and what follows them happen. */
export async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) {
    await new Promise<void>((resolve) => {
      setImmediate(resolve);
    });
  }
}

/** Waits no longer than so many turns of the event loop: whatever takes longer hangs. */
export async function within<T>(
  what: string,
  limit: number,
  action: Promise<T>,
  isGivenUp: () => boolean = () => false,
): Promise<T> {
  let isOver = false;
  const settled = action.finally(() => (isOver = true));
  settled.catch(() => undefined);
  for (let turn = 0; turn < limit && !isOver && !isGivenUp(); turn++) await turns(1);
  if (!isOver) throw new Hang(`${what} does not end`);
  return settled;
}

export class Hang extends Error {
  override readonly name = 'Hang';
}

/** A device that takes a few turns, drawn from `random`. */
export function slowDevice(random: Random): () => Promise<void> {
  return () => turns(random.below(3));
}
