// SIGTERM: an orderly end, and a start at once.
import { pick } from './nemesis.js';
import type { Nemesis } from './nemesis.js';

export const restart: Nemesis = {
  about: 'SIGTERM of a broker or a zkserver, and a start at once',
  weight: 2,
  plan(cluster, random) {
    const { brokers, zkservers } = cluster;
    const target = pick(random, random.below(4) === 0 ? zkservers : brokers);
    return {
      ...{ target, holdMs: 0, resumes: 'meanwhile' },
      begin: () => cluster.process(target).kill('SIGTERM'),
      end: () => cluster.revive(),
    };
  },
};
