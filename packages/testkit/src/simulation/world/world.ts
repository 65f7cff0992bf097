// The simulated world as one thing: time, network, disks, metadata store, machines with their processes.
import { SeededRandom } from '@zhumq/base';
import type { Random } from '@zhumq/base';
import { Ensemble } from './ensemble.js';
import type { EnsembleOptions } from './ensemble.js';
import { Life } from './life.js';
import { LogRing } from './log-ring.js';
import type { Machine } from './machine.js';
import { Network } from './network.js';
import type { NetworkOptions } from './network.js';
import { NodeClock } from './node-clock.js';
import { Scheduler } from './scheduler.js';
import { WatchedDisk } from './watched-disk.js';

export interface WorldOptions {
  readonly network: NetworkOptions;
  readonly ensemble: EnsembleOptions;
  /** Mean time of a sync or a cold read. */
  readonly deviceMs: number;
  /** Clocks run up to so much too fast or too slow. */
  readonly clockDrift: number;
}

/** Log lines kept for a run that fails. */
const RING_LINES = 400;

export class World {
  readonly scheduler = new Scheduler();
  readonly logs = new LogRing(this.scheduler, RING_LINES);
  readonly network: Network;
  readonly ensemble: Ensemble;
  /** Identities (crypto) and Math.random of the code that runs here. */
  readonly entropy: Random;
  /** Told when something that a process waited for is on its disk, just before the process hears of it. */
  onDurable: ((life: Life) => void) | undefined;
  private readonly deviceRandom: Random;
  private readonly seeds: Random;
  private lives = 0;

  constructor(
    seed: number,
    readonly options: WorldOptions,
  ) {
    // Each part draws from a generator of its own: one more draw in one does not shift the others.
    this.seeds = new SeededRandom(seed);
    this.entropy = this.fork();
    this.deviceRandom = this.fork();
    this.network = new Network(this.scheduler, this.fork(), options.network);
    this.ensemble = new Ensemble(this.scheduler, this.fork(), options.ensemble);
  }

  /** A generator of its own for a part of the run. */
  fork(): Random {
    return new SeededRandom(this.seeds.below(2 ** 32));
  }

  get nowMs(): number {
    return this.scheduler.nowMs;
  }

  machine(name: string, withDisk: boolean): Machine {
    const drift = (this.deviceRandom.fraction() * 2 - 1) * this.options.clockDrift;
    const disk = withDisk ? this.newDisk() : undefined;
    const machine: Machine = {
      ...{ name, disk, bootId: this.newBootId(), powered: true, life: undefined },
      clock: { rate: 1 + drift, wallOffsetMs: 0 },
    };
    this.network.add(machine);
    return machine;
  }

  /** Begins a new life of a machine's process. */
  begin(machine: Machine): Life {
    const life = new Life(machine.name, ++this.lives);
    machine.life = life;
    machine.powered = true;
    const { disk } = machine;
    if (disk !== undefined) disk.device = () => this.device(life);
    return life;
  }

  clockOf(machine: Machine, life: Life): NodeClock {
    return new NodeClock(this.scheduler, life, machine.clock);
  }

  /** SIGKILL: what it wrote stays in the page cache. */
  kill(machine: Machine): void {
    machine.life?.end();
    machine.life = undefined;
    machine.disk?.kill();
  }

  /** Unsynced data survive in an arbitrary part, drawn from `survivors`; the network says nothing. */
  losePower(machine: Machine, survivors: Random = this.deviceRandom): void {
    machine.powered = false;
    machine.life?.end();
    machine.life = undefined;
    machine.disk?.crash(survivors);
    machine.bootId = this.newBootId();
  }

  /** Of a machine without power. */
  replaceDisk(machine: Machine): void {
    const { disk } = machine;
    if (disk === undefined) return;
    machine.disk = this.newDisk();
    machine.disk.tornWrites = disk.tornWrites;
  }

  private device(life: Life): Promise<void> {
    const waitMs = -Math.log(1 - this.deviceRandom.fraction()) * this.options.deviceMs;
    return new Promise((resolve) =>
      this.scheduler.after(waitMs, life, () => {
        this.onDurable?.(life);
        resolve();
      }),
    );
  }

  private newDisk(): WatchedDisk {
    return new WatchedDisk(() => this.scheduler.events);
  }

  private newBootId(): string {
    return this.deviceRandom.below(2 ** 32).toString(16);
  }
}
