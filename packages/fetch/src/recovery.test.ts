// The executions of rules 10, 11, 28 and 29 with several replicas, a network and the zkserver.
import { SimCluster } from './testing/sim-cluster.js';

function clusterOf(options: { fsync: boolean; minInsyncReplicas?: number; replicas?: number }) {
  const cluster = new SimCluster({ replicas: 2, ...options });
  cluster.elect('1');
  cluster.run(2);
  return cluster;
}

test('rule 10: an expansion that was carried out while its answer was lost loses nothing', () => {
  const cluster = new SimCluster({ replicas: 3 });
  cluster.zkserver.write({ ...cluster.zkserver.state, isr: ['1', '2'] });
  cluster.elect('1');
  while (cluster.notices.length > 0) cluster.deliverNotice(0);
  for (let round = 0; round < 30 && cluster.proposals.length === 0; round += 1) {
    for (const replica of cluster.up()) replica.settle();
    for (let left = cluster.network.length; left > 0; left -= 1) cluster.deliverAt(0);
  }
  expect(cluster.proposals).toHaveLength(1);
  cluster.abandonProposal(0);
  cluster.carryOutProposal(0);
  cluster.notices = [];
  expect(cluster.zkserver.state.isr).toEqual(['1', '2', '3']);
  cluster.isolate('3');
  const batch = cluster.replica('1').produce();
  for (let round = 0; round < 10; round += 1) {
    for (const replica of cluster.up()) replica.settle();
    for (let left = cluster.network.length; left > 0; left -= 1) cluster.deliverAt(0);
  }
  expect(cluster.replica('2').log.lastId).toBe(batch?.id);
  expect(cluster.replica('1').core.highWatermark).toBeLessThanOrEqual(batch?.baseOffset ?? -1);
  cluster.replica('1').crash();
  cluster.replica('2').crash();
  cluster.heal();
  expect(cluster.elect('3')).toBe(true);
  cluster.stabilize();
  expect(cluster.replica('3').core.role).toBe('leader');
});

test('rule 10: a deposed leader commits nothing with stale members only', () => {
  const cluster = clusterOf({ fsync: true, replicas: 3 });
  const { highWatermark } = cluster.replica('1').core;
  cluster.isolate('1');
  cluster.elect('2');
  cluster.notices = cluster.notices.filter(({ to }) => to !== '1');
  cluster.run(1);
  cluster.replica('1').produce(1);
  cluster.run(5);
  expect(cluster.replica('1').core.role).toBe('leader');
  expect(cluster.replica('1').core.highWatermark).toBe(highWatermark);
  cluster.replica('2').produce();
  cluster.run(12);
  expect(cluster.replica('2').core.highWatermark).toBe(cluster.replica('2').log.logEnd);
});

test('rule 11 (a): an in-sync replica that lost its tail is not elected while one that has it may come back', () => {
  const cluster = clusterOf({ fsync: false });
  const batch = cluster.replica('1').produce();
  for (let left = 20; left > 0; left -= 1) cluster.deliverAt(0);
  expect(cluster.replica('1').core.highWatermark).toBe(cluster.replica('1').log.logEnd);
  cluster.replica('2').losePower();
  cluster.restart('2');
  cluster.zkserver.registered.set('2', 2);
  expect(cluster.replica('2').log.lastId).not.toBe(batch?.id);
  cluster.replica('1').crash();
  expect(cluster.elect()).toBe(false);
  cluster.restart('1');
  cluster.zkserver.registered.set('1', 2);
  expect(cluster.elect()).toBe(true);
  cluster.run(20);
  expect(cluster.leader()?.id).toBe('1');
  expect(cluster.replica('2').core.tainted).toBe(false);
  expect(cluster.zkserver.state.isr).toEqual(['1', '2']);
  expect(cluster.checker.losses).toBe(0);
});

test('rule 11 (b): the only member that lost its tail does not have it cut elsewhere, with two in sync required', () => {
  const cluster = clusterOf({ fsync: false, minInsyncReplicas: 2 });
  cluster.replica('1').produce();
  for (let left = 20; left > 0; left -= 1) cluster.deliverAt(0);
  const committed = cluster.replica('1').core.highWatermark;
  cluster.isolate('2');
  cluster.run(12);
  expect(cluster.zkserver.state.isr).toEqual(['1']);
  expect(cluster.zkserver.elr).toEqual(['2']);
  cluster.replica('1').losePower();
  cluster.restart('1');
  cluster.zkserver.registered.set('1', 2);
  cluster.heal();
  expect(cluster.elect()).toBe(true);
  cluster.run(20);
  expect(cluster.leader()?.id).toBe('2');
  expect(cluster.replica('1').core.highWatermark).toBeGreaterThan(committed);
  expect(cluster.checker.losses).toBe(0);
});

test('rule 11 (c): a proposal for a former life of a broker is refused', () => {
  const cluster = clusterOf({ fsync: true });
  cluster.isolate('2');
  cluster.run(12);
  expect(cluster.zkserver.state.isr).toEqual(['1']);
  cluster.heal();
  for (let round = 0; round < 40 && cluster.proposals.length === 0; round += 1) {
    for (const replica of cluster.up()) {
      replica.tick();
      replica.settle();
    }
    for (let left = cluster.network.length; left > 0; left -= 1) cluster.deliverAt(0);
  }
  expect(cluster.proposals).toHaveLength(1);
  cluster.zkserver.registered.set('2', 2);
  cluster.carryOutProposal(0);
  expect(cluster.zkserver.state.isr).toEqual(['1']);
});

test('rules 28 and 29: records confirmed with acks 1 are lost as a suffix only, and their offsets get a larger epoch', () => {
  const cluster = clusterOf({ fsync: true, replicas: 3 });
  const leader = cluster.replica('1');
  leader.produce(1);
  cluster.run(1);
  cluster.isolate('1');
  const confirmed = [1, 2, 3].map(() => leader.produce(1)?.baseOffset ?? -1);
  leader.settle();
  leader.crash();
  cluster.elect('2');
  cluster.run(1);
  cluster.heal();
  cluster.restart('1');
  cluster.zkserver.registered.set('1', 2);
  cluster.announce();
  cluster.run(4);
  const { log } = cluster.replica('1');
  expect(log.lastId).toBe(cluster.replica('2').log.lastId);
  const epochs = log.all.map(({ epoch }) => epoch);
  expect(epochs).toEqual([1, 1, 2]);
  expect(confirmed[0]).toBe(2);
});

test('rules 28 and 29: when the same leader returns, everything it confirmed is kept', () => {
  const cluster = clusterOf({ fsync: true, replicas: 3 });
  const batch = cluster.replica('1').produce(1);
  cluster.replica('1').settle();
  cluster.network = [];
  for (const replica of cluster.all()) replica.crash();
  cluster.restart('1');
  cluster.restart('2');
  cluster.restart('3');
  for (const id of ['1', '2', '3']) cluster.zkserver.registered.set(id, 2);
  cluster.elect();
  cluster.run(4);
  expect(cluster.leader()?.id).toBe('1');
  expect(cluster.replica('3').log.batchAt(batch?.baseOffset ?? -1)?.id).toBe(batch?.id);
});

test('all in-sync replicas lost their tails: the largest end leads, and the loss is on record', () => {
  const cluster = clusterOf({ fsync: false });
  cluster.replica('1').settle();
  cluster.replica('1').produce();
  cluster.stabilize();
  for (const id of ['1', '2']) {
    cluster.replica(id).losePower();
    cluster.restart(id);
    cluster.zkserver.registered.set(id, 2);
  }
  expect(cluster.elect('1')).toBe(false);
  expect(cluster.elect()).toBe(true);
  cluster.run(20);
  expect(cluster.zkserver.state.lossEpoch).toBe(2);
  expect(cluster.zkserver.state.isr).toHaveLength(2);
  expect(cluster.all().map(({ core }) => core.tainted)).toEqual([false, false]);
});
