// What a leader commits, how it paces its followers, and how it finds where a log agrees [Raft §5.3, §5.4].
import { accepted, alive, loneLeader, refused, sent } from './testing/lone.js';
import { SimCluster } from './testing/sim-cluster.js';
import type { SimReplica } from './testing/sim-replica.js';

const five = { voters: ['1', '2', '3', '4', '5'] };
const peer = (replica: SimReplica, id = '2') =>
  replica.core.peers().find((status) => status.replica === id);

/** A leader of term 2 to which follower 2 has agreed through its leader-change batch at offset 1. */
function replicating(change = {}): SimReplica {
  const replica = loneLeader([1], change);
  replica.settle();
  replica.step(accepted('2', 2, 1));
  replica.sent = [];
  return replica;
}

describe('the commit rule', () => {
  test('a term begins with one leader-change batch, which is replicated at once', () => {
    const replica = loneLeader([1, 1]);
    expect(replica.log.batches.at(-1)).toMatchObject({ baseOffset: 2, lastOffset: 2, epoch: 2 });
    expect(peer(replica)).toMatchObject({ state: 'probe', next: 2 });
  });

  test('what a majority has on disk is committed, and everything before it', () => {
    const replica = loneLeader([1, 1], five);
    replica.settle();
    replica.step(accepted('2', 2, 2));
    expect(replica.core.commit).toBe(-1);
    replica.step(accepted('3', 2, 2));
    expect([replica.core.commit, replica.core.established]).toEqual([2, true]);
  });

  test('entries of an older term are not committed by counting (figure 8)', () => {
    const replica = loneLeader([1, 2], five);
    replica.settle();
    for (const from of ['2', '3', '4', '5']) replica.step(accepted(from, 3, 1));
    expect([replica.core.commit, replica.core.established]).toEqual([-1, false]);
    for (const from of ['2', '3']) replica.step(accepted(from, 3, 2));
    expect(replica.core.commit).toBe(2);
  });

  test("the leader's own match counts when it is on disk", () => {
    const replica = loneLeader([1]);
    replica.step(accepted('2', 2, 1));
    expect(replica.core.commit).toBe(-1);
    replica.settle();
    expect(replica.core.commit).toBe(1);
  });

  test('a sync that an earlier leadership started does not confirm this one', () => {
    const replica = loneLeader([1]);
    replica.step(accepted('2', 2, 1));
    replica.input((core) => {
      core.synced(1, 1);
    });
    expect(replica.core.commit).toBe(-1);
  });

  test.each([
    [['1'], [], 1],
    [['1', '2'], [], -1],
    [['1', '2'], ['2'], 1],
    [['1', '2', '3'], ['2'], 1],
    [['1', '2', '3', '4'], ['2'], -1],
    [['1', '2', '3', '4'], ['2', '3'], 1],
    [five.voters, ['2'], -1],
    [five.voters, ['2', '4'], 1],
  ])('of the voters %j, with %j the commit offset is %d', (voters, matched, commit) => {
    const replica = loneLeader([1], { voters });
    replica.settle();
    for (const from of matched) replica.step(accepted(from, 2, 1));
    expect(replica.core.commit).toBe(commit);
  });

  test('a heartbeat carries no more commit than its receiver has', () => {
    const replica = replicating();
    replica.tick(2);
    const commits = sent(replica, 'heartbeat').map(({ to, commit }) => [to, commit]);
    expect(commits).toEqual([
      ['2', 1],
      ['3', -1],
    ]);
  });

  test('a reply never moves a match past the log', () => {
    const replica = replicating();
    replica.step(accepted('3', 2, 99));
    replica.step(alive('3', 2, 99));
    expect(peer(replica, '3')?.matched).toBe(-1);
    expect(replica.core.rejectedMessages).toBe(2);
  });

  test('a slow follower does not hold up the others', () => {
    const replica = replicating(five);
    replica.step(accepted('3', 2, 1));
    for (let round = 0; round < 50; round += 1) {
      replica.propose();
      replica.settle();
      for (const from of ['2', '3']) replica.step(accepted(from, 2, replica.log.lastOffset));
    }
    expect(replica.core.commit).toBe(replica.log.lastOffset);
  });
});

describe('pacing', () => {
  test('a probed follower gets one append until it answers, another with each heartbeat reply', () => {
    const replica = loneLeader([1]);
    replica.propose();
    replica.propose();
    expect(sent(replica, 'append')).toEqual([]);
    replica.step(alive('2', 2, -1));
    expect(sent(replica, 'append')).toMatchObject([{ to: '2', prevOffset: 0 }]);
    replica.propose();
    expect(sent(replica, 'append')).toEqual([]);
  });

  test('an agreeing follower gets appends without waiting, until the window of messages is full', () => {
    const replica = replicating();
    for (let more = 0; more < 10; more += 1) replica.propose();
    expect(sent(replica, 'append').filter(({ to }) => to === '2')).toHaveLength(4);
    expect(peer(replica)).toMatchObject({
      state: 'replicate',
      inflightMessages: 4,
      inflightBytes: 400,
      next: 6,
    });
    replica.step(accepted('2', 2, 3));
    expect(sent(replica, 'append')).toHaveLength(1);
    expect(peer(replica)).toMatchObject({ matched: 3, inflightMessages: 3, next: 12 });
  });

  test('a window of bytes is a window too', () => {
    const replica = replicating({ maxInflightBytes: 250 });
    for (let more = 0; more < 10; more += 1) replica.propose();
    expect(peer(replica)).toMatchObject({ inflightMessages: 3, inflightBytes: 300 });
  });

  test('an old acknowledgement frees nothing', () => {
    const replica = replicating();
    for (let more = 0; more < 10; more += 1) replica.propose();
    replica.step(accepted('2', 2, 3));
    replica.sent = [];
    for (const matched of [3, 2, 1]) replica.step(accepted('2', 2, matched));
    expect([replica.sent, peer(replica)?.matched]).toEqual([[], 3]);
  });

  test('what was proposed while a follower was being waited for goes out in one message', () => {
    const replica = loneLeader([1]);
    for (let more = 0; more < 5; more += 1) replica.propose();
    replica.step(accepted('2', 2, 1));
    expect(sent(replica, 'append').map(({ batches }) => batches.length)).toEqual([5]);
  });

  test('a message holds maxAppendBytes, or one batch if that is larger', () => {
    const replica = replicating({ maxAppendBytes: 250 });
    replica.holdPlans = true;
    for (const bytes of [100, 100, 100, 900, 100]) replica.propose(1, bytes);
    replica.holdPlans = false;
    replica.finishPlans();
    expect(sent(replica, 'append').map(({ batches }) => batches.length)).toEqual([2, 1, 1, 1]);
  });

  test('a heartbeat reply that shows something missing frees a slot and asks again', () => {
    const replica = replicating();
    for (let more = 0; more < 6; more += 1) replica.propose();
    replica.sent = [];
    replica.step(alive('2', 2, 1));
    expect(sent(replica, 'append')).toMatchObject([{ to: '2', prevOffset: 5 }]);
    expect(peer(replica)?.inflightMessages).toBe(4);
  });

  test('a follower that answers a heartbeat with everything leaves probing', () => {
    const replica = loneLeader([1]);
    replica.step(alive('2', 2, 1));
    expect(peer(replica)).toMatchObject({ state: 'replicate', matched: 1, next: 2 });
  });

  test('a broken connection makes a follower be probed from its match', () => {
    const replica = replicating();
    for (let more = 0; more < 3; more += 1) replica.propose();
    replica.input((core) => {
      core.unreachable('2');
    });
    expect(peer(replica)).toMatchObject({
      state: 'probe',
      matched: 1,
      next: 2,
      inflightMessages: 0,
    });
  });

  test('one mark a follower until nextAppend has nothing more, one plan until it left', () => {
    const replica = replicating();
    replica.holdPlans = true;
    for (let more = 0; more < 3; more += 1) replica.propose();
    expect(replica.plans).toHaveLength(1);
    expect(replica.core.nextAppend('2')).toBeUndefined();
    replica.finishPlans();
    replica.finishPlans();
    expect(sent(replica, 'append').map(({ batches }) => batches.length)).toEqual([3]);
  });

  test('a plan of a peer that was reset, or of another term, is ignored when it is done', () => {
    const replica = replicating();
    replica.holdPlans = true;
    replica.propose();
    const [plan] = replica.plans.splice(0);
    replica.input((core) => {
      core.unreachable('2');
      if (plan !== undefined) core.appendSent(plan, 2, 100);
    });
    expect(peer(replica)).toMatchObject({ state: 'probe', next: 2, inflightMessages: 0 });
    replica.step({ type: 'heartbeat', from: '3', to: '1', term: 5, commit: -1, readContext: 0 });
    replica.input((core) => {
      if (plan !== undefined) core.appendSent(plan, 2, 100);
      if (plan !== undefined) core.appendFailed(plan);
    });
    expect(replica.core.role).toBe('follower');
  });

  test('bytes that cannot be read make the follower wait for the next heartbeat', () => {
    const replica = replicating();
    replica.holdPlans = true;
    replica.propose();
    const [plan] = replica.plans.splice(0);
    replica.holdPlans = false;
    replica.input((core) => {
      if (plan !== undefined) core.appendFailed(plan);
    });
    expect([replica.sent, peer(replica)?.state]).toEqual([[], 'probe']);
    replica.step(alive('2', 2, 1));
    expect(sent(replica, 'append')).toMatchObject([{ prevOffset: 1 }]);
  });
});

describe('proposals', () => {
  test('are refused by all but a leader, at once', () => {
    const cluster = new SimCluster({ voters: 3 });
    cluster.elect('1');
    expect(cluster.replica('2').core.canPropose()).toBe('notLeader');
    expect(cluster.replica('2').propose()).toBe(false);
    expect(cluster.replica('1').core.canPropose()).toBeUndefined();
  });

  test('are refused while too many bytes are uncommitted, and taken again after a commit', () => {
    const replica = replicating({ maxUncommittedBytes: 250 });
    expect([1, 2, 3, 4].map(() => replica.propose())).toEqual([true, true, true, false]);
    expect(replica.core.canPropose()).toBe('uncommittedFull');
    replica.settle();
    replica.step(accepted('2', 2, 3));
    expect(replica.core.canPropose()).toBeUndefined();
  });

  test('one batch larger than the whole limit is taken when nothing waits', () => {
    const replica = replicating({ maxUncommittedBytes: 250 });
    expect([replica.propose(1, 9_000), replica.propose()]).toEqual([true, false]);
  });
});

describe('finding where logs agree', () => {
  test('a refusal sends the leader to the hint, or to its own end of that epoch', () => {
    const replica = loneLeader([1, 1, 1, 4, 4]);
    replica.step(refused('2', 5, 4, 4, 2));
    expect(sent(replica, 'append')).toMatchObject([{ to: '2', prevOffset: 2, prevEpoch: 1 }]);
    replica.step(refused('3', 5, 4, 1, 1));
    expect(sent(replica, 'append')).toMatchObject([{ to: '3', prevOffset: 1, prevEpoch: 1 }]);
  });

  test('late and repeated refusals are ignored', () => {
    const replica = replicating();
    replica.step(refused('2', 2, 0, -1, 0));
    expect(peer(replica)?.state).toBe('replicate');
    replica.propose();
    replica.propose();
    replica.step(refused('2', 2, 2, 1, 2));
    expect(peer(replica)).toMatchObject({ state: 'probe', next: 2 });
    replica.sent = [];
    replica.step(refused('2', 2, 3, 1, 2));
    expect(replica.sent).toEqual([]);
  });

  test('two logs with alternating epochs agree after a round trip an epoch, not a batch', () => {
    const mine = [1, ...Array<number>(100).fill(2), ...Array<number>(100).fill(5)];
    const other = [1, ...Array<number>(100).fill(3), ...Array<number>(100).fill(4)];
    const cluster = new SimCluster({ voters: 3, histories: { 1: mine, 2: mine, 3: other } });
    cluster.replica('1').campaign();
    let refusals = 0;
    for (let round = 0; round < 200; round += 1) {
      refusals += cluster.network.filter((m) => m.type === 'appendReply' && m.rejected).length;
      for (const replica of cluster.all()) replica.settle();
      cluster.deliverWhere(() => true);
    }
    expect(cluster.replica('3').log.batches).toEqual(cluster.replica('1').log.batches);
    expect(refusals).toBeLessThanOrEqual(3);
  });

  test('the logs of figure 7 all become the log of the leader', () => {
    const histories = {
      1: [1, 1, 1, 4, 4, 5, 5, 6, 6, 6],
      2: [1, 1, 1, 4, 4, 5, 5, 6, 6],
      3: [1, 1, 1, 4],
      4: [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6],
      5: [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7],
      6: [1, 1, 1, 4, 4, 4, 4],
      7: [1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3],
    };
    const cluster = new SimCluster({ voters: 7, histories });
    cluster.replica('1').campaign();
    cluster.stabilize();
    cluster.replica('1').campaign();
    cluster.stabilize();
    cluster.run(20);
    expect(cluster.leader()?.id).toBe('1');
    for (const { log } of cluster.all())
      expect(log.batches).toEqual(cluster.replica('1').log.batches);
  });
});
