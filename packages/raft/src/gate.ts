// The rules about terms that hold in every role, applied before a role sees a message [Raft §5.1].
import { isAcceptable } from './message-check.js';
import type { Replica } from './replica.js';
import type { Transitions } from './role.js';
import type { Message } from './types.js';
import { hearsLeader } from './voter.js';

/** Whether the role shall handle the message; afterwards the replica is in the message's term (pre-votes excepted). */
export function admit(replica: Replica, transitions: Transitions, message: Message): boolean {
  if (!isAcceptable(replica, message)) {
    replica.rejectedMessages += 1;
    return false;
  }
  if (message.term < replica.term) {
    answerStale(replica, message);
    return false;
  }
  if (message.term > replica.term) return admitNewer(replica, transitions, message);
  return true;
}

function admitNewer(replica: Replica, transitions: Transitions, message: Message): boolean {
  const { from, term, type } = message;
  switch (type) {
    case 'preVote':
      return true;
    case 'preVoteReply':
      // A grant names the term that was asked for, which nobody has entered; a refusal names the voter's own.
      if (message.granted) return true;
      break;
    case 'vote':
      // Stickiness: a replica that was cut off must not depose a leader that the others hear [Raft §6]. No answer: the
      // leader learns of the larger term when its next heartbeat is refused, and steps down for a new election.
      if (hearsLeader(replica) && !message.transfer) return false;
      break;
    case 'append':
    case 'heartbeat':
    case 'snapshot':
      transitions.becomeFollower(term, from);
      return true;
    default:
      break;
  }
  transitions.becomeFollower(term, undefined);
  return true;
}

/**
 * Tells a sender from the past which term it is. Without it two replicas that refuse each other, one for its old term and
 * one for its old log, would wait for ever.
 */
function answerStale(replica: Replica, message: Message): void {
  const { self, term, config } = replica;
  const envelope = { from: self, to: message.from, term };
  const { tainted } = replica.ballot;
  const { incarnation } = config;
  switch (message.type) {
    case 'vote':
      replica.reply({ ...envelope, type: 'voteReply', granted: false });
      return;
    case 'preVote':
      replica.reply({ ...envelope, type: 'preVoteReply', granted: false });
      return;
    case 'append':
    case 'snapshot': {
      const probe = message.prevOffset;
      const nothing = { rejected: true, matched: -1, matchedEpoch: 0, probe };
      replica.reply({ ...envelope, type: 'appendReply', ...nothing, tainted, incarnation });
      return;
    }
    case 'heartbeat': {
      const nothing = { readContext: 0, matched: -1 };
      replica.reply({ ...envelope, type: 'heartbeatReply', ...nothing, tainted, incarnation });
      return;
    }
    default:
      return;
  }
}
