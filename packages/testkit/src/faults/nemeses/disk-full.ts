// A broker's disk is full: to its reserve, or to the last byte, when writes fail. A replica or broker that failed to write
// is out of service until a restart (rules 4 and 7), which is what an operator does when there is space again.
import { fillDisk, freeDisk } from '../processes/small-disk.js';
import { between, pick } from './nemesis.js';
import type { Nemesis } from './nemesis.js';

/** Of BROKER_FLAGS' reserve. */
const BELOW_RESERVE = 16 * 1024 * 1024;

export const diskFull: Nemesis = {
  about:
    "a broker's disk is filled, to below its reserve or to the last byte, and emptied up to 6 s later; after the second it is restarted",
  weight: 1,
  needs: ['disks'],
  plan(cluster, random) {
    const target = pick(random, cluster.brokers);
    const leaveBytes = random.below(2) === 0 ? 0 : BELOW_RESERVE;
    const folder = cluster.dataFolder(target);
    return {
      target: `${target}, ${leaveBytes} bytes left`,
      ...{ holdMs: between(random, 1_000, 6_000), resumes: 'afterwards' },
      begin: () => Promise.resolve(fillDisk(folder, leaveBytes)),
      end: async () => {
        freeDisk(folder);
        if (leaveBytes === 0) await cluster.process(target).kill('SIGTERM');
        await cluster.revive();
      },
    };
  },
};
