// A machine of the simulation: what outlives its processes (name, clock, disk, whether it has power) and the life of the
// process that runs on it now.
import type { ClockError } from './node-clock.js';
import type { Life } from './life.js';
import type { WatchedDisk } from './watched-disk.js';

export interface Machine {
  /** Also its host name. */
  readonly name: string;
  readonly clock: ClockError;
  /** Another one when the machine comes back with an empty disk. */
  disk: WatchedDisk | undefined;
  /** Of its kernel: a new one after each power loss. */
  bootId: string;
  powered: boolean;
  /** Undefined while nothing runs. */
  life: Life | undefined;
}
