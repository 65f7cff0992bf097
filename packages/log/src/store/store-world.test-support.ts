// A store on a disk that can fail, for tests.
import { ManualClock, SeededRandom, silentLogger } from '@zhumq/base';
import { FaultyFileSystem } from '../file-system/faulty-file-system.js';
import type { LogConfig, ReplicaFactory, ReplicaIdentity, StoreOptions } from '../types.js';
import { LogStore } from './log-store.js';
import { noteFactory, notesOf } from './note-replica.test-support.js';
import type { NoteReplica } from './note-replica.test-support.js';
import type { StoreMetrics } from './store-metrics.js';

export const CONFIG: LogConfig = {
  flush: 'fsync',
  flushIntervalMs: 1000,
  segmentBytes: 1 << 20,
  segmentMs: 1e9,
  indexIntervalBytes: 4096,
  retentionMs: -1,
  retentionBytes: -1,
  producerExpirationMs: 1e9,
};

export const OPTIONS: StoreOptions = {
  dataDirectory: '/data',
  brokerId: 1,
  clusterId: undefined,
  walFileBytes: 4096,
  checkpointBytes: 1 << 30,
  blockCacheBytes: 1 << 20,
  tailBytes: 1 << 20,
  diskReserveBytes: 1000,
  defaultConfig: CONFIG,
};

/** The identity of the n-th replica of the tests. */
export function identityOf(number: number, topic = 'orders'): ReplicaIdentity {
  const replicaId = (number + 1).toString(16).padStart(8, '0').repeat(4);
  return { topic, topicId: 'aa'.repeat(16), partition: number, replicaId };
}

export class StoreWorld {
  readonly fileSystem = new FaultyFileSystem();
  readonly clock = new ManualClock();
  readonly fatal: Error[] = [];
  metrics: StoreMetrics = {};
  bootId = 'boot-1';
  private ids = 0;
  private current: LogStore | undefined;

  constructor(
    readonly makeFactory: (fileSystem: FaultyFileSystem) => ReplicaFactory = noteFactory,
  ) {}

  get store(): LogStore {
    if (this.current === undefined) throw new Error('no store is open');
    return this.current;
  }

  async open(options: Partial<StoreOptions> = {}): Promise<LogStore> {
    const { fileSystem, clock, metrics, bootId } = this;
    this.current = await LogStore.open(
      { ...OPTIONS, ...options },
      {
        fileSystem,
        clock,
        logger: silentLogger,
        bootId,
        metrics,
        replicas: this.makeFactory(fileSystem),
        makeId: () => (++this.ids).toString(16).padStart(2, '0').repeat(16),
        onFatal: (error) => this.fatal.push(error),
      },
    );
    return this.current;
  }

  create(number: number): NoteReplica {
    return notesOf(this.store.createReplica(identityOf(number), CONFIG));
  }

  notes(number: number): NoteReplica {
    return notesOf(this.store.replica(identityOf(number).replicaId));
  }

  /** Power fails; what was not synced is partly lost. */
  crash(seed: number): void {
    this.current = undefined;
    this.fileSystem.crash(new SeededRandom(seed));
    this.bootId += '+';
  }

  walFiles(): string[] {
    return this.fileSystem.files().filter((path) => path.endsWith('.wal'));
  }
}

/** Lets ticks, syncs and what follows them happen. */
export async function settle(turns = 10): Promise<void> {
  for (let turn = 0; turn < turns; turn++) {
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}

/** All files of a disk. */
export type Image = ReadonlyMap<string, Buffer>;

export function snapshot(world: StoreWorld): Image {
  const { fileSystem } = world;
  return new Map(fileSystem.files().map((path) => [path, fileSystem.contentOf(path)]));
}

/** A machine with a copy of that disk. */
export function restored(
  image: Image,
  makeFactory?: (fileSystem: FaultyFileSystem) => ReplicaFactory,
): StoreWorld {
  const world = new StoreWorld(makeFactory);
  world.fileSystem.recording = false;
  for (const [path, content] of image) {
    world.fileSystem.makeDirectorySync(path.slice(0, path.lastIndexOf('/')));
    world.fileSystem.openSync(path, 'write').writeSync([content], 0);
  }
  return world;
}
