// What a message must look like before anything is believed of it (rule 22). A message that fails is dropped and counted.
import type { Replica } from './replica.js';
import { isTerm, MAX_TERM } from './term.js';
import type { AppendRequest, Message } from './types.js';

export function isAcceptable(replica: Replica, message: Message): boolean {
  if (message.to !== replica.self || message.from === replica.self) return false;
  if (!isTerm(message.term)) return false;
  switch (message.type) {
    case 'vote':
    case 'preVote':
      return replica.isVoter(message.from) && isPlace(message.lastOffset, message.lastEpoch);
    case 'append':
      return isPlace(message.prevOffset, message.prevEpoch) && isWellFormedAppend(message);
    case 'snapshot':
      return isPlace(message.prevOffset, message.prevEpoch);
    case 'heartbeat':
      return isOffset(message.commit);
    case 'appendReply':
      if (!Number.isSafeInteger(message.incarnation)) return false;
      return isPlace(message.matched, message.matchedEpoch) && isOffset(message.probe);
    case 'heartbeatReply':
    case 'snapshotReply':
      return isOffset(message.matched) && Number.isSafeInteger(message.incarnation);
    case 'voteReply':
    case 'preVoteReply':
    case 'timeoutNow':
      return true;
  }
}

/** Batches follow each other without gaps, their epochs never fall and none is from after the message's term. */
function isWellFormedAppend(request: AppendRequest): boolean {
  let offset = request.prevOffset;
  let epoch = request.prevEpoch;
  for (const batch of request.batches) {
    if (batch.baseOffset !== offset + 1 || batch.lastOffset < batch.baseOffset) return false;
    if (!isOffset(batch.lastOffset) || batch.epoch < epoch) return false;
    offset = batch.lastOffset;
    epoch = batch.epoch;
  }
  return epoch <= request.term && isOffset(request.commit);
}

function isPlace(offset: number, epoch: number): boolean {
  return isOffset(offset) && epoch >= 0 && epoch <= MAX_TERM;
}

function isOffset(offset: number): boolean {
  return Number.isSafeInteger(offset) && offset >= -1;
}
