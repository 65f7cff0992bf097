// Leadership transfer [Raft thesis §3.10].
import { accepted, loneLeader, sent } from './testing/lone.js';
import { SimCluster } from './testing/sim-cluster.js';
import type { SimReplica } from './testing/sim-replica.js';

const transfer = (replica: SimReplica, to: string) => {
  replica.input((core) => {
    core.transferLeadership(to);
  });
};

test('leadership goes to an up-to-date voter, though the others hear their leader', () => {
  const cluster = new SimCluster({ voters: 3 });
  cluster.elect('1');
  cluster.run(2);
  transfer(cluster.replica('1'), '3');
  cluster.stabilize();
  expect([cluster.leader()?.id, cluster.leader()?.core.term]).toEqual(['3', 2]);
  transfer(cluster.replica('3'), '1');
  cluster.stabilize();
  expect(cluster.leader()?.id).toBe('1');
});

test('a slow target catches up first, and proposals wait meanwhile', () => {
  const replica = loneLeader([1]);
  replica.settle();
  transfer(replica, '2');
  expect(sent(replica, 'timeoutNow')).toEqual([]);
  expect(replica.core.canPropose()).toBe('transferring');
  replica.step(accepted('2', 2, 1));
  expect(sent(replica, 'timeoutNow')).toMatchObject([{ to: '2', term: 2 }]);
});

test('a target behind the log start gets its snapshot first', () => {
  const cluster = new SimCluster({ voters: 3 });
  cluster.elect('1');
  cluster.isolate('3');
  for (let more = 0; more < 5; more += 1) cluster.replica('1').propose();
  cluster.stabilize();
  cluster.replica('1').dropThrough(4);
  cluster.heal();
  cluster.run(2);
  const target = cluster.replica('3');
  transfer(cluster.replica('1'), '3');
  target.installLog(cluster.replica('1').log);
  target.input((core) => {
    core.snapshotInstalled('1', 1, target.log.lastOffset);
  });
  cluster.stabilize();
  expect(cluster.leader()?.id).toBe('3');
});

test.each(['1', '9', '4'])('a transfer to %s (self, unknown, learner) is no order', (to) => {
  const replica = loneLeader([1], { learners: ['4'] });
  transfer(replica, to);
  expect([replica.core.canPropose(), sent(replica, 'timeoutNow')]).toEqual([undefined, []]);
});

test('a follower takes no order to transfer', () => {
  const cluster = new SimCluster({ voters: 3 });
  cluster.elect('1');
  transfer(cluster.replica('2'), '3');
  cluster.stabilize();
  expect(cluster.leader()?.id).toBe('1');
});

test('after an election timeout proposals are taken again', () => {
  const cluster = new SimCluster({ voters: 3 });
  cluster.elect('1');
  cluster.isolate('3');
  transfer(cluster.replica('1'), '3');
  cluster.run(9);
  expect(cluster.replica('1').core.canPropose()).toBe('transferring');
  cluster.run(1);
  expect([cluster.leader()?.id, cluster.replica('1').core.canPropose()]).toEqual(['1', undefined]);
});

test('a larger term ends a transfer', () => {
  const replica = loneLeader([1]);
  transfer(replica, '2');
  replica.step(accepted('3', 7, -1, { rejected: true }));
  expect([replica.core.role, replica.core.canPropose()]).toEqual(['follower', 'notLeader']);
});

test('a second transfer replaces the first, the same one again changes nothing', () => {
  const replica = loneLeader([1]);
  replica.settle();
  transfer(replica, '2');
  replica.tick(9);
  transfer(replica, '2');
  replica.step(accepted('3', 2, 1));
  replica.tick(1);
  expect(replica.core.canPropose()).toBeUndefined();
  transfer(replica, '2');
  transfer(replica, '3');
  expect(sent(replica, 'timeoutNow')).toMatchObject([{ to: '3' }]);
});

test('a transfer keeps the votes of the term', () => {
  const cluster = new SimCluster({ voters: 3 });
  cluster.elect('1');
  transfer(cluster.replica('1'), '2');
  cluster.deliverWhere(({ type }) => type === 'timeoutNow');
  cluster.replica('1').step({
    type: 'vote',
    from: '3',
    to: '1',
    term: 1,
    lastOffset: 9,
    lastEpoch: 9,
    transfer: true,
  });
  cluster.replica('1').settle();
  const granted = cluster.network.filter((m) => m.type === 'voteReply' && m.granted);
  expect(granted).toEqual([]);
});
