// SIGSTOP and, later, SIGCONT: a process that neither answers nor ends, and then goes on as if nothing had happened.
import { between, pick } from './nemesis.js';
import type { Nemesis } from './nemesis.js';

export const pause: Nemesis = {
  about:
    'SIGSTOP of a broker or a zkserver, SIGCONT up to 8 s later: also when its session has ended',
  weight: 3,
  plan(cluster, random) {
    const { brokers, zkservers } = cluster;
    const target = pick(random, random.below(4) === 0 ? zkservers : brokers);
    return {
      ...{ target, holdMs: between(random, 500, 8_000), resumes: 'meanwhile' },
      begin: () => cluster.process(target).kill('SIGSTOP'),
      end: () => cluster.process(target).kill('SIGCONT'),
    };
  },
};
