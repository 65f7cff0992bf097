// What is on disk before what is said, and what a crash, a failed disk and a taint change (rules 4, 6, 16, 30).
import {
  accepted,
  alive,
  append,
  candidacy,
  effectKinds,
  heartbeat,
  lone,
  loneLeader,
  sent,
  vote,
} from './testing/lone.js';
import { SimCluster } from './testing/sim-cluster.js';
import { freshState } from './testing/sim-replica.js';

const tainted = { hardState: { ...freshState, term: 1, tainted: true } };

describe('votes', () => {
  test('a vote leaves when term and vote are on disk', () => {
    const replica = lone([1]);
    replica.step(candidacy('vote', '2', 2, [1, 0]));
    expect(replica.sent).toEqual([]);
    expect(effectKinds(replica)).toEqual(
      expect.arrayContaining(['saveHardState', 'sendAfterSync']),
    );
    replica.settle();
    expect(replica.disk.hardState).toEqual({ term: 2, vote: '2', tainted: false });
    expect(sent(replica, 'voteReply')).toMatchObject([{ granted: true, term: 2 }]);
  });

  test('a candidacy leaves when the own vote is on disk', () => {
    const replica = lone([1]);
    replica.campaign();
    replica.step(vote('preVoteReply', '2', 2, true));
    expect(sent(replica, 'vote')).toEqual([]);
    replica.settle();
    expect(sent(replica, 'vote')).toHaveLength(2);
  });

  test('a voter that crashes after its vote refuses another candidate of that term', () => {
    const replica = lone([1]);
    replica.step(candidacy('vote', '2', 2, [1, 0]));
    replica.settle();
    replica.sent = [];
    replica.crash();
    replica.restart();
    replica.step(candidacy('vote', '3', 2, [1, 0]));
    replica.settle();
    expect(sent(replica, 'voteReply')).toMatchObject([{ granted: false }]);
  });

  test('a vote that a crash forgot was never sent', () => {
    const replica = lone([1]);
    replica.step(candidacy('vote', '2', 2, [1, 0]));
    replica.crash();
    replica.restart();
    expect(replica.sent).toEqual([]);
    replica.step(candidacy('vote', '3', 2, [1, 0]));
    replica.settle();
    expect(sent(replica, 'voteReply')).toMatchObject([{ to: '3', granted: true }]);
  });

  test('a restart keeps term, vote and log, and the term never falls', () => {
    const replica = lone([1]);
    replica.step(append(4, [1, 4], 1));
    replica.settle();
    replica.crash();
    replica.restart();
    expect([replica.core.term, replica.log.lastOffset, replica.core.role]).toEqual([
      4,
      1,
      'follower',
    ]);
  });
});

describe('a failed local write', () => {
  test('makes a leader hand over, step down and stay silent', () => {
    const replica = loneLeader([1]);
    replica.step(accepted('2', 2, 0));
    replica.step(accepted('3', 2, 1));
    replica.sent = [];
    replica.input((core) => {
      core.readIndex(1);
      core.localWriteFailed();
    });
    expect(sent(replica, 'timeoutNow')).toMatchObject([{ to: '3' }]);
    expect(replica.effects).toContainEqual({ kind: 'readFailed', id: 1 });
    expect([replica.core.role, replica.core.canPropose()]).toEqual(['follower', 'notLeader']);
    replica.campaign();
    replica.tick(100);
    replica.step(candidacy('vote', '3', 9, [9, 9]));
    replica.step(append(9, [1, 9], 1));
    expect([replica.sent, replica.core.term, replica.core.role]).toEqual([[], 2, 'follower']);
    expect(replica.core.nextAppend('2')).toBeUndefined();
  });

  test('is over with a new core, which leads in a new epoch only', () => {
    const replica = loneLeader([1], { voters: ['1'] });
    replica.input((core) => {
      core.localWriteFailed();
    });
    replica.crash();
    replica.restart();
    replica.campaign();
    replica.settle();
    expect([replica.core.role, replica.core.term]).toEqual(['leader', 3]);
  });

  test('nothing commits by a leader whose own disk does not answer, but others may commit without it', () => {
    const replica = loneLeader([1]);
    replica.step(accepted('2', 2, 1));
    expect(replica.core.commit).toBe(-1);
    replica.step(accepted('3', 2, 1));
    expect(replica.core.commit).toBe(1);
  });
});

describe('a tainted replica', () => {
  test('neither votes nor campaigns', () => {
    const replica = lone([1], tainted);
    replica.step(candidacy('preVote', '2', 2, [9, 9]));
    replica.step(candidacy('vote', '2', 2, [9, 9]));
    replica.settle();
    expect(sent(replica, 'preVoteReply', 'voteReply')).toMatchObject([
      { granted: false },
      { granted: false },
    ]);
    replica.campaign();
    replica.tick(50);
    expect(replica.core.role).toBe('follower');
  });

  test('forgets what it knew to be committed: its disk may have lost the cut that came before', () => {
    const replica = lone([1, 1, 1], { ...tainted, commit: 1 });
    expect(replica.core.commit).toBe(-1);
    replica.step(append(2, [1, 2], 1));
    expect(replica.log.batches.map(({ epoch }) => epoch)).toEqual([1, 2]);
  });

  test('counts in no commit', () => {
    const replica = loneLeader([1]);
    replica.settle();
    replica.step(accepted('2', 2, 1, { tainted: true }));
    expect(replica.core.commit).toBe(-1);
    replica.step(accepted('3', 2, 1));
    expect(replica.core.commit).toBe(1);
  });

  test('is lifted for its incarnation only', () => {
    const replica = lone([1], { ...tainted, incarnation: 5 });
    replica.step(append(1, [1], 1, { untaint: 4 }));
    expect(replica.core.tainted).toBe(true);
    replica.step({
      type: 'heartbeat',
      from: '2',
      to: '1',
      term: 1,
      commit: 0,
      readContext: 0,
      untaint: 5,
    });
    expect(replica.core.tainted).toBe(false);
    replica.settle();
    expect(replica.disk.hardState.tainted).toBe(false);
  });

  test('is lifted after a read round that began after the report, once it has the confirmed commit on disk', () => {
    const replica = loneLeader([1]);
    replica.settle();
    replica.step(accepted('3', 2, 1));
    replica.step(accepted('2', 2, -1, { tainted: true, incarnation: 2 }));
    const [{ readContext }] = sent(replica, 'heartbeat');
    replica.step(alive('2', 2, 1, { tainted: true, incarnation: 2 }));
    replica.tick(2);
    expect(sent(replica, 'heartbeat').map(({ untaint }) => untaint)).toEqual([
      undefined,
      undefined,
    ]);
    replica.step(alive('3', 2, 1, { readContext }));
    replica.step(alive('2', 2, 0, { tainted: true, incarnation: 2 }));
    replica.tick(2);
    expect(sent(replica, 'heartbeat').map(({ untaint }) => untaint)).toEqual([2, undefined]);
    replica.step(alive('2', 2, 1, { incarnation: 2 }));
    replica.tick(2);
    expect(sent(replica, 'heartbeat').map(({ untaint }) => untaint)).toEqual([
      undefined,
      undefined,
    ]);
  });

  test('a late tainted report of the same life counts only until the next one', () => {
    const replica = loneLeader([1]);
    replica.settle();
    replica.step(alive('2', 2, -1));
    replica.step(accepted('2', 2, 1, { tainted: true }));
    expect(replica.core.commit).toBe(-1);
    replica.step(alive('2', 2, 1));
    expect(replica.core.commit).toBe(1);
  });

  test('one that threw its log away within a life counts no more until it was caught up', () => {
    const replica = loneLeader([1]);
    replica.step(accepted('3', 2, -1));
    replica.step(accepted('3', 2, 1, { tainted: true }));
    replica.settle();
    expect(replica.core.commit).toBe(-1);
  });

  test('a cluster takes a replica that lost its log back, without losing what was acknowledged', () => {
    const cluster = new SimCluster({ voters: 3, lossy: true });
    cluster.elect('1');
    cluster.isolate('3');
    cluster.leader()?.propose();
    cluster.stabilize();
    const amnesiac = cluster.replica('2');
    amnesiac.crash();
    amnesiac.disk.log.batches = [];
    cluster.restart('2', { hardState: { ...amnesiac.disk.hardState, tainted: true } });
    cluster.replica('1').crash();
    cluster.heal();
    cluster.run(60);
    expect(cluster.leader()).toBeUndefined();
    cluster.restart('1');
    cluster.run(60);
    expect([cluster.leader()?.id, amnesiac.core.tainted, amnesiac.log.lastOffset >= 1]).toEqual([
      '1',
      false,
      true,
    ]);
  });
});

describe('incarnations', () => {
  test('the matches of an older life are forgotten', () => {
    const replica = loneLeader([1], { voters: ['1', '2', '3', '4', '5'] });
    replica.settle();
    replica.step(accepted('2', 2, 1));
    replica.step(alive('2', 2, -1, { incarnation: 2 }));
    replica.step(accepted('2', 2, 1));
    replica.step(accepted('3', 2, 1));
    expect(replica.core.peers()[0]).toMatchObject({ matched: -1, state: 'probe' });
    expect(replica.core.commit).toBe(-1);
    replica.step(accepted('2', 2, 1, { incarnation: 2 }));
    expect(replica.core.commit).toBe(1);
  });
});

test('all replicas may be killed at once: with a majority back, what was acknowledged is there', () => {
  const cluster = new SimCluster({ voters: 3 });
  cluster.elect('2');
  cluster.leader()?.propose(3);
  cluster.stabilize();
  for (const replica of cluster.all()) replica.crash();
  for (const id of ['1', '3']) cluster.restart(id);
  cluster.run(60);
  expect(cluster.leader()?.log.batches[1]).toMatchObject({
    baseOffset: 1,
    lastOffset: 3,
    epoch: 1,
  });
  expect(cluster.leader()?.core.commit).toBeGreaterThan(3);
});

test('a heartbeat in the present term is answered at once', () => {
  const replica = lone([1]);
  replica.step(heartbeat(1, -1, 7));
  expect(sent(replica, 'heartbeatReply')).toMatchObject([
    { readContext: 7, incarnation: 1, tainted: false },
  ]);
});
