// Disks that do not hold what was written: bits that rot in segments, and machines that come back with an empty disk.
// Only one machine of a run is hit, so that of each partition a minority of the copies is: the cluster must repair what
// rotted, and lose nothing.
import type { Random } from '@zhumq/base';
import type { ServerSlot } from '../simulated-cluster.js';
import type { World } from '../world/world.js';

/** Bits that rot at a time. */
const BITS = 3;

export class Damage {
  /** The machine that is hit; the first one that is, for the whole run. */
  private victim: ServerSlot | undefined;

  constructor(
    private readonly world: World,
    private readonly random: Random,
  ) {}

  /** Says what it did; undefined: nothing, another machine is hit already or there is nothing to hit. */
  flipBits(slot: ServerSlot): string | undefined {
    const { disk } = slot.machine;
    if (disk === undefined || !this.mayHit(slot)) return undefined;
    const segments = disk
      .files()
      .filter((path) => path.endsWith('.log') && (disk.statSync(path)?.bytes ?? 0) > 0);
    if (segments.length === 0) return undefined;
    this.victim = slot;
    const path = segments[this.random.below(segments.length)];
    const bytes = disk.statSync(path)?.bytes ?? 0;
    const positions = Array.from({ length: 1 + this.random.below(BITS) }, () => {
      const position = this.random.below(bytes);
      disk.flipBit(path, position, this.random.below(8));
      return position;
    });
    return `${path} at ${positions.join(', ')} of ${bytes} bytes`;
  }

  /** Its power must be lost already. */
  wipe(slot: ServerSlot): boolean {
    if (!this.mayHit(slot)) return false;
    this.victim = slot;
    this.world.replaceDisk(slot.machine);
    return true;
  }

  /** It reads what rotted, and takes the replica out of service until it is started again. */
  get wantsRestart(): ServerSlot | undefined {
    const { victim } = this;
    return victim !== undefined && hasFailedReplica(victim) ? victim : undefined;
  }

  mayHit(slot: ServerSlot): boolean {
    return this.victim === undefined || this.victim === slot;
  }
}

/** A replica whose disk failed under it stays out of service until its broker is started again. */
export function hasFailedReplica({ broker }: ServerSlot): boolean {
  return [...(broker?.partitions ?? [])].some(({ replicator }) => replicator.role === 'failed');
}
