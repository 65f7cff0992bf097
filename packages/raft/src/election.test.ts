// Terms, roles and elections [Raft §5.1, §5.2, §5.4.1].
import {
  accepted,
  append,
  candidacy,
  heartbeat,
  lead,
  lone,
  loneLeader,
  sent,
  vote,
} from './testing/lone.js';
import { SimCluster } from './testing/sim-cluster.js';
import { freshState } from './testing/sim-replica.js';
import { MAX_TERM } from './term.js';

const ofFive = { voters: ['1', '2', '3', '4', '5'] };
const elected = { term: 4, vote: '3', tainted: false };

describe('terms and roles', () => {
  test('a replica starts as a follower of its stored term, without a leader', () => {
    const { core } = lone([1, 2], { hardState: elected });
    expect([core.role, core.term, core.leader, core.commit]).toEqual([
      'follower',
      4,
      undefined,
      -1,
    ]);
  });

  test.each(['follower', 'preCandidate', 'candidate', 'leader'] as const)(
    'a %s adopts a larger term from any message and follows its leader',
    (role) => {
      const replica = lone([1]);
      if (role === 'preCandidate' || role === 'candidate') replica.campaign();
      if (role === 'candidate') replica.step(vote('preVoteReply', '2', 2, true));
      if (role === 'leader') lead(replica);
      expect(replica.core.role).toBe(role);
      replica.step(heartbeat(7));
      expect([replica.core.role, replica.core.term, replica.core.leader]).toEqual([
        'follower',
        7,
        '2',
      ]);
    },
  );

  test('a request of an old term changes nothing and is answered with the present term', () => {
    const replica = lone([1], { hardState: elected });
    replica.step(append(3, [1, 2], 1));
    expect([replica.log.lastOffset, replica.core.leader]).toEqual([0, undefined]);
    expect(sent(replica, 'appendReply')).toMatchObject([{ term: 4, rejected: true }]);
    replica.step(candidacy('vote', '2', 3, [9, 9]));
    expect(sent(replica, 'voteReply')).toMatchObject([{ term: 4, granted: false }]);
  });

  test('a leader that learns of a larger term steps down and keeps its log', () => {
    const replica = loneLeader([1]);
    const { lastOffset } = replica.log;
    replica.step(accepted('2', 9, -1, { rejected: true }));
    expect([replica.core.role, replica.core.term, replica.log.lastOffset]).toEqual([
      'follower',
      9,
      lastOffset,
    ]);
  });

  test('a candidate returns to follower when another leads its term', () => {
    const replica = lone([1]);
    replica.campaign();
    replica.step(vote('preVoteReply', '2', 2, true));
    expect(replica.core.role).toBe('candidate');
    replica.step(heartbeat(2));
    expect([replica.core.role, replica.core.leader]).toEqual(['follower', '2']);
  });

  test('stepping down in the same term keeps the vote', () => {
    const replica = loneLeader([1]);
    replica.tick(10);
    expect([replica.core.role, replica.core.term]).toEqual(['follower', 2]);
    replica.sent = [];
    replica.step(candidacy('vote', '3', 2, [9, 9]));
    replica.settle();
    expect(sent(replica, 'voteReply')).toMatchObject([{ granted: false }]);
  });

  test('two leaders in one term are fatal, not followed', () => {
    const replica = lone([1]);
    replica.step(heartbeat(2));
    replica.step({ ...heartbeat(2), from: '3' });
    expect(replica.effects.at(-1)).toMatchObject({ kind: 'fatal' });
  });

  test('the last term that fits a batch ends in a fatal effect and does not wrap', () => {
    const replica = lone([], { hardState: { ...freshState, term: MAX_TERM } });
    replica.campaign();
    expect(replica.effects).toMatchObject([{ kind: 'fatal' }]);
    expect([replica.core.role, replica.core.term]).toEqual(['follower', MAX_TERM]);
    replica.tick(50);
    expect(replica.effects).toHaveLength(1);
  });

  test('a message with a term that no batch can carry is dropped and counted', () => {
    const replica = lone([1]);
    replica.step(heartbeat(MAX_TERM + 1));
    replica.step(heartbeat(1.5));
    expect([replica.core.rejectedMessages, replica.core.term]).toEqual([2, 1]);
  });
});

describe('elections', () => {
  test('a quiet election timeout brings a campaign: pre-vote, then term + 1, own vote, requests to all others', () => {
    const replica = lone([1, 1]);
    replica.tick(9);
    expect(replica.core.role).toBe('follower');
    replica.tick();
    const asked = { term: 2, lastOffset: 1, lastEpoch: 1, transfer: false };
    expect(sent(replica, 'preVote')).toMatchObject([
      { to: '2', ...asked },
      { to: '3', ...asked },
    ]);
    replica.step(vote('preVoteReply', '3', 2, true));
    replica.settle();
    expect(sent(replica, 'vote')).toMatchObject([
      { to: '2', ...asked },
      { to: '3', ...asked },
    ]);
    expect(replica.disk.hardState).toEqual({ term: 2, vote: '1', tainted: false });
  });

  test.each([
    [1, [], 'leader'],
    [2, [], 'candidate'],
    [2, [true], 'leader'],
    [3, [true], 'leader'],
    [3, [false], 'candidate'],
    [3, [false, false], 'follower'],
    [4, [true], 'candidate'],
    [4, [true, true], 'leader'],
    [4, [false, false], 'follower'],
    [5, [true, false, true], 'leader'],
    [5, [false, true, false], 'candidate'],
    [5, [false, false, false], 'follower'],
  ] as const)('of %d voters, answers %j make the candidate a %s', (size, answers, role) => {
    const voters = ofFive.voters.slice(0, size);
    const replica = lone([], { voters });
    replica.campaign();
    for (const from of voters.slice(1)) {
      if (replica.core.role === 'preCandidate') replica.step(vote('preVoteReply', from, 1, true));
    }
    replica.settle();
    answers.forEach((granted, at) => {
      replica.step(vote('voteReply', `${at + 2}`, 1, granted));
    });
    expect([replica.core.role, replica.core.term]).toEqual([role, 1]);
  });

  test('a voter that answers twice counts once', () => {
    const replica = lone([], ofFive);
    replica.campaign();
    for (const from of ['2', '3']) replica.step(vote('preVoteReply', from, 1, true));
    replica.settle();
    for (let again = 0; again < 4; again += 1) replica.step(vote('voteReply', '2', 1, true));
    replica.step(vote('voteReply', '9', 1, true));
    expect(replica.core.role).toBe('candidate');
  });

  test('one vote a term, first come first served, and again to the same candidate', () => {
    const replica = lone();
    for (const from of ['2', '3', '2']) replica.step(candidacy('vote', from, 1, [0, -1]));
    replica.settle();
    const answers = sent(replica, 'voteReply').map(({ to, granted }) => [to, granted]);
    expect(answers).toEqual([
      ['2', true],
      ['3', false],
      ['2', true],
    ]);
  });

  test.each([
    [1, 5, false],
    [2, 0, false],
    [2, 1, true],
    [2, 9, true],
    [3, 0, true],
    [0, -1, false],
  ])(
    'against a log that ends at epoch 2, offset 1, a candidate with epoch %d, offset %d gets a vote: %s',
    (epoch, offset, granted) => {
      for (const type of ['vote', 'preVote'] as const) {
        const replica = lone([1, 2]);
        replica.step(candidacy(type, '2', 5, [epoch, offset]));
        replica.settle();
        expect(sent(replica, 'voteReply', 'preVoteReply')).toMatchObject([{ granted }]);
      }
    },
  );

  test('granting resets the election timer, refusing does not', () => {
    const refusing = lone([1, 2]);
    refusing.tick(9);
    refusing.step(candidacy('vote', '2', 5, [1, 0]));
    refusing.tick();
    expect(refusing.core.role).toBe('preCandidate');
    const granting = lone([1, 2]);
    granting.tick(9);
    granting.step(candidacy('vote', '2', 5, [2, 1]));
    granting.tick();
    expect(granting.core.role).toBe('follower');
  });

  test('timeouts are spread, so that most elections have one candidate', () => {
    let contested = 0;
    for (let seed = 1; seed <= 200; seed += 1) {
      const cluster = new SimCluster({ voters: 5, seed });
      let standing = 0;
      while (standing === 0) {
        for (const replica of cluster.up()) replica.tick();
        standing = cluster.up().filter(({ core }) => core.role !== 'follower').length;
      }
      if (standing > 1) contested += 1;
    }
    expect(contested).toBeLessThan(100);
  });

  test('duelling candidates converge on one leader', () => {
    for (let seed = 1; seed <= 20; seed += 1) {
      const cluster = new SimCluster({ voters: 3, seed });
      cluster.replica('1').campaign();
      cluster.replica('3').campaign();
      cluster.stabilize();
      cluster.run(60);
      expect(cluster.up().filter(({ core }) => core.role === 'leader')).toHaveLength(1);
    }
  });

  test('a candidate that lost takes over the log of the winner', () => {
    const cluster = new SimCluster({ voters: 3 });
    cluster.isolate('1');
    cluster.replica('1').campaign();
    cluster.elect('3');
    cluster.leader()?.propose();
    cluster.heal();
    cluster.run(10);
    expect(cluster.replica('1').log.batches).toEqual(cluster.replica('3').log.batches);
    expect(cluster.replica('1').core.leader).toBe('3');
  });

  test('a single voter elects itself, once its own vote is on disk', () => {
    const replica = lone([], { voters: ['1'] });
    replica.tick(10);
    expect([replica.core.role, replica.core.term]).toEqual(['candidate', 1]);
    replica.settle();
    expect([replica.core.role, replica.core.commit]).toEqual(['leader', 0]);
  });

  test('each replica can lead in turn', () => {
    const cluster = new SimCluster({ voters: 3 });
    for (const id of ['1', '2', '3', '1']) {
      cluster.leader()?.input((core) => {
        core.transferLeadership(id);
      });
      if (cluster.leader() === undefined) cluster.elect(id);
      cluster.stabilize();
      expect(cluster.leader()?.id).toBe(id);
    }
  });

  test('an election may overwrite entries that are newer but not committed', () => {
    const histories = { 1: [1, 2], 2: [1, 3], 3: [1] };
    const cluster = new SimCluster({
      voters: 3,
      histories,
      config: { hardState: { ...freshState, term: 3 } },
    });
    cluster.isolate('2');
    cluster.elect('1');
    cluster.heal();
    cluster.run(10);
    expect(cluster.replica('2').log.batches).toEqual(cluster.replica('1').log.batches);
  });

  test('the own vote that reaches the disk after the election is lost is ignored', () => {
    const replica = lone([], ofFive);
    replica.campaign();
    for (const from of ['2', '3']) replica.step(vote('preVoteReply', from, 1, true));
    replica.startSync();
    for (const from of ['2', '3', '4']) replica.step(vote('voteReply', from, 1, false));
    expect(replica.core.role).toBe('follower');
    replica.finishSync();
    expect(replica.core.role).toBe('follower');
    replica.step(heartbeat(5));
    replica.input((core) => {
      core.hardStateSynced(1, '1');
    });
    expect([replica.core.role, replica.core.term]).toEqual(['follower', 5]);
  });

  test('votes of others do not make a leader whose own vote is not on disk', () => {
    const replica = lone();
    replica.campaign();
    replica.step(vote('preVoteReply', '2', 1, true));
    for (const from of ['2', '3']) replica.step(vote('voteReply', from, 1, true));
    expect(replica.core.role).toBe('candidate');
    replica.settle();
    expect(replica.core.role).toBe('leader');
  });

  test('replies of an old term and of the wrong kind elect nobody', () => {
    const replica = lone([1]);
    replica.campaign();
    replica.step(vote('voteReply', '2', 1, true));
    replica.step(vote('preVoteReply', '3', 1, true));
    expect(replica.core.role).toBe('preCandidate');
  });
});
