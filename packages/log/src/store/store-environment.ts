// What the store is given: the world as ports, so that tests and the simulator supply another one.
import type { Clock, Logger } from '@zhumq/base';
import type { FileSystem } from '../file-system/file-system.js';
import type { ReplicaFactory } from '../types.js';
import type { StoreMetrics } from './store-metrics.js';

export interface StoreEnvironment {
  readonly fileSystem: FileSystem;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The kernel's boot id (readBootId); empty where there is none: then every stop without a clean marker is unclean. */
  readonly bootId: string;
  /** Makes partition logs. */
  readonly replicas: ReplicaFactory;
  /** Makes 32 hexadecimal digits: the identity of a new data directory. */
  readonly makeId: () => string;
  /**
   * The write-ahead log failed: nothing is acknowledged any more, ever. The broker exits with a status that is not zero;
   * it must not go on (rule 7). Called once, synchronously.
   */
  readonly onFatal: (error: Error) => void;
  /** Runs a callback at the end of this turn of the event loop; setImmediate when absent. */
  readonly atEndOfTurn?: (callback: () => void) => void;
  readonly metrics?: StoreMetrics;
}
