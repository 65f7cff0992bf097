// zhumq partition: shows the replicas of partitions, moves leadership, switches modes.
import { noun } from '../command-tree.js';
import { describePartitions } from './partition/describe.js';
import { electLeader } from './partition/elect.js';
import { switchMode } from './partition/mode.js';

export const partitionCommand = noun(
  'partition',
  'Show partitions, choose their leaders, switch their modes',
  [describePartitions, electLeader, switchMode],
);
