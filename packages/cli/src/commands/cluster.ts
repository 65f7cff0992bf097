// zhumq cluster: the servers, and whether all is well.
import { noun } from '../command-tree.js';
import { describeCluster } from './cluster/describe.js';
import { clusterHealth } from './cluster/health.js';

export const clusterCommand = noun('cluster', 'Show the servers and the health of a cluster', [
  describeCluster,
  clusterHealth,
]);
