// One replica, "1" of the voters "1", "2" and "3" unless told otherwise, and the messages that the others would send it.
import type {
  AppendReply,
  AppendRequest,
  HeartbeatReply,
  Message,
  RaftConfig,
  VoteReply,
  VoteRequest,
} from '../types.js';
import { baseConfig } from './sim-cluster.js';
import { history } from './history.js';
import { freshState, SimReplica } from './sim-replica.js';

let batchIds = 0;

/** Always the shortest election timeout. */
const shortest = { below: () => 0 };

export function lone(epochs: readonly number[] = [], change: Partial<RaftConfig> = {}): SimReplica {
  const term = epochs.at(-1) ?? 0;
  const config = { ...baseConfig, hardState: { ...freshState, term }, ...change };
  return new SimReplica(config, shortest, { nextBatchId: () => (batchIds += 1) }, history(epochs));
}

/** A leader of three whose term has begun with its leader-change batch, written and not synced. */
export function loneLeader(
  epochs: readonly number[] = [],
  change: Partial<RaftConfig> = {},
): SimReplica {
  const replica = lone(epochs, change);
  lead(replica);
  replica.sent = [];
  replica.effects = [];
  return replica;
}

export function lead(replica: SimReplica): void {
  replica.campaign();
  for (const from of replica.config.voters.slice(1)) {
    replica.step(vote('preVoteReply', from, replica.core.term + 1, true));
    if (replica.core.role === 'candidate') break;
  }
  replica.settle();
  for (const from of replica.config.voters.slice(1)) {
    if (replica.core.role !== 'leader')
      replica.step(vote('voteReply', from, replica.core.term, true));
  }
}

/** A leader "2" whose log has these epochs sends those from offset `first` on. */
export function append(
  term: number,
  epochs: readonly number[],
  first: number,
  change: Partial<AppendRequest> = {},
): AppendRequest {
  const batches = history(epochs).slice(first);
  const prevEpoch = epochs[first - 1] ?? 0;
  const place = { prevOffset: first - 1, prevEpoch, batches, payload: batches, commit: -1 };
  return { type: 'append', from: '2', to: '1', term, ...place, ...change };
}

export function heartbeat(term: number, commit = -1, readContext = 0): Message {
  return { type: 'heartbeat', from: '2', to: '1', term, commit, readContext };
}

export function accepted(
  from: string,
  term: number,
  matched: number,
  change: Partial<AppendReply> = {},
): AppendReply {
  const answer = {
    rejected: false,
    matched,
    matchedEpoch: 0,
    probe: -1,
    tainted: false,
    incarnation: 1,
  };
  return { type: 'appendReply', from, to: '1', term, ...answer, ...change };
}

export function refused(
  from: string,
  term: number,
  probe: number,
  matched: number,
  matchedEpoch: number,
): AppendReply {
  return accepted(from, term, matched, { rejected: true, probe, matchedEpoch });
}

export function alive(
  from: string,
  term: number,
  matched: number,
  change: Partial<HeartbeatReply> = {},
): HeartbeatReply {
  const answer = { readContext: 0, matched, tainted: false, incarnation: 1 };
  return { type: 'heartbeatReply', from, to: '1', term, ...answer, ...change };
}

export function vote(
  type: VoteReply['type'],
  from: string,
  term: number,
  granted: boolean,
): VoteReply {
  return { type, from, to: '1', term, granted };
}

export function candidacy(
  type: VoteRequest['type'],
  from: string,
  term: number,
  last: readonly [epoch: number, offset: number],
  transfer = false,
): VoteRequest {
  const [lastEpoch, lastOffset] = last;
  return { type, from, to: '1', term, lastOffset, lastEpoch, transfer };
}

/** What was sent since the last call, of the given types. */
export function sent<T extends Message['type']>(
  replica: SimReplica,
  ...types: T[]
): Extract<Message, { type: T }>[] {
  const wanted = replica.sent.filter((message): message is Extract<Message, { type: T }> =>
    (types as string[]).includes(message.type),
  );
  replica.sent = [];
  return wanted;
}

export function effectKinds(replica: SimReplica): string[] {
  const kinds = replica.effects.map(({ kind }) => kind);
  replica.effects = [];
  return kinds;
}
