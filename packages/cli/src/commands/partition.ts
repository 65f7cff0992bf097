// zhumq partition: shows the replicas of partitions and moves leadership.
import { noun } from '../command-tree.js';
import { describePartitions } from './partition/describe.js';
import { electLeader } from './partition/elect.js';

export const partitionCommand = noun('partition', 'Show partitions, choose their leaders', [
  describePartitions,
  electLeader,
]);
