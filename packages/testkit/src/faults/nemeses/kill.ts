// SIGKILL: of one process, of several kinds at once, of everything.
import type { Random } from '@zhumq/base';
import type { NodeName } from '../network/network.js';
import type { ProcessCluster } from '../processes/process-cluster.js';
import { between, pick } from './nemesis.js';
import type { Fault, Nemesis } from './nemesis.js';

function killing(
  cluster: ProcessCluster,
  targets: readonly NodeName[],
  random: Random,
  resumes: Fault['resumes'],
): Fault {
  const holdMs = between(random, 0, 500);
  // A fetch partition goes on when its leader's session has ended, or when its leader is back: both are tried.
  const waitsForRaftOnly = random.below(3) > 0;
  return {
    ...{ target: targets.join(', '), holdMs, resumes, waitsForRaftOnly },
    begin: () => cluster.kill(targets),
    end: () => cluster.revive(),
  };
}

export const killBroker: Nemesis = {
  about: 'SIGKILL of a broker',
  weight: 6,
  kills: true,
  plan: (cluster, random) => killing(cluster, [pick(random, cluster.brokers)], random, 'bounded'),
};

export const killZkserver: Nemesis = {
  about: 'SIGKILL of a zkserver',
  weight: 1,
  kills: true,
  plan: (cluster, random) => killing(cluster, [pick(random, cluster.zkservers)], random, 'bounded'),
};

export const killZookeeper: Nemesis = {
  about: 'SIGKILL of a ZooKeeper server',
  weight: 1,
  kills: true,
  plan: (cluster, random) =>
    killing(cluster, [pick(random, cluster.zookeepers)], random, 'meanwhile'),
};

export const killSeveral: Nemesis = {
  about: 'SIGKILL of a broker, a zkserver and, every other time, a ZooKeeper server at once',
  weight: 2,
  kills: true,
  plan(cluster, random) {
    const targets = [pick(random, cluster.brokers), pick(random, cluster.zkservers)];
    if (random.below(2) === 0) targets.push(pick(random, cluster.zookeepers));
    return killing(cluster, targets, random, 'meanwhile');
  },
};

export const killAll: Nemesis = {
  about: 'SIGKILL of all brokers and zkservers, every other time of ZooKeeper, too',
  weight: 1,
  kills: true,
  plan(cluster, random) {
    const { zookeepers, zkservers, brokers } = cluster;
    const isAll = random.below(2) === 0;
    const targets = [...brokers, ...zkservers, ...(isAll ? zookeepers : [])];
    const fault = killing(cluster, targets, random, 'afterwards');
    const words = isAll ? 'everything' : 'all brokers and zkservers';
    return { ...fault, target: words };
  },
};
