// A moment at which the machine may fail: its disk, and what was promised by then. Judged by starting a broker on what a
// failure leaves.
import { SeededRandom } from '@zhumq/base';
import type { FaultyFileSystem, FileSystem } from '@zhumq/log';
import { inspectStart } from './inspection.js';
import { outcomeOf } from './power-loss.js';
import { StoreHost, within } from './store-host.js';
import type { StorePledges } from './store-host.js';
import { WatchedDisk, changesDisk } from './watched-disk.js';
import type { DiskOperation } from './watched-disk.js';
import { Workload } from './workload.js';

const OPEN_TURNS = 5000;

export interface CrashPoint {
  readonly disk: FaultyFileSystem;
  readonly pledges: StorePledges;
  /** Before this operation, or after it. */
  readonly operation: DiskOperation;
  /** The disk reported an error before: replicas may say that they lost something. */
  readonly diskFailed?: boolean;
}

/** What is wrong after the machine failed there, and how often it was started. */
export interface PointVerdict {
  readonly violations: readonly string[];
  readonly recoveries: number;
}

/** Fails, starts, looks, writes on, fails again, starts again. */
export async function judgePoint(
  point: CrashPoint,
  outcome: string,
  seed: number,
  tornBytes?: number,
): Promise<PointVerdict> {
  const { disk, host, powerLost } = failAt(point, outcome, seed, tornBytes);
  const { diskFailed = false, pledges } = point;
  const first = await start(host, disk, pledges, { powerLost, diskFailed });
  if (first.length > 0) return { violations: first, recoveries: 1 };
  const workload = new Workload(host, new SeededRandom(seed));
  await workload.goOn();
  const next: CrashPoint = { ...point, disk, pledges: host.pledges() };
  workload.end();
  const violations = [...workload.broken, ...host.broken];
  if (workload.failures.length > 0 && !diskFailed) {
    violations.push(`what follows a start is refused: ${String(workload.failures[0])}`);
  }
  await host.store.abort();
  const again = failAt(next, 'some0', seed);
  const second = await start(again.host, again.disk, next.pledges, { powerLost: true, diskFailed });
  violations.push(...second.map((violation) => `after the next power loss: ${violation}`));
  await again.host.abort();
  return { violations, recoveries: 2 };
}

/** The points within the recovery from a failure, before each operation that changes the disk. */
export async function pointsOfRecovery(
  point: CrashPoint,
  outcome: string,
  seed: number,
): Promise<CrashPoint[]> {
  const { disk, host } = failAt(point, outcome, seed);
  const watched = new WatchedDisk(disk);
  const points: CrashPoint[] = [];
  watched.watcher = {
    before: (operation) => {
      if (changesDisk(operation)) points.push({ ...point, disk: disk.fork(), operation });
      return undefined;
    },
    after: () => undefined,
  };
  host.fileSystem = watched.newProcess();
  await within('opening', OPEN_TURNS, host.open()).catch(() => undefined);
  await host.abort();
  return points;
}

/** Of an operation: whether its second failure is a power loss or not, the first one was. */
function failAt(
  point: CrashPoint,
  outcome: string,
  seed: number,
  tornBytes?: number,
): { disk: FaultyFileSystem; host: StoreHost; powerLost: boolean } {
  const disk = point.disk.fork();
  const { survivors } = outcomeOf(outcome, seed + point.operation.index);
  const host = new StoreHost(disk, point.pledges);
  if (survivors === undefined) {
    disk.kill();
  } else {
    disk.crash(survivors);
    host.bootId += '+';
  }
  if (tornBytes !== undefined) tear(disk, point.operation, tornBytes);
  return { disk, host, powerLost: survivors !== undefined };
}

/** The beginning of a write reached the disk before the machine failed. */
function tear(disk: FaultyFileSystem, operation: DiskOperation, bytes: number): void {
  const { path, position, content } = operation;
  if (content === undefined || disk.statSync(path) === undefined) return;
  const file = disk.openSync(path, 'write');
  file.writeSync([content.subarray(0, bytes)], position);
  disk.crash({ below: () => 1, fraction: () => 0 });
}

async function start(
  host: StoreHost,
  fileSystem: FileSystem,
  pledges: StorePledges,
  circumstances: { readonly powerLost: boolean; readonly diskFailed: boolean },
): Promise<string[]> {
  try {
    await within('opening', OPEN_TURNS, host.open());
    return [
      ...host.broken.splice(0),
      ...(await inspectStart(host, fileSystem, pledges, circumstances)),
    ];
  } catch (error) {
    const stack = error instanceof Error ? (error.stack ?? '') : String(error);
    return [`the store does not open: ${stack}`];
  }
}
