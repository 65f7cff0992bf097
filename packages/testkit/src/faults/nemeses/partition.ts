// Network partitions: nodes that run and do not hear each other. The clients stay with the majority, but for one kind.
import type { Random } from '@zhumq/base';
import { CLIENTS } from '../network/network.js';
import type { NodeName } from '../network/network.js';
import type { ProcessCluster } from '../processes/process-cluster.js';
import { between, pick, shuffled } from './nemesis.js';
import type { Fault, Nemesis } from './nemesis.js';

type Cut = readonly [from: NodeName, to: NodeName];

const NEEDS = ['namespaces', 'proxies'] as const;
const LEAST_MS = 1_000;
/** Longer than a session, so that fetch partitions get other leaders in some rounds. */
const MOST_MS = 6_000;

function parting(
  { network }: ProcessCluster,
  random: Random,
  target: string,
  resumes: Fault['resumes'],
  cuts: readonly Cut[],
): Fault {
  return {
    ...{ target, resumes, holdMs: between(random, LEAST_MS, MOST_MS) },
    begin: async () => {
      await Promise.all(cuts.map(([from, to]) => network.cut(from, to)));
    },
    end: () => network.heal(),
  };
}

const bothWays = (ones: readonly NodeName[], others: readonly NodeName[]): Cut[] =>
  ones.flatMap((one) =>
    others.flatMap((other): Cut[] => [
      [one, other],
      [other, one],
    ]),
  );

const everybodyBut = (cluster: ProcessCluster, some: readonly NodeName[]): NodeName[] =>
  [...cluster.nodes, CLIENTS].filter((node) => !some.includes(node));

export const partitionOne: Nemesis = {
  about: 'a broker hears nobody and is heard by nobody',
  weight: 3,
  needs: NEEDS,
  partitions: true,
  plan(cluster, random) {
    const broker = pick(random, cluster.brokers);
    const cuts = bothWays([broker], everybodyBut(cluster, [broker]));
    return parting(cluster, random, broker, 'bounded', cuts);
  },
};

export const partitionMajority: Nemesis = {
  about:
    'a minority of brokers, a zkserver and a ZooKeeper server are cut off from the majority, where the clients are',
  weight: 3,
  needs: NEEDS,
  partitions: true,
  plan(cluster, random) {
    const { brokers, zkservers, zookeepers, network } = cluster;
    const few = Math.floor((brokers.length - 1) / 2);
    const minority = shuffled(random, brokers).slice(0, few);
    if (zkservers.length > 1) minority.push(pick(random, zkservers));
    // Proxies do not stand between ZooKeeper's servers: whoever reaches one of them reaches the quorum.
    if (zookeepers.length > 2 && network.kind === 'namespaces')
      minority.push(pick(random, zookeepers));
    const cuts = bothWays(minority, everybodyBut(cluster, minority));
    // With ZooKeeper's leader in the minority everybody's session moves; raft partitions do not wait for that.
    return parting(cluster, random, minority.join(', '), 'meanwhile', cuts);
  },
};

export const partitionRing: Nemesis = {
  about:
    'each broker hears a majority of the brokers, and no two hear the same one; everybody hears ZooKeeper',
  weight: 2,
  needs: NEEDS,
  partitions: true,
  plan(cluster, random) {
    const ring = shuffled(random, cluster.brokers);
    const { length } = ring;
    const cuts: Cut[] = [];
    for (let one = 0; one < length; one++)
      for (let other = one + 1; other < length; other++) {
        const distance = Math.min(other - one, length - (other - one));
        // Three are all neighbours: then one pair is cut.
        if (distance > 1 || (length === 3 && one === 0 && other === 1))
          cuts.push(...bothWays([ring[one]], [ring[other]]));
      }
    return parting(cluster, random, ring.join(' - '), 'meanwhile', cuts);
  },
};

export const partitionOneWay: Nemesis = {
  about:
    'a broker is heard and hears nobody, or the other way round; every other time among brokers only',
  weight: 3,
  needs: NEEDS,
  partitions: true,
  plan(cluster, random) {
    const broker = pick(random, cluster.brokers);
    const isDeaf = random.below(2) === 0;
    const among = random.below(2) === 0 ? cluster.brokers : everybodyBut(cluster, []);
    const others = among.filter((node) => node !== broker);
    const cuts = others.map((other): Cut => (isDeaf ? [other, broker] : [broker, other]));
    const target = `${broker}, ${isDeaf ? 'hears nothing' : 'is not heard'}, of ${others.length} nodes`;
    return parting(cluster, random, target, 'afterwards', cuts);
  },
};

export const partitionClients: Nemesis = {
  about: 'the clients and some brokers do not hear each other; brokers do',
  weight: 2,
  needs: NEEDS,
  partitions: true,
  plan(cluster, random) {
    const { brokers } = cluster;
    const cutOff = shuffled(random, brokers).slice(0, 1 + random.below(brokers.length));
    const cuts = bothWays([CLIENTS], cutOff);
    return parting(cluster, random, `clients | ${cutOff.join(', ')}`, 'afterwards', cuts);
  },
};
