// zhumq group: shows consumer groups, how far they are behind, and moves their positions.
import { noun } from '../command-tree.js';
import { deleteGroup } from './group/delete.js';
import { describeGroup } from './group/describe.js';
import { groupLag } from './group/lag.js';
import { listGroups } from './group/list.js';
import { resetGroup } from './group/reset.js';

export const groupCommand = noun('group', 'Show consumer groups, move their positions', [
  listGroups,
  describeGroup,
  groupLag,
  resetGroup,
  deleteGroup,
]);
