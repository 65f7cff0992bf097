// Pre-votes, quorum checks and leader stickiness: who may disturb whom [Raft §6, §9.6].
import { alive, candidacy, heartbeat, lead, lone, loneLeader, sent, vote } from './testing/lone.js';
import { SimCluster } from './testing/sim-cluster.js';

const ofFive = { voters: ['1', '2', '3', '4', '5'] };

describe('pre-vote', () => {
  test('asking and answering change neither term nor vote', () => {
    const replica = lone([1]);
    replica.step(candidacy('preVote', '2', 2, [1, 0]));
    expect(sent(replica, 'preVoteReply')).toMatchObject([{ granted: true, term: 2 }]);
    replica.campaign();
    expect([replica.core.term, replica.disk.written]).toEqual([1, 0]);
  });

  test('a replica that lacks committed entries cannot win one; one that has them can', () => {
    const histories = { 1: [1, 1], 2: [1, 1], 3: [1] };
    const cluster = new SimCluster({ voters: 3, histories });
    cluster.replica('3').campaign();
    cluster.stabilize();
    expect([cluster.replica('3').core.role, cluster.replica('3').core.term]).toEqual([
      'follower',
      1,
    ]);
    cluster.elect('1');
  });

  test('while a leader is heard, pre-votes and votes are refused and the term stays', () => {
    const replica = lone([1]);
    replica.step(heartbeat(1));
    replica.sent = [];
    replica.step(candidacy('preVote', '3', 2, [9, 9]));
    expect(sent(replica, 'preVoteReply')).toMatchObject([{ granted: false, term: 1 }]);
    replica.step(candidacy('vote', '3', 2, [9, 9]));
    expect([replica.sent, replica.core.term]).toEqual([[], 1]);
    replica.tick(9);
    replica.step(heartbeat(1));
    replica.tick(9);
    replica.step(candidacy('vote', '3', 2, [9, 9]));
    expect(replica.core.term).toBe(1);
  });

  test('once the leader is silent for an election timeout, a vote is granted', () => {
    const replica = lone([1], ofFive);
    replica.step(heartbeat(1));
    replica.tick(10);
    replica.step(candidacy('vote', '3', 2, [9, 9]));
    replica.settle();
    expect(sent(replica, 'voteReply')).toMatchObject([{ granted: true }]);
  });

  test('a quorum of pre-candidates may replace a leader that one replica still hears', () => {
    const cluster = new SimCluster({ voters: 3 });
    cluster.elect('1');
    cluster.replica('2').campaign();
    cluster.replica('3').campaign();
    cluster.stabilize();
    cluster.run(30);
    const leaders = cluster.up().filter(({ core }) => core.role === 'leader');
    expect(leaders).toHaveLength(1);
    expect(cluster.leader()?.core.term).toBeGreaterThan(1);
  });

  test('a follower that was cut off comes back without a new term', () => {
    const cluster = new SimCluster({ voters: 3 });
    cluster.elect('1');
    cluster.isolate('3');
    cluster.run(100);
    expect(cluster.replica('3').core.term).toBe(1);
    cluster.heal();
    cluster.run(10);
    expect([cluster.leader()?.id, cluster.leader()?.core.term]).toEqual(['1', 1]);
    expect(cluster.replica('3').core.leader).toBe('1');
  });

  test('a pre-candidate of an old term learns of the new one and elections go on', () => {
    const cluster = new SimCluster({ voters: 3, histories: { 1: [1], 2: [1, 5], 3: [1, 5] } });
    cluster.replica('1').campaign();
    cluster.stabilize();
    expect(cluster.replica('1').core.term).toBe(5);
    cluster.run(40);
    expect(cluster.leader()?.id).not.toBe('1');
  });

  test('a refusal of an earlier election does not end a pre-vote that a majority grants', () => {
    const replica = lone([1]);
    replica.campaign();
    replica.step(vote('preVoteReply', '2', 1, false));
    replica.step(vote('preVoteReply', '3', 2, true));
    expect(replica.core.role).toBe('candidate');
  });
});

describe('quorum checks', () => {
  test('a leader without contact to a majority steps down after an election timeout', () => {
    const replica = loneLeader([1], ofFive);
    replica.step(alive('2', 2, -1));
    replica.tick(10);
    expect([replica.core.role, replica.core.leader, replica.core.term]).toEqual([
      'follower',
      undefined,
      2,
    ]);
  });

  test('a leader that hears a majority stays', () => {
    const replica = loneLeader([1]);
    for (let timeout = 0; timeout < 5; timeout += 1) {
      replica.step(alive('3', 2, -1));
      replica.tick(10);
    }
    expect(replica.core.role).toBe('leader');
  });

  test('a leader that can send and not receive steps down', () => {
    const cluster = new SimCluster({ voters: 3 });
    cluster.elect('1');
    cluster.cut.add('2>1').add('3>1');
    cluster.run(20);
    expect(cluster.replica('1').core.role).toBe('follower');
  });

  test('a single voter never resigns, whatever its learners do', () => {
    const replica = lone([], { voters: ['1'], learners: ['2'] });
    lead(replica);
    replica.settle();
    replica.tick(100);
    expect(replica.core.role).toBe('leader');
  });

  test('a candidate stuck at a larger term makes the leader step down and is freed', () => {
    const cluster = new SimCluster({ voters: 3 });
    cluster.elect('1');
    const stuck = cluster.replica('3');
    stuck.step({ type: 'timeoutNow', from: '1', to: '3', term: 1 });
    cluster.isolate('3');
    cluster.stabilize();
    expect(stuck.core.term).toBe(2);
    cluster.heal();
    cluster.run(60);
    expect(cluster.leader()?.core.term).toBeGreaterThanOrEqual(2);
    expect(new Set(cluster.up().map(({ core }) => core.leader)).size).toBe(1);
  });

  test('a replica that may not campaign follows again after it was cut off', () => {
    const cluster = new SimCluster({ voters: 3, learners: 1 });
    cluster.elect('1');
    cluster.isolate('4');
    cluster.run(50);
    expect([cluster.replica('4').core.role, cluster.replica('4').core.leader]).toEqual([
      'follower',
      undefined,
    ]);
    cluster.heal();
    cluster.run(5);
    expect([cluster.replica('4').core.leader, cluster.leader()?.core.term]).toEqual(['1', 1]);
  });
});

describe('who may not stand or vote', () => {
  test('a learner receives everything, neither campaigns nor votes, and counts in no quorum', () => {
    const cluster = new SimCluster({ voters: 2, learners: 1 });
    cluster.elect('1');
    cluster.isolate('2');
    cluster.leader()?.propose();
    cluster.stabilize();
    const learner = cluster.replica('3');
    expect(learner.log.lastOffset).toBe(1);
    expect(cluster.replica('1').core.commit).toBe(0);
    learner.campaign();
    learner.tick(100);
    expect(learner.core.role).toBe('follower');
  });

  test('a stranger gets no vote, and its request no new term', () => {
    const replica = lone([1]);
    replica.step(candidacy('vote', '9', 7, [9, 9]));
    expect([replica.core.term, replica.core.rejectedMessages]).toEqual([1, 1]);
  });

  test('a replica that is not a voter never campaigns, not even when told', () => {
    const replica = lone([1], { voters: ['2', '3'] });
    replica.step(heartbeat(1));
    replica.step({ type: 'timeoutNow', from: '2', to: '1', term: 1 });
    replica.campaign();
    replica.tick(50);
    expect([replica.core.role, replica.core.term]).toEqual(['follower', 1]);
  });
});
