// Answers to vote requests, in every role [Raft §5.2, §5.4.1, §9.6].
import type { Replica } from './replica.js';
import type { VoteRequest } from './types.js';

/**
 * Takes a request of the present term or, a pre-vote, of any term. A pre-vote changes nothing here, neither term, vote
 * nor timer: it only asks what this voter would say.
 */
export function handleVoteRequest(replica: Replica, request: VoteRequest): void {
  const real = request.type === 'vote';
  const granted =
    replica.mayVote && (real ? mayGrant(replica, request) : wouldGrant(replica, request));
  if (granted && real) {
    replica.ballot.voteFor(request.from);
    // Only a granted vote resets the timer: refusing must not keep a better candidate from standing.
    replica.timer.reset();
  }
  replica.reply({
    type: real ? 'voteReply' : 'preVoteReply',
    from: replica.self,
    to: request.from,
    // A granted pre-vote speaks of the term asked for; a refusal carries this voter's own, so that a candidate from
    // the past learns of it and does not ask for ever.
    term: granted ? request.term : replica.term,
    granted,
  });
}

/** Leader stickiness: a voter that hears a leader helps nobody to replace it [Raft §6, last paragraph]. */
export function hearsLeader(replica: Replica): boolean {
  if (replica.leader === replica.self) return true;
  return replica.leader !== undefined && replica.timer.recent;
}

function mayGrant(replica: Replica, request: VoteRequest): boolean {
  const { vote } = replica.ballot;
  if (vote !== undefined && vote !== request.from) return false;
  if (replica.leader !== undefined && replica.leader !== request.from) return false;
  return replica.log.isNotAheadOf(request.lastOffset, request.lastEpoch);
}

function wouldGrant(replica: Replica, request: VoteRequest): boolean {
  if (request.term <= replica.term || hearsLeader(replica)) return false;
  return replica.log.isNotAheadOf(request.lastOffset, request.lastEpoch);
}
