// When a reader is tried again, and at which broker: what reading by pull and by push have in common. Both ask here who leads
// a partition, tell how it went, and are woken when a reader is due.
import { formatHostPort } from '@zhumq/base';
import type { Timer, ZhumqError } from '@zhumq/base';
import { zhumqError } from '@zhumq/model';
import type { Cluster } from '../cluster/cluster.js';
import type { BrokerAddress } from '../cluster/cluster-view.js';
import type { PartitionReader } from './partition-reader.js';

export interface ReadEvents {
  /** There may be more to read. */
  filled(): void;
  /** An error that is not merely waited out; the reader is left alone until it is changed. */
  failed(reader: PartitionReader, error: ZhumqError): void;
  /** An error that is waited out. */
  troubled(reader: PartitionReader, error: ZhumqError): void;
  /** The partition could be read. */
  well(reader: PartitionReader, broker: string): void;
  /** The offset where a reader is to begin is not known. */
  locate(readers: readonly PartitionReader[]): void;
}

export class ReadRetries {
  private timer: Timer | undefined;
  private timerDueMs = Infinity;

  constructor(
    private readonly cluster: Cluster,
    private readonly readers: readonly PartitionReader[],
    private readonly events: ReadEvents,
    private readonly wake: () => void,
  ) {}

  stop(): void {
    this.timer?.cancel();
  }

  /** Who waits for a leader may have one. */
  leadersChanged(): void {
    for (const reader of this.readers) {
      const leader = this.cluster.leaderOf(reader.topic, reader.partition);
      if (reader.failingSinceMs === undefined || leader === undefined) continue;
      if (leader.id !== reader.failedBroker) reader.notBeforeMs = -Infinity;
    }
    this.wake();
  }

  /** Whether the reader may be tried now; else wakes up when it may. */
  isDue(reader: PartitionReader, nowMs: number): boolean {
    if (reader.notBeforeMs <= nowMs) return true;
    this.wakeAt(reader.notBeforeMs);
    return false;
  }

  /** Undefined: none is known, which is waited out. */
  leaderFor(reader: PartitionReader): BrokerAddress | undefined {
    const { topic, partition } = reader;
    const leader = this.cluster.leaderOf(topic, partition);
    if (leader !== undefined) return leader;
    this.cluster.refresh([topic]).catch(() => undefined);
    const text = `partition ${topic}-${partition} has no leader that is known`;
    this.trouble(reader, zhumqError('LEADER_NOT_AVAILABLE', text), false);
    return undefined;
  }

  well(broker: BrokerAddress, reader: PartitionReader): void {
    reader.notBeforeMs = -Infinity;
    reader.failedBroker = -1;
    this.events.well(reader, formatHostPort(broker));
  }

  failed(broker: BrokerAddress, reader: PartitionReader, error: ZhumqError): void {
    this.cluster.partitionFailed(reader.topic, reader.partition, broker, error);
    if (!error.retriable) return this.events.failed(reader, error);
    const leader = this.cluster.leaderOf(reader.topic, reader.partition);
    const moved = leader !== undefined && leader.id !== broker.id && reader.failedBroker < 0;
    reader.failedBroker = broker.id;
    this.trouble(reader, error, moved);
  }

  private trouble(reader: PartitionReader, error: ZhumqError, atOnce: boolean): void {
    const now = this.cluster.options.clock.monotonicMs();
    reader.failingSinceMs ??= now;
    reader.notBeforeMs = atOnce ? -Infinity : now + reader.schedule.nextMs(error.code);
    this.wakeAt(reader.notBeforeMs);
    this.events.troubled(reader, error);
  }

  private wakeAt(dueMs: number): void {
    if (dueMs >= this.timerDueMs) return;
    const { clock } = this.cluster.options;
    this.timer?.cancel();
    this.timerDueMs = dueMs;
    this.timer = clock.after(Math.max(0, dueMs - clock.monotonicMs()), () => {
      this.timerDueMs = Infinity;
      this.wake();
    });
  }
}
