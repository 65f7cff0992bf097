// All of ZooKeeper is gone for a while: mode raft goes on and elects, mode fetch goes on under its present leaders.
import { between } from './nemesis.js';
import type { Nemesis } from './nemesis.js';

export const storeLoss: Nemesis = {
  about:
    'SIGKILL of all ZooKeeper servers, which come back up to 12 s later: also after every session has ended',
  weight: 1,
  kills: true,
  plan: (cluster, random) => ({
    target: 'all of ZooKeeper',
    ...{ holdMs: between(random, 1_000, 12_000), resumes: 'meanwhile' },
    begin: () => cluster.kill(cluster.zookeepers),
    end: () => cluster.revive(),
  }),
};
