// One run of the workload on a watched disk, through all its lives: a first one that stops cleanly, one that is killed,
// one that loses its power, one that deals with that.
import { SeededRandom } from '@zhumq/base';
import { FaultyFileSystem } from '@zhumq/log';
import { inspectStart } from './inspection.js';
import { StoreHost, slowDevice, within } from './store-host.js';
import { WatchedDisk } from './watched-disk.js';
import type { DiskWatcher } from './watched-disk.js';
import { Workload, isExpected } from './workload.js';

const OPEN_TURNS = 5000;

export type Ending = 'close' | 'kill' | 'powerLoss';

export interface RunReport {
  readonly host: StoreHost;
  readonly disk: FaultyFileSystem;
  readonly operations: number;
  readonly violations: readonly string[];
  /** What the disk's failing made of calls. */
  readonly refusals: readonly unknown[];
}

export class ScriptedRun {
  readonly disk = new FaultyFileSystem();
  /** The disk is as the next life will find it. */
  onLifeEnd: ((ending: Ending) => void) | undefined;
  readonly watched = new WatchedDisk(this.disk);
  private process = this.watched.newProcess();
  readonly host = new StoreHost(this.process);
  private readonly random: SeededRandom;
  private readonly violations: string[] = [];
  private readonly refusals: unknown[] = [];
  private powerWasLost = false;

  constructor(
    private readonly seed: number,
    watcher: DiskWatcher,
    /** A fault is injected somewhere: replicas may fail, and say so. */
    private readonly diskFails: boolean,
  ) {
    this.random = new SeededRandom(seed);
    this.disk.recording = false;
    this.disk.device = slowDevice(new SeededRandom(seed + 1));
    this.watched.watcher = watcher;
  }

  async run(): Promise<RunReport> {
    const { host } = this;
    const goesOn =
      (await this.live((work) => work.firstLife(), 'close')) &&
      (await this.live((work) => work.secondLife(), 'kill')) &&
      (await this.live((work) => work.secondLife(), 'powerLoss')) &&
      (await this.live((work) => work.lastLife(), 'close')) &&
      (await this.live((work) => work.goOn(), 'kill'));
    if (goesOn && host.fatal !== undefined) this.violations.push('the log failed unnoticed');
    this.watched.watcher = undefined;
    const { disk, refusals, violations } = this;
    violations.push(...host.broken);
    return { host, disk, operations: this.watched.operations, violations, refusals };
  }

  /** One life; false when it ended because the write-ahead log failed. */
  private async live(
    work: (workload: Workload) => Promise<void>,
    ending: Ending,
  ): Promise<boolean> {
    const { host } = this;
    const pledges = host.pledges();
    if (!(await this.open())) return false;
    const workload = new Workload(host, this.random);
    if (pledges.incarnation > 0) {
      const circumstances = { powerLost: this.powerWasLost, diskFailed: this.diskFails };
      this.watched.isPaused = true;
      this.violations.push(...(await inspectStart(host, this.disk, pledges, circumstances)));
      this.watched.isPaused = false;
    }
    this.powerWasLost = false;
    await work(workload);
    if (host.fatal === undefined && ending === 'close') await workload.close();
    workload.end();
    this.violations.push(...workload.broken);
    this.refusals.push(...workload.failures);
    const hasFailed = host.fatal !== undefined;
    const { store } = host;
    host.leave();
    if (hasFailed || ending === 'close') await store.abort().catch(() => undefined);
    this.startProcess();
    if (ending === 'powerLoss' && !hasFailed) this.losePower();
    else this.disk.kill();
    this.onLifeEnd?.(ending);
    return !hasFailed;
  }

  private losePower(): void {
    this.disk.crash(new SeededRandom(this.seed + 2));
    for (const model of this.host.models.values()) model.losePower();
    this.host.bootId += '+';
    this.powerWasLost = true;
  }

  private startProcess(): void {
    this.process.end();
    this.process = this.watched.newProcess();
    this.host.fileSystem = this.process;
  }

  /** Twice at most: the fault is there once. */
  private async open(): Promise<boolean> {
    const { host } = this;
    for (let attempt = 0; ; attempt++) {
      try {
        await within('opening', OPEN_TURNS, host.open());
        return true;
      } catch (error) {
        const stack = error instanceof Error ? (error.stack ?? '') : String(error);
        if (!this.diskFails || attempt > 0 || !isExpected(error, host)) {
          this.violations.push(`the store does not open: ${stack}`);
          return false;
        }
        this.refusals.push(error);
        this.startProcess();
        this.disk.kill();
      }
    }
  }
}
