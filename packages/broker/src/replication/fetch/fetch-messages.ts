// One translation per border: positions and answers of the core to the wire's and back. Bytes pass by reference. Whatever
// arrives is untrusted: what does not make sense is refused here, before the core sees it.
import { checkStoredBatch } from '@zhumq/model';
import type { Answer, BatchSpan, Position, ReceivedAnswer } from '@zhumq/fetch';
import { FetchOutcome } from '@zhumq/rpc';
import type { FetchedPartition, FetchPosition, Outgoing } from '@zhumq/rpc';
import type { GroupAddress } from '../raft/raft-messages.js';

/** How a partition is named in `forgotten`, and in tables. */
export function partitionKey(topicId: string, partition: number): string {
  return `${topicId}:${partition}`;
}

export function positionToWire(group: GroupAddress, position: Position): FetchPosition {
  return {
    topicId: group.topicId,
    partition: group.partition,
    generation: group.generation,
    replicaId: position.replica,
    epoch: position.epoch,
    offset: position.offset,
    lastEpoch: position.lastEpoch,
    durableEnd: position.durableEnd,
    syncedEnd: position.syncedEnd,
    tainted: position.tainted,
  };
}

/** The core's form of a position; undefined when it can not come from a follower that is in its right mind. */
export function positionFromWire(wire: FetchPosition, incarnation: number): Position | undefined {
  const { epoch, offset, lastEpoch, durableEnd, syncedEnd, tainted, replicaId } = wire;
  if (!isEpoch(epoch) || !isEpoch(lastEpoch)) return undefined;
  if (!isOffset(offset) || !isOffset(durableEnd) || !isOffset(syncedEnd)) return undefined;
  if (durableEnd > offset || syncedEnd > offset || !REPLICA_ID.test(replicaId)) return undefined;
  return {
    replica: replicaId,
    incarnation,
    epoch,
    offset,
    lastEpoch,
    durableEnd,
    syncedEnd,
    // Who does not say that it can be trusted is not.
    tainted: tainted !== false,
  };
}

/** The wire form of an answer to a position at `offset`; `buffers` are the batches of `records`. */
export function answerToWire(
  group: GroupAddress,
  offset: number,
  answer: Answer,
  buffers: readonly Buffer[] = [],
): Outgoing<FetchedPartition> {
  const common = {
    ...emptyAnswer(group, offset),
    epoch: answer.epoch,
    outcome: OUTCOMES[answer.kind],
  };
  switch (answer.kind) {
    case 'records': {
      const { highWatermark, logStart, untaint, syncThrough } = answer;
      const batches = buffers as Buffer[];
      return { ...common, batches, highWatermark, logStart, untaint, syncThrough };
    }
    case 'diverging':
      return {
        ...common,
        divergingEpoch: answer.divergingEpoch,
        divergingEnd: answer.divergingEnd,
      };
    default:
      return common;
  }
}

/** To a position of a partition that is not here in that generation. */
export function unknownToWire(group: GroupAddress, offset: number): Outgoing<FetchedPartition> {
  return { ...emptyAnswer(group, offset), outcome: FetchOutcome.UNKNOWN };
}

/**
 * The core's form of an answer that `leader` gave; undefined when it makes no sense. Batches are checked here, before the
 * core decides anything: once it has decided to append, a refusal by the log would put the replica out of service.
 */
export function answerFromWire(wire: FetchedPartition, leader: string): ReceivedAnswer | undefined {
  const { epoch, offset, outcome, highWatermark, logStart, syncThrough } = wire;
  if (!isEpoch(epoch) || !isOffset(offset)) return undefined;
  const envelope = { leader, offset, epoch, batches: [] as readonly BatchSpan[] };
  switch (outcome) {
    case FetchOutcome.RECORDS: {
      if (!isOffset(highWatermark) || !isOffset(logStart) || !isOffset(syncThrough))
        return undefined;
      const payload = wire.batches as Buffer | undefined;
      const batches = payload === undefined ? [] : batchSpans(payload, offset, epoch);
      if (batches === undefined) return undefined;
      const untaint = wire.untaint === true;
      const told = { highWatermark, logStart, untaint, syncThrough };
      return { ...envelope, ...told, kind: 'records', from: offset, batches, payload };
    }
    case FetchOutcome.DIVERGING: {
      const { divergingEpoch, divergingEnd } = wire;
      if (!isEpoch(divergingEpoch) || !isOffset(divergingEnd)) return undefined;
      return { ...envelope, kind: 'diverging', divergingEpoch, divergingEnd };
    }
    case FetchOutcome.COPY_SEGMENTS:
      return { ...envelope, kind: 'copySegments' };
    case FetchOutcome.FENCED:
      return { ...envelope, kind: 'fenced' };
    case FetchOutcome.NOT_LEADER:
    case FetchOutcome.UNKNOWN:
      // Who does not have the partition in this generation (yet) does not lead it, either.
      return { ...envelope, kind: 'notLeader' };
    default:
      return undefined;
  }
}

/**
 * Where the batches lie, from their headers and checksums alone; undefined when they are not whole, undamaged batches
 * that go on at `offset` without a hole, with epochs that do not fall nor exceed the leader's (rule 22).
 */
function batchSpans(payload: Buffer, offset: number, epoch: number): BatchSpan[] | undefined {
  const spans: BatchSpan[] = [];
  let minEpoch = 0;
  let nextOffset: number | undefined;
  for (let position = 0; position < payload.length;) {
    const expected = { minEpoch, maxEpoch: epoch, nextOffset };
    const stored = checkStoredBatch(payload, position, expected);
    if (stored.kind !== 'batch') return undefined;
    const { baseOffset, lastOffset, epoch: batchEpoch, sizeBytes } = stored.header;
    if (spans.length === 0 && (baseOffset > offset || lastOffset < offset)) return undefined;
    spans.push({ baseOffset, lastOffset, epoch: batchEpoch, bytes: sizeBytes });
    minEpoch = batchEpoch;
    nextOffset = lastOffset + 1;
    position += sizeBytes;
  }
  return spans;
}

function emptyAnswer(group: GroupAddress, offset: number): Omit<FetchedPartition, 'outcome'> {
  const { topicId, partition, generation } = group;
  return {
    ...{ topicId, partition, generation, offset, epoch: 0, batches: EMPTY },
    ...{ highWatermark: 0, logStart: 0, divergingEpoch: 0, divergingEnd: 0 },
    ...{ untaint: false, syncThrough: 0 },
  };
}

function isOffset(value: number | undefined): value is number {
  return value !== undefined && Number.isSafeInteger(value) && value >= 0;
}

function isEpoch(value: number | undefined): value is number {
  return value !== undefined && Number.isInteger(value) && value >= 0 && value <= 0x7fffffff;
}

const OUTCOMES = {
  records: FetchOutcome.RECORDS,
  diverging: FetchOutcome.DIVERGING,
  copySegments: FetchOutcome.COPY_SEGMENTS,
  fenced: FetchOutcome.FENCED,
  notLeader: FetchOutcome.NOT_LEADER,
} as const;
const REPLICA_ID = /^[0-9a-f]{32}$/;
const EMPTY = Buffer.alloc(0);
