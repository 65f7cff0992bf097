// zhumq log: looks into the files of one replica; the broker may be stopped or running.
import { noun } from '../command-tree.js';
import { dumpLog } from './log/dump.js';
import { verifyLog } from './log/verify.js';

export const logCommand = noun('log', 'Look into the files of a partition', [verifyLog, dumpLog]);
