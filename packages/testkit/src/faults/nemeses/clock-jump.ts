// The wall clock of one process steps, by seconds or hours, ahead or back, and later steps home.
import { between, pick } from './nemesis.js';
import type { Nemesis } from './nemesis.js';

const STEPS_SECONDS = [-86_400, -3_600, -10, 10, 3_600, 86_400];

export const clockJump: Nemesis = {
  about:
    'the wall clock of a broker or a zkserver jumps by seconds, an hour or a day, and later back',
  weight: 1,
  needs: ['clocks'],
  plan(cluster, random) {
    const target = pick(random, [...cluster.brokers, ...cluster.zkservers]);
    const seconds = pick(random, STEPS_SECONDS);
    return {
      target: `${target}, ${seconds} s`,
      ...{ holdMs: between(random, 500, 5_000), resumes: 'meanwhile' },
      begin: () => Promise.resolve(cluster.setClock(target, seconds)),
      end: () => Promise.resolve(cluster.setClock(target, 0)),
    };
  },
};
