// Data directories as real brokers leave them: after a clean stop, a kill, a power loss. What is mutated.
import { ManualClock, silentLogger } from '@zhumq/base';
import { LogStore, PartitionFactory } from '@zhumq/log';
import type { FaultyFileSystem } from '@zhumq/log';
import { ScriptedRun } from '../../disk-faults/scripted-run.js';
import { LIMITS, OPTIONS } from '../../disk-faults/store-host.js';
import type { StorePledges } from '../../disk-faults/store-host.js';

export interface Shape {
  readonly name: string;
  readonly disk: FaultyFileSystem;
  readonly pledges: StorePledges;
  /** What was not synced may be gone already. */
  readonly powerLost: boolean;
  /** The broker stopped: a checkpoint accounts for everything. */
  readonly isClosed: boolean;
  /** Segments that a start cuts, writes over or removes when nothing is mutated: their frames say so. */
  readonly cut: ReadonlySet<string>;
}

export function openStore(
  disk: FaultyFileSystem,
  bootId: string,
  onFatal: () => void,
): Promise<LogStore> {
  return LogStore.open(OPTIONS, {
    fileSystem: disk,
    clock: new ManualClock(),
    logger: silentLogger,
    bootId,
    replicas: new PartitionFactory(disk, LIMITS),
    makeId: () => 'ee'.repeat(16),
    onFatal,
  });
}

async function segmentsCut(disk: FaultyFileSystem, bootId: string): Promise<ReadonlySet<string>> {
  const opened = disk.fork();
  const store = await openStore(opened, bootId, () => undefined);
  await store.abort();
  const isCut = (path: string): boolean => {
    if (!path.endsWith('.log')) return false;
    const content = disk.contentOf(path);
    if (opened.statSync(path) === undefined) return content.length > 0;
    return !opened.contentOf(path).subarray(0, content.length).equals(content);
  };
  return new Set(disk.files().filter(isCut));
}

/** Five of each seed. */
export async function makeShapes(seeds: readonly number[]): Promise<Shape[]> {
  const shapes: Shape[] = [];
  for (const seed of seeds) {
    const left: Omit<Shape, 'cut'>[] = [];
    const nothing = { before: () => undefined, after: () => undefined };
    const run: ScriptedRun = new ScriptedRun(seed, nothing, false);
    run.onLifeEnd = (ending) => {
      const powerLost = ending === 'powerLoss';
      const name = `${seed}/${left.length}/${ending}`;
      const isClosed = ending === 'close';
      left.push({ name, disk: run.disk.fork(), pledges: run.host.pledges(), powerLost, isClosed });
    };
    await run.run();
    for (const shape of left) {
      shapes.push({ ...shape, cut: await segmentsCut(shape.disk, shape.pledges.bootId) });
    }
  }
  return shapes;
}
