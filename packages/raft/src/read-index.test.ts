// Linearizable reads [Raft §6.4].
import { accepted, alive, lead, lone, loneLeader, sent } from './testing/lone.js';
import { SimCluster } from './testing/sim-cluster.js';
import type { SimReplica } from './testing/sim-replica.js';

function established(): SimReplica {
  const replica = loneLeader([1]);
  replica.settle();
  replica.step(accepted('2', 2, 1));
  replica.sent = [];
  replica.effects = [];
  return replica;
}

const read = (replica: SimReplica, id: number) => {
  replica.input((core) => {
    core.readIndex(id);
  });
};
const answers = (replica: SimReplica) =>
  replica.effects.filter(({ kind }) => kind.startsWith('read'));

test('a read is answered when a majority confirmed the leader after it came', () => {
  const replica = established();
  read(replica, 7);
  expect(answers(replica)).toEqual([]);
  const [first] = sent(replica, 'heartbeat');
  replica.step(alive('3', 2, -1, { readContext: first?.readContext ?? 0 }));
  expect(answers(replica)).toEqual([{ kind: 'readConfirmed', id: 7, offset: 1 }]);
});

test('a read before the first commit of the term waits for it', () => {
  const replica = loneLeader([1]);
  read(replica, 7);
  replica.settle();
  replica.tick(2);
  for (const { to, readContext } of sent(replica, 'heartbeat'))
    replica.step(alive(to, 2, -1, { readContext }));
  expect(answers(replica)).toEqual([]);
  replica.step(accepted('2', 2, 1));
  for (const { to, readContext } of sent(replica, 'heartbeat'))
    replica.step(alive(to, 2, 1, { readContext }));
  expect(answers(replica)).toEqual([{ kind: 'readConfirmed', id: 7, offset: 1 }]);
});

test('an answer to an older heartbeat confirms no newer read, even of the same id', () => {
  const replica = established();
  read(replica, 7);
  const [old] = sent(replica, 'heartbeat');
  const late = alive('2', 2, 1, { readContext: old?.readContext ?? 0 });
  replica.step(alive('3', 2, 1, { readContext: old?.readContext ?? 0 }));
  expect(answers(replica)).toHaveLength(1);
  read(replica, 7);
  replica.step(late);
  expect(answers(replica)).toHaveLength(1);
});

test('reads that come while a round is out share the next one', () => {
  const replica = established();
  for (const id of [1, 2, 3]) read(replica, id);
  const first = sent(replica, 'heartbeat');
  expect(first).toHaveLength(2);
  replica.step(alive('2', 2, 1, { readContext: first[0]?.readContext ?? 0 }));
  expect(answers(replica)).toMatchObject([{ id: 1 }]);
  const second = sent(replica, 'heartbeat');
  expect(second).toHaveLength(2);
  replica.step(alive('2', 2, 1, { readContext: second[0]?.readContext ?? 0 }));
  expect(answers(replica)).toMatchObject([{ id: 1 }, { id: 2 }, { id: 3 }]);
});

test('an answer from the future confirms nothing', () => {
  const replica = established();
  replica.step(alive('2', 2, 1, { readContext: 1_000 }));
  read(replica, 7);
  expect(answers(replica)).toEqual([]);
});

test('pending reads fail when the leader steps down', () => {
  const replica = established();
  read(replica, 7);
  replica.step({ type: 'heartbeat', from: '2', to: '1', term: 3, commit: -1, readContext: 0 });
  expect(answers(replica)).toEqual([{ kind: 'readFailed', id: 7 }]);
});

test('a follower fails a read at once', () => {
  const replica = lone([1]);
  read(replica, 7);
  expect(answers(replica)).toEqual([{ kind: 'readFailed', id: 7 }]);
});

test('a single voter answers at once', () => {
  const replica = lone([], { voters: ['1'] });
  lead(replica);
  replica.settle();
  read(replica, 7);
  expect(answers(replica)).toEqual([{ kind: 'readConfirmed', id: 7, offset: 0 }]);
});

test('a leader that was cut off serves no read', () => {
  const cluster = new SimCluster({ voters: 3 });
  cluster.elect('1');
  cluster.isolate('1');
  const old = cluster.replica('1');
  read(old, 7);
  cluster.run(40);
  expect(cluster.leader()?.id).not.toBe('1');
  expect(answers(old)).toEqual([{ kind: 'readFailed', id: 7 }]);
});

test('learners do not confirm reads', () => {
  const replica = loneLeader([1], { voters: ['1', '2', '3'], learners: ['4', '5'] });
  replica.settle();
  replica.step(accepted('2', 2, 1));
  replica.effects = [];
  read(replica, 7);
  for (const from of ['4', '5']) replica.step(alive(from, 2, 1, { readContext: 1 }));
  expect(answers(replica)).toEqual([]);
});
