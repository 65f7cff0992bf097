// A follower behind the log start copies the log (the bytes are the driver's business) [Raft §7].
import {
  accepted,
  alive,
  append,
  candidacy,
  heartbeat,
  lone,
  loneLeader,
  refused,
  sent,
} from './testing/lone.js';
import { history } from './testing/history.js';
import { SimLog } from './testing/sim-log.js';
import type { SimReplica } from './testing/sim-replica.js';

const peer = (replica: SimReplica) => replica.core.peers()[0];
const offer = (term: number, prevOffset: number, prevEpoch: number) =>
  ({ type: 'snapshot', from: '2', to: '1', term, prevOffset, prevEpoch }) as const;
const snapshotReply = (matched: number, rejected = false) =>
  ({
    type: 'snapshotReply',
    from: '2',
    to: '1',
    term: 3,
    matched,
    rejected,
    incarnation: 1,
  }) as const;

/** A leader of term 3 whose log starts at 3 and ends at 5, and a follower that is behind it. */
function behindStart(): SimReplica {
  const replica = loneLeader([1, 1, 1, 2, 2]);
  replica.settle();
  for (const from of ['2', '3']) replica.step(accepted(from, 3, from === '3' ? 5 : -1));
  replica.dropThrough(2);
  replica.sent = [];
  replica.step(refused('2', 3, 4, 0, 1));
  return replica;
}

function copied(epochs: readonly number[], through: number): SimLog {
  const log = new SimLog(undefined, history(epochs));
  log.dropThrough(through);
  return log;
}

function install(replica: SimReplica, term: number, log: SimLog): void {
  replica.installLog(log);
  replica.input((core) => {
    core.snapshotInstalled('2', term, log.lastOffset);
  });
}

describe('the leader', () => {
  test('offers a snapshot to a follower behind its log start, and sends nothing else meanwhile', () => {
    const replica = behindStart();
    expect(sent(replica, 'snapshot')).toMatchObject([{ to: '2', prevOffset: 2, prevEpoch: 1 }]);
    expect(peer(replica)?.state).toBe('snapshot');
    replica.propose();
    replica.step(alive('2', 3, 0));
    expect(sent(replica, 'append').filter(({ to }) => to === '2')).toEqual([]);
  });

  test('goes on behind what was copied', () => {
    const replica = behindStart();
    replica.step(snapshotReply(4));
    expect(peer(replica)).toMatchObject({ state: 'replicate', matched: 4, next: 6 });
    expect(sent(replica, 'append')).toMatchObject([{ to: '2', prevOffset: 4 }]);
  });

  test('offers again after a failed copy, with the next heartbeat', () => {
    const replica = behindStart();
    replica.sent = [];
    replica.step(snapshotReply(0, true));
    expect([peer(replica)?.state, replica.sent]).toEqual(['probe', []]);
    replica.step(alive('2', 3, 0));
    expect(sent(replica, 'snapshot')).toHaveLength(1);
  });

  test('goes on when an append reply or a heartbeat reply shows the copy', () => {
    for (const reply of [accepted('2', 3, 3), alive('2', 3, 3)]) {
      const replica = behindStart();
      replica.step(reply);
      expect(peer(replica)).toMatchObject({ state: 'replicate', matched: 3 });
    }
  });

  test('goes on with a copy that ends before the log start of by now, by another offer', () => {
    const replica = behindStart();
    replica.dropThrough(3);
    replica.step(snapshotReply(2));
    expect(sent(replica, 'snapshot').at(-1)).toMatchObject({ prevOffset: 3, prevEpoch: 2 });
  });

  test('repeats an offer that may have been lost', () => {
    const replica = behindStart();
    replica.sent = [];
    replica.tick(10);
    expect(sent(replica, 'snapshot')).toHaveLength(1);
  });

  test('ignores the answer to a snapshot that it does not wait for', () => {
    const replica = loneLeader([1, 1, 1, 2, 2]);
    replica.step(snapshotReply(4));
    expect(peer(replica)).toMatchObject({ state: 'probe', matched: -1 });
  });

  test('offers a snapshot when the log start passed a plan that was being read', () => {
    const replica = loneLeader([1, 1, 1, 2, 2]);
    replica.settle();
    replica.step(accepted('3', 3, 5));
    replica.holdPlans = true;
    replica.step(refused('2', 3, 4, 0, 1));
    replica.dropThrough(2);
    replica.sent = [];
    replica.finishPlans();
    expect(sent(replica, 'snapshot')).toMatchObject([{ to: '2', prevOffset: 2 }]);
  });

  test('never installs a snapshot itself', () => {
    const replica = loneLeader([1]);
    replica.step({ ...offer(2, 9, 2), from: '3' });
    expect(replica.effects.some(({ kind }) => kind === 'installSnapshot')).toBe(false);
    expect(replica.effects.at(-1)).toMatchObject({ kind: 'fatal' });
  });
});

describe('the follower', () => {
  test('asks its driver to copy, and then has the log, the commit offset and the leader', () => {
    const replica = lone([1, 1]);
    replica.step(offer(3, 2, 1));
    expect(replica.effects.at(-1)).toEqual({ kind: 'installSnapshot', from: '2', term: 3 });
    replica.settle();
    install(replica, 3, copied([1, 1, 1, 2, 2], 2));
    expect([replica.core.commit, replica.core.durableCommit]).toEqual([2, 2]);
    expect(sent(replica, 'snapshotReply')).toMatchObject([{ matched: 4, rejected: false }]);
    replica.step(append(3, [1, 1, 1, 2, 2, 3], 5));
    expect(replica.log.lastOffset).toBe(5);
  });

  test('joins up without a copy when it has the offset and the epoch already', () => {
    const replica = lone([1, 1, 1, 2]);
    replica.step(offer(2, 2, 1));
    expect(replica.effects.some(({ kind }) => kind === 'installSnapshot')).toBe(false);
    expect(sent(replica, 'snapshotReply')).toMatchObject([{ matched: 2, rejected: false }]);
    expect(replica.log.lastOffset).toBe(3);
  });

  test('answers an old offer with what it has committed', () => {
    const replica = lone([1, 1, 1, 2], { commit: 3 });
    replica.step(offer(2, 1, 1));
    expect(sent(replica, 'snapshotReply')).toMatchObject([{ matched: 3, rejected: false }]);
    replica.step(offer(1, 9, 1));
    expect(replica.effects.some(({ kind }) => kind === 'installSnapshot')).toBe(false);
  });

  test('neither campaigns, votes nor appends while it copies, and ignores another offer', () => {
    const replica = lone([1]);
    replica.step(offer(1, 9, 1));
    replica.effects = [];
    replica.step(offer(1, 9, 1));
    replica.step(append(1, [1, 1], 1));
    replica.campaign();
    replica.tick(50);
    replica.step(candidacy('vote', '3', 2, [9, 9]));
    replica.settle();
    expect([replica.core.role, replica.log.lastOffset]).toEqual(['follower', 0]);
    expect(sent(replica, 'voteReply')).toMatchObject([{ granted: false }]);
    expect(replica.effects.some(({ kind }) => kind === 'installSnapshot')).toBe(false);
  });

  test('reports a failed copy and goes on as it was', () => {
    const replica = lone([1]);
    replica.step(offer(1, 9, 1));
    replica.input((core) => {
      core.snapshotFailed('2', 1);
    });
    expect(sent(replica, 'snapshotReply')).toMatchObject([{ rejected: true }]);
    replica.step(append(1, [1, 1], 1));
    expect(replica.log.lastOffset).toBe(1);
  });

  test('keeps a copy that is finished under a later leader, and promises it nothing', () => {
    const replica = lone([1]);
    replica.step(offer(1, 2, 1));
    replica.step({ ...heartbeat(5), from: '3' });
    replica.settle();
    replica.sent = [];
    install(replica, 1, copied([1, 1, 1, 1], 2));
    expect([replica.sent, replica.core.commit]).toEqual([[], 2]);
    replica.step({ ...heartbeat(5), from: '3' });
    expect(sent(replica, 'heartbeatReply')).toMatchObject([{ matched: 2 }]);
  });

  test('ignores the end of a copy that it does not wait for', () => {
    const replica = lone([1]);
    replica.step(offer(1, 9, 1));
    replica.input((core) => {
      core.snapshotInstalled('3', 1, 9);
      core.snapshotFailed('2', 0);
      core.snapshotInstalled('2', 7, 9);
    });
    expect([replica.sent, replica.core.commit]).toEqual([[], -1]);
  });

  test('a copy that ends before the log start is a gap, and fatal', () => {
    const replica = lone([1]);
    replica.step(offer(1, 9, 1));
    replica.input((core) => {
      core.snapshotInstalled('2', 1, 5);
    });
    expect(replica.effects.at(-1)).toMatchObject({ kind: 'fatal' });
  });
});

describe('a follower that doubts what lies below its log start', () => {
  /** Its log starts at 3, behind a record of epoch 2. */
  function doubting(): SimReplica {
    const replica = lone([1, 1, 2, 2, 2], { doubtsStart: true });
    replica.dropThrough(2);
    replica.settle();
    return replica;
  }
  const last = (replica: SimReplica) => replica.effects.at(-1);

  test('says that it has nothing of a leader before it has found something in common', () => {
    const replica = doubting();
    replica.step(heartbeat(3));
    replica.settle();
    expect(sent(replica, 'heartbeatReply')).toMatchObject([{ matched: -1 }]);
    replica.step(append(3, [1, 1, 2, 2, 3], 3));
    replica.settle();
    expect(sent(replica, 'appendReply')).toMatchObject([{ rejected: false, matched: 4 }]);
  });

  test('is told where to look by a conflict above its start', () => {
    const replica = doubting();
    replica.step(append(4, [1, 1, 2, 3, 3], 5));
    replica.settle();
    expect(sent(replica, 'appendReply')).toMatchObject([{ rejected: true, matched: 4 }]);
    replica.step(append(4, [1, 1, 2, 3, 3], 3));
    expect(replica.log.lastOffset).toBe(4);
    expect(replica.log.epochAt(4)).toBe(3);
  });

  test.each([
    ['ends before it', append(3, [1, 1], 2)],
    ['has another record before its start', append(4, [1, 1, 3], 2)],
    ['offers a copy from elsewhere', { ...offer(4, 4, 3) }],
  ])('starts over when the leader %s, and is silent', (_, message) => {
    const replica = doubting();
    replica.step(message);
    replica.settle();
    expect(last(replica)).toEqual({ kind: 'startOver' });
    replica.sent = [];
    replica.step(heartbeat(5));
    expect(replica.sent).toEqual([]);
  });
});
