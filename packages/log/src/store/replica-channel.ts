// One replica's way to the write-ahead log, and how far it has come. The bookkeeping is group-commit.ts's.
import { assert } from '@zhumq/base';
import type {
  ReplicaIdentity,
  ReplicaLog,
  ReplicaWal,
  WalParticipant,
  WalRecord,
} from '../types.js';

/** What a channel hands its writes to. */
export interface ChannelSink {
  gather(channel: ReplicaChannel, record: WalRecord): void;
  markDirty(channel: ReplicaChannel): void;
  syncWithin(channel: ReplicaChannel, ms: number): void;
  sync(channel: ReplicaChannel, segments: boolean): Promise<void>;
}

export class ReplicaChannel implements ReplicaWal {
  /** The replica's id as it stands in frames. */
  readonly id: Buffer;
  /** The log; absent while it is being recovered. */
  replica: (ReplicaLog & WalParticipant) | undefined;

  // Sequences: how far the replica has gathered, and its frames were written and synced.
  // Invariant: synced <= written <= gathered, notified <= written.
  gathered: number;
  written: number;
  synced: number;
  notified: number;
  /** Largest sequence whose frame must be synced before it, or anything after it, counts. */
  mustSync: number;

  // Membership in the sets of group-commit.ts: flags instead of look-ups, there are up to 10,000 channels.
  inTick = false;
  awaitsSync = false;
  awaitsIntervalSync = false;
  /** Segments were written since the last checkpoint's row. */
  dirty = false;
  /** What had been written when the checkpoint that runs was begun: its row must cover that. */
  rowFloor = 0;

  failure: Error | undefined;
  closed = false;

  constructor(
    readonly identity: ReplicaIdentity,
    /** Name of its folder below partitions/. */
    readonly folder: string,
    private readonly sink: ChannelSink,
    /** Of its last frame; -1 for a new replica, whose `create` frame counts as number 0. */
    sequence: number,
  ) {
    this.id = Buffer.from(identity.replicaId, 'hex');
    this.gathered = sequence;
    this.written = sequence;
    this.synced = sequence;
    this.notified = sequence;
    this.mustSync = sequence;
  }

  /** Recovery replayed a frame. */
  recovered(sequence: number): void {
    this.gathered = sequence;
    this.written = sequence;
    this.synced = sequence;
    this.notified = sequence;
    this.mustSync = sequence;
  }

  write(record: WalRecord): void {
    assert(
      record.sequence === this.gathered + 1,
      `replica ${this.identity.replicaId} wrote ${record.sequence} after ${this.gathered}`,
    );
    this.sink.gather(this, record);
  }

  markDirty(): void {
    this.sink.markDirty(this);
  }

  syncWithin(ms: number): void {
    this.sink.syncWithin(this, ms);
  }

  sync(segments: boolean): Promise<void> {
    return this.sink.sync(this, segments);
  }
}
