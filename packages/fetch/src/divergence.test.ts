// Where two logs part: the lookups one by one, then the scenarios for which they were invented.
import { firstToGo, meet } from './divergence.js';
import { LogView } from './log-view.js';
import { baseConfig, SimCluster } from './testing/sim-cluster.js';
import { diverging, effectsOf, follow2, lone, receive, stateOf } from './testing/lone.js';

const viewOf = (epochs: readonly number[], dropped = 0) => {
  const { log } = lone(epochs);
  log.dropBefore(dropped);
  return new LogView(log, baseConfig);
};

describe('the leader compares the record before the position', () => {
  const log = viewOf([1, 1, 2, 2, 5]);
  const { kind } = { kind: 'diverging' };

  test('an epoch that reaches the offset agrees', () => {
    expect(meet(log, { offset: 5, lastEpoch: 5 })).toEqual({ kind: 'agree' });
    expect(meet(log, { offset: 3, lastEpoch: 2 })).toEqual({ kind: 'agree' });
  });

  test('an empty log agrees', () => {
    expect(meet(log, { offset: 0, lastEpoch: 0 })).toEqual({ kind: 'agree' });
  });

  test('an epoch that ended earlier, or that is unknown, tells how far the leader went', () => {
    const end2 = { kind, divergingEpoch: 2, divergingEnd: 4 };
    expect(meet(log, { offset: 6, lastEpoch: 2 })).toEqual(end2);
    expect(meet(log, { offset: 4, lastEpoch: 4 })).toEqual(end2);
    expect(meet(log, { offset: 9, lastEpoch: 5 })).toEqual({
      kind,
      divergingEpoch: 5,
      divergingEnd: 5,
    });
    expect(meet(log, { offset: 2, lastEpoch: 9 }).kind).toBe(kind);
  });

  test('when all epochs are newer, nothing agrees', () => {
    const none = { kind, divergingEpoch: 0, divergingEnd: 0 };
    expect(meet(viewOf([3, 3]), { offset: 2, lastEpoch: 2 })).toEqual(none);
  });

  test('at the log start the epoch before it decides; what lies below is behind', () => {
    const cut = viewOf([1, 1, 2, 2, 5], 3);
    expect(meet(cut, { offset: 2, lastEpoch: 1 })).toEqual({ kind: 'behind' });
    expect(meet(cut, { offset: 3, lastEpoch: 2 })).toEqual({ kind: 'agree' });
    expect(meet(cut, { offset: 3, lastEpoch: 1 })).toEqual({ kind: 'behind' });
    expect(meet(cut, { offset: 3, lastEpoch: 3 })).toEqual({
      kind,
      divergingEpoch: 2,
      divergingEnd: 4,
    });
  });

  test('at the start of a log without records the epoch before it decides, too', () => {
    const empty = viewOf([1, 1, 2], 3);
    expect(meet(empty, { offset: 3, lastEpoch: 2 })).toEqual({ kind: 'agree' });
    expect(meet(empty, { offset: 5, lastEpoch: 2 })).toEqual({
      kind,
      divergingEpoch: 2,
      divergingEnd: 3,
    });
  });
});

describe('the follower cuts', () => {
  test('to the smaller end of the epoch that both have', () => {
    expect(firstToGo(viewOf([1, 1, 2, 2]), 1, 1)).toBe(1);
    expect(firstToGo(viewOf([1, 1, 2, 2]), 1, 4)).toBe(2);
  });

  test('only what is newer when it lacks the epoch: its own epoch before may end anywhere in the leader', () => {
    expect(firstToGo(viewOf([1, 1, 1, 4]), 2, 2)).toBe(3);
  });

  test('everything when all is newer, and nothing can be cut below a log start', () => {
    expect(firstToGo(viewOf([3, 3]), 2, 1)).toBe(0);
    expect(firstToGo(viewOf([3, 3, 3], 1), 2, 1)).toBeUndefined();
  });
});

const epochsOf = (cluster: SimCluster, id: string) =>
  cluster.replica(id).log.all.map(({ epoch }) => epoch);

test('KIP-101 scenario 1: a follower that restarts before it knows the high watermark loses nothing', () => {
  // B has both messages and knows a high watermark of 1. It restarts; before it could fetch, A dies, and B leads.
  const histories = { '1': [1, 1], '2': [1, 1] };
  const cluster = new SimCluster({ replicas: 2, epoch: 1, histories });
  cluster.elect('1');
  cluster.stabilize();
  cluster.network = [];
  expect(cluster.leader()?.core.highWatermark).toBe(3);
  cluster.replica('2').crash();
  cluster.restart('2', { highWatermark: 1 });
  cluster.replica('1').crash();
  cluster.elect('2');
  cluster.stabilize();
  expect(epochsOf(cluster, '2')).toEqual([1, 1, 2, 3]);
  cluster.restart('1');
  cluster.announce();
  cluster.run(3);
  expect(epochsOf(cluster, '1')).toEqual([1, 1, 2, 3]);
  expect(cluster.replica('2').core.highWatermark).toBe(4);
});

test('KIP-101 scenario 2: after a crash of both, the one with other records at the same offset cuts them', () => {
  // A had offset 1 from epoch 1, B came back first and wrote another one in epoch 2.
  const histories = { '1': [1, 1], '2': [1, 2] };
  const cluster = new SimCluster({ replicas: 2, epoch: 2, histories });
  cluster.elect('2');
  cluster.stabilize();
  expect(epochsOf(cluster, '1')).toEqual([1, 2, 3]);
  expect(cluster.replica('1').log.lastId).toBe(cluster.replica('2').log.lastId);
});

test('KIP-279 fast leader change: epochs that only one of two knows do not mislead the cut', () => {
  // A led epochs 1 and 3, B epoch 2: the lookup of B's last epoch must not be answered with the start of A's next one.
  const histories = { '1': [1, 1, 3, 3], '2': [1, 1, 2, 2, 2] };
  const cluster = new SimCluster({ replicas: 2, epoch: 3, histories });
  cluster.elect('1');
  cluster.stabilize();
  expect(epochsOf(cluster, '2')).toEqual([1, 1, 3, 3, 4]);
});

test('KIP-279: several rounds of cuts when epochs alternate', () => {
  const histories = { '1': [1, 3, 3, 5, 5, 7], '2': [1, 1, 1, 2, 4, 4, 6] };
  const cluster = new SimCluster({ replicas: 2, epoch: 7, histories });
  cluster.elect('1');
  cluster.stabilize();
  expect(epochsOf(cluster, '2')).toEqual([1, 3, 3, 5, 5, 7, 8]);
  expect(cluster.replica('2').log.lastId).toBe(cluster.replica('1').log.lastId);
});

test('a batch of many records is never cut in two when the follower lacks the epoch that the leader names', () => {
  const replica = lone([1]);
  replica.assign(stateOf({ epoch: 2 }));
  replica.produce(1, 5);
  replica.assign(stateOf({ version: 2, epoch: 5 }));
  replica.assign({ ...follow2, version: 3, epoch: 6 });
  replica.effects = [];
  // Leader 2 has epoch 1 at 0, 3 at 1, 4 at 2: its end of epoch 4 lies inside of the large batch.
  receive(replica, diverging(replica, 4, 3));
  receive(replica, diverging(replica, 1, 1));
  expect(effectsOf(replica, 'truncate').map(({ from }) => from)).toEqual([7, 1]);
});
