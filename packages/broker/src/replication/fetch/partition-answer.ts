// The answer to one position: what the core says, and the batches that belong to it. Recent bytes are in memory and leave
// in the same turn, by reference; older ones are read from disk, and the answer is asked for again when they are there.
import type { Answer, Position } from '@zhumq/fetch';
import type { LogSlice, ReplicaLog } from '@zhumq/log';
import type { FetchedPartition, FetchOutcome, Outgoing } from '@zhumq/rpc';
import type { PartitionRegistry } from '../../partition/partition-registry.js';
import type { Partition } from '../../partition/partition.js';
import type { GroupAddress } from '../raft/raft-messages.js';
import { answerToWire, unknownToWire } from './fetch-messages.js';
import { FetchReplicator } from './fetch-replicator.js';
import type { Throttle } from '../throttle.js';

/** A position that a follower named, and what it was told of it. */
export interface Asked {
  readonly key: string;
  readonly group: GroupAddress;
  position: Position;
  /** What was answered to this very position; undefined: nothing yet. */
  told: Told | undefined;
  /** Its last bytes were in memory: reading on is likely to cost nothing. */
  hot: boolean;
  /** Bytes that were read from disk for this position; undefined within while they are being read. */
  cold: { readonly offset: number; slice: LogSlice | undefined } | undefined;
}

export interface Told {
  readonly outcome: FetchOutcome;
  readonly highWatermark: number;
  readonly untaint: boolean;
  readonly syncThrough: number;
  /** Batches were sent: the follower will name another position. */
  readonly moves: boolean;
}

/** What is left of an answer. */
export interface Room {
  readonly bytes: number;
  /** Nothing is in it yet: one batch may be larger. */
  readonly first: boolean;
  /** Bytes of a read from disk; 0: none may begin now. */
  readonly coldBytes: number;
}

export type Outcome =
  /** `news`: worth an answer before the end of the wait. */
  | {
      readonly kind: 'answer';
      readonly wire: Outgoing<FetchedPartition>;
      readonly bytes: number;
      readonly news: boolean;
      readonly told: Told;
    }
  /** The next batch is larger than what is left of this answer. */
  | { readonly kind: 'noRoom' }
  /** Its bytes are being read from disk. */
  | { readonly kind: 'reading'; readonly slice: Promise<LogSlice>; readonly from: number }
  /** Its bytes are to be read from disk, when other reads have ended. */
  | { readonly kind: 'busy' }
  /** The follower is not in sync, and those had their share. */
  | { readonly kind: 'throttled'; readonly waitMs: number };

export interface PartitionAnswersOptions {
  readonly registry: PartitionRegistry;
  readonly throttle: Throttle;
}

export class PartitionAnswers {
  constructor(private readonly options: PartitionAnswersOptions) {}

  /** Also notes the position with the core. */
  to(asked: Asked, room: Room): Outcome {
    const { group, position } = asked;
    const partition = this.find(group);
    if (partition === undefined) {
      return plain(asked, unknownToWire(group, position.offset));
    }
    const answer = partition.replicator.answer(position);
    if (answer.kind !== 'records')
      return plain(asked, answerToWire(group, position.offset, answer));
    const { from, epoch } = answer;
    const { log } = partition;
    if (copiesInstead(partition, position)) {
      const copy = { kind: 'copySegments', epoch } as const;
      return plain(asked, answerToWire(group, position.offset, copy));
    }
    if (from >= log.logEnd) {
      asked.hot = true;
      return withBatches(asked, answer, undefined);
    }
    return this.withRecords(asked, partition, answer, room);
  }

  /** A follower's ends moved while its request waits. */
  report(group: GroupAddress, position: Position): void {
    this.find(group)?.replicator.report(position);
  }

  private find(group: GroupAddress) {
    const partition = this.options.registry.findGroup(group.topicId, group.partition);
    if (partition?.name.generation !== group.generation) return undefined;
    const { replicator, log, highWatermark } = partition as Partition;
    return replicator instanceof FetchReplicator ? { replicator, log, highWatermark } : undefined;
  }

  private withRecords(
    asked: Asked,
    { replicator, log }: LedPartition,
    answer: Records,
    room: Room,
  ): Outcome {
    const { throttle } = this.options;
    const throttled = !replicator.isr.includes(asked.position.replica);
    if (throttled && throttle.waitMs > 0) return { kind: 'throttled', waitMs: throttle.waitMs };
    const maxBytes = throttled ? Math.min(room.bytes, throttle.available) : room.bytes;
    const slice = read(asked, log, answer.from, maxBytes, room.coldBytes);
    if (slice === undefined) return { kind: 'busy' };
    if (slice instanceof Promise) return { kind: 'reading', slice, from: answer.from };
    if (slice.bytes > room.bytes && !room.first) return { kind: 'noRoom' };
    if (throttled) throttle.take(slice.bytes);
    return withBatches(asked, answer, slice);
  }
}

/** Undefined when the bytes are likely to be on disk only, and no read may begin now. */
function read(
  asked: Asked,
  log: ReplicaLog,
  from: number,
  maxBytes: number,
  coldBytes: number,
): LogSlice | Promise<LogSlice> | undefined {
  if (asked.cold?.offset === from && asked.cold.slice !== undefined) return asked.cold.slice;
  if (asked.hot) return log.read(from, log.logEnd, maxBytes);
  if (coldBytes === 0) return undefined;
  return log.read(from, log.logEnd, Math.min(maxBytes, coldBytes));
}

type Records = Extract<Answer, { kind: 'records' }>;
interface LedPartition {
  readonly replicator: FetchReplicator;
  readonly log: ReplicaLog;
  readonly highWatermark: number;
}

function plain(asked: Asked, wire: Outgoing<FetchedPartition>): Outcome {
  const { outcome, highWatermark } = wire;
  const told = { outcome, highWatermark, untaint: false, syncThrough: 0, moves: false };
  return { kind: 'answer', wire, bytes: 0, news: asked.told?.outcome !== outcome, told };
}

function withBatches(asked: Asked, answer: Records, slice: LogSlice | undefined): Outcome {
  const { highWatermark, untaint, syncThrough } = answer;
  const bytes = slice?.bytes ?? 0;
  const wire = answerToWire(asked.group, asked.position.offset, answer, slice?.buffers);
  const told = { outcome: wire.outcome, highWatermark, untaint, syncThrough, moves: bytes > 0 };
  const before = asked.told;
  const news =
    bytes > 0 || (untaint && before?.untaint !== true) || syncThrough > (before?.syncThrough ?? 0);
  return { kind: 'answer', wire, bytes, news, told };
}

/** An empty follower takes whole segments faster than batches, and without passing them through the leader's cache. */
function copiesInstead({ log, highWatermark }: LedPartition, position: Position): boolean {
  if (position.offset > 0 || log.logStart > 0 || log.sizeBytes < log.config.segmentBytes)
    return false;
  return log.snapshotState(highWatermark).segments.length > 1;
}
