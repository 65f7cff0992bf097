// Who hears whom in each kind of partition.
import { SeededRandom } from '@zhumq/base';
import { CLIENTS } from '../network/network.js';
import { clusterOf } from '../testing/cluster.fixture.js';
import type { Nemesis } from './nemesis.js';
import {
  partitionClients,
  partitionMajority,
  partitionOne,
  partitionOneWay,
  partitionRing,
} from './partition.js';

const SEEDS = Array.from({ length: 4 }, (_, seed) => seed);

async function cutBy(nemesis: Nemesis, brokers: number, seed: number) {
  const { cluster, cuts } = clusterOf(brokers);
  const fault = nemesis.plan(cluster, new SeededRandom(seed));
  await fault.begin();
  const hear = (one: string, other: string): boolean =>
    one === other || !(cuts.has(`${one}>${other}`) || cuts.has(`${other}>${one}`));
  return { fault, cluster, cuts, hear };
}

describe.each([3, 4, 5])('of %d brokers', (brokers) => {
  test.each(SEEDS)('seed %d: one is alone', async (seed) => {
    const { cluster, hear, fault, cuts } = await cutBy(partitionOne, brokers, seed);
    const everybody = [...cluster.nodes, CLIENTS];
    for (const one of everybody) {
      const heard = everybody.filter((other) => hear(one, other));
      expect(heard).toEqual(
        one === fault.target ? [one] : everybody.filter((other) => other !== fault.target),
      );
    }
    await fault.end();
    expect(cuts.size).toBe(0);
  });

  test.each(SEEDS)(
    'seed %d: the clients and two ZooKeeper servers are with the majority',
    async (seed) => {
      const { cluster, hear } = await cutBy(partitionMajority, brokers, seed);
      const heardBy = (names: readonly string[]) => names.filter((name) => hear(CLIENTS, name));
      expect(heardBy(cluster.brokers).length).toBeGreaterThan(brokers / 2);
      expect(heardBy(cluster.brokers).length).toBeLessThan(brokers);
      expect(heardBy(cluster.zookeepers)).toHaveLength(2);
      expect(heardBy(cluster.zkservers)).toHaveLength(1);
    },
  );

  test.each(SEEDS)(
    'seed %d: in a ring each hears a majority, and no two hear the same',
    async (seed) => {
      const { cluster, hear } = await cutBy(partitionRing, brokers, seed);
      const views = cluster.brokers.map((one) =>
        cluster.brokers.filter((other) => hear(one, other)),
      );
      for (const view of views) expect(view.length).toBeGreaterThan(brokers / 2);
      expect(new Set(views.map(String)).size).toBe(brokers);
      expect(hear(cluster.brokers[0], 'zookeeper-1')).toBe(true);
    },
  );

  test.each(SEEDS)('seed %d: one way only', async (seed) => {
    const { cuts } = await cutBy(partitionOneWay, brokers, seed);
    expect(cuts.size).toBeGreaterThan(0);
    for (const cut of cuts) expect(cuts.has(cut.split('>').toReversed().join('>'))).toBe(false);
  });

  test.each(SEEDS)('seed %d: clients are cut from brokers, which hear each other', async (seed) => {
    const { cluster, hear } = await cutBy(partitionClients, brokers, seed);
    const [first, ...others] = cluster.brokers;
    expect(others.every((other) => hear(first, other))).toBe(true);
    expect(cluster.brokers.some((broker) => !hear(CLIENTS, broker))).toBe(true);
  });
});
