// Delay and loss: what goes to and from a broker is late, and its connections break now and then.
import { between, pick } from './nemesis.js';
import type { Nemesis } from './nemesis.js';

/** Of a piece of a stream. */
const BREAK_PROBABILITY = 0.002;

export const slowNetwork: Nemesis = {
  about: 'everything to and from a broker is up to 400 ms late, and connections break',
  weight: 1,
  needs: ['proxies'],
  plan(cluster, random) {
    const target = pick(random, cluster.brokers);
    const delayMs = between(random, 20, 400);
    return {
      target: `${target}, ${delayMs} ms`,
      ...{ holdMs: between(random, 2_000, 6_000), resumes: 'meanwhile' },
      begin: () => Promise.resolve(cluster.network.slow(target, delayMs, BREAK_PROBABILITY)),
      end: () => cluster.network.heal(),
    };
  },
};
