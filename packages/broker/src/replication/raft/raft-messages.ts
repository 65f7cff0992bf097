// One translation per border: the core's messages to the wire's and back. Bytes pass by reference. Whatever arrives is
// untrusted: a message that does not make sense is refused here, before the core sees it.
import { RaftMessageType } from '@zhumq/rpc';
import type { Outgoing, RaftMessage } from '@zhumq/rpc';
import { checkStoredBatch } from '@zhumq/model';
import type { BatchSpan, Message } from '@zhumq/raft';

/** Names the group on the wire. */
export interface GroupAddress {
  readonly topicId: string;
  readonly partition: number;
  readonly generation: number;
}

type WireFields = Omit<
  Outgoing<RaftMessage>,
  'topicId' | 'partition' | 'generation' | 'fromReplica' | 'toReplica' | 'term'
>;

/** The wire form of a message; `buffers` are the batches of an append. */
export function toWire(
  group: GroupAddress,
  message: Message,
  buffers: readonly Buffer[] = [],
): Outgoing<RaftMessage> {
  return {
    topicId: group.topicId,
    partition: group.partition,
    generation: group.generation,
    fromReplica: message.from,
    toReplica: message.to,
    term: message.term,
    ...wireFields(message, buffers),
  };
}

function wireFields(message: Message, buffers: readonly Buffer[]): WireFields {
  switch (message.type) {
    case 'preVote':
    case 'vote':
      return {
        type: message.type === 'vote' ? RaftMessageType.VOTE : RaftMessageType.PRE_VOTE,
        offset: message.lastOffset,
        epoch: message.lastEpoch,
        transfer: message.transfer,
      };
    case 'preVoteReply':
    case 'voteReply':
      return {
        type:
          message.type === 'voteReply'
            ? RaftMessageType.VOTE_REPLY
            : RaftMessageType.PRE_VOTE_REPLY,
        rejected: !message.granted,
      };
    case 'append':
      return {
        type: RaftMessageType.APPEND,
        offset: message.prevOffset,
        epoch: message.prevEpoch,
        commit: message.commit,
        batches: buffers as Buffer[],
        untaint: message.untaint,
      };
    case 'appendReply':
      return {
        type: RaftMessageType.APPEND_REPLY,
        rejected: message.rejected,
        matched: message.matched,
        matchedEpoch: message.matchedEpoch,
        probe: message.probe,
        tainted: message.tainted,
        incarnation: message.incarnation,
      };
    case 'heartbeat':
      return {
        type: RaftMessageType.HEARTBEAT,
        commit: message.commit,
        readContext: message.readContext,
        untaint: message.untaint,
        asleep: message.sleep,
      };
    case 'heartbeatReply':
      return {
        type: RaftMessageType.HEARTBEAT_REPLY,
        readContext: message.readContext,
        matched: message.matched,
        tainted: message.tainted,
        incarnation: message.incarnation,
        asleep: message.asleep,
      };
    case 'timeoutNow':
      return { type: RaftMessageType.TIMEOUT_NOW };
    case 'snapshot':
      return {
        type: RaftMessageType.SNAPSHOT,
        offset: message.prevOffset,
        epoch: message.prevEpoch,
      };
    case 'snapshotReply':
      return {
        type: RaftMessageType.SNAPSHOT_REPLY,
        rejected: message.rejected,
        matched: message.matched,
        incarnation: message.incarnation,
      };
  }
}

/** The core's form of a message; undefined when a field that the type needs is missing or the batches are malformed. */
export function fromWire(wire: RaftMessage): Message | undefined {
  const envelope = { from: wire.fromReplica, to: wire.toReplica, term: wire.term };
  if (!isTerm(wire.term)) return undefined;
  switch (wire.type) {
    case RaftMessageType.PRE_VOTE:
    case RaftMessageType.VOTE: {
      if (!isOffset(wire.offset) || !isTerm(wire.epoch)) return undefined;
      const type = wire.type === RaftMessageType.VOTE ? 'vote' : 'preVote';
      return {
        ...envelope,
        type,
        lastOffset: wire.offset,
        lastEpoch: wire.epoch,
        transfer: wire.transfer === true,
      };
    }
    case RaftMessageType.PRE_VOTE_REPLY:
      return { ...envelope, type: 'preVoteReply', granted: wire.rejected === false };
    case RaftMessageType.VOTE_REPLY:
      return { ...envelope, type: 'voteReply', granted: wire.rejected === false };
    case RaftMessageType.APPEND:
      return appendFromWire(wire);
    case RaftMessageType.APPEND_REPLY: {
      const { matched, matchedEpoch, probe, incarnation } = wire;
      if (
        !isOffset(matched) ||
        !isOffset(probe) ||
        !isTerm(matchedEpoch) ||
        incarnation === undefined
      )
        return undefined;
      const rejected = wire.rejected === true;
      const tainted = wire.tainted === true;
      return {
        ...envelope,
        type: 'appendReply',
        rejected,
        matched,
        matchedEpoch,
        probe,
        tainted,
        incarnation,
      };
    }
    case RaftMessageType.HEARTBEAT:
      if (!isOffset(wire.commit)) return undefined;
      return {
        ...envelope,
        type: 'heartbeat',
        commit: wire.commit,
        readContext: wire.readContext ?? 0,
        untaint: wire.untaint,
        ...(wire.asleep === true && { sleep: true }),
      };
    case RaftMessageType.HEARTBEAT_REPLY: {
      const { matched, incarnation } = wire;
      if (!isOffset(matched) || incarnation === undefined) return undefined;
      const tainted = wire.tainted === true;
      return {
        ...envelope,
        type: 'heartbeatReply',
        readContext: wire.readContext ?? 0,
        matched,
        tainted,
        incarnation,
        ...(wire.asleep === true && { asleep: true }),
      };
    }
    case RaftMessageType.TIMEOUT_NOW:
      return { ...envelope, type: 'timeoutNow' };
    case RaftMessageType.SNAPSHOT:
      if (!isOffset(wire.offset) || !isTerm(wire.epoch)) return undefined;
      return { ...envelope, type: 'snapshot', prevOffset: wire.offset, prevEpoch: wire.epoch };
    case RaftMessageType.SNAPSHOT_REPLY:
      if (!isOffset(wire.matched) || wire.incarnation === undefined) return undefined;
      return {
        ...envelope,
        type: 'snapshotReply',
        rejected: wire.rejected === true,
        matched: wire.matched,
        incarnation: wire.incarnation,
      };
    default:
      return undefined;
  }
}

function appendFromWire(wire: RaftMessage): Message | undefined {
  if (!isOffset(wire.offset) || !isTerm(wire.epoch) || !isOffset(wire.commit)) return undefined;
  const payload = wire.batches === undefined ? EMPTY : (wire.batches as Buffer);
  const batches = batchSpans(payload, wire.term);
  if (batches === undefined) return undefined;
  return {
    type: 'append',
    from: wire.fromReplica,
    to: wire.toReplica,
    term: wire.term,
    prevOffset: wire.offset,
    prevEpoch: wire.epoch,
    batches,
    payload,
    commit: wire.commit,
    untaint: wire.untaint,
  };
}

/**
 * Where the batches lie; undefined when the bytes are not whole, undamaged batches. Checked here, before the core decides
 * anything: once it has decided to append, a refusal by the log would put the replica out of service.
 */
function batchSpans(payload: Buffer, term: number): BatchSpan[] | undefined {
  const spans: BatchSpan[] = [];
  for (let position = 0; position < payload.length;) {
    const stored = checkStoredBatch(payload, position, { maxEpoch: term });
    if (stored.kind !== 'batch') return undefined;
    const { baseOffset, lastOffset, epoch, sizeBytes } = stored.header;
    spans.push({ baseOffset, lastOffset, epoch, bytes: sizeBytes });
    position += sizeBytes;
  }
  return spans;
}

function isOffset(value: number | undefined): value is number {
  return value !== undefined && Number.isSafeInteger(value) && value >= -1;
}

function isTerm(value: number | undefined): value is number {
  return value !== undefined && Number.isInteger(value) && value >= 0 && value <= 0x7fffffff;
}

const EMPTY = Buffer.alloc(0);
