// All mutants. What they are for and how they are run: docs/testing-mutants.md.
import type { Mutant } from '@zhumq/testkit';
import { controllerMutants } from './controllers.js';
import { durabilityMutants } from './durability.js';
import { fetchMutants } from './fetch.js';
import { groupMutants } from './groups.js';
import { raftMutants } from './raft.js';
import { ruleMutants } from './rules.js';
import { servingMutants } from './serving.js';
import { switchMutants } from './switch.js';

export { pitfallRows } from './rows.js';

export const mutants: readonly Mutant[] = [
  ...raftMutants,
  ...fetchMutants,
  ...switchMutants,
  ...durabilityMutants,
  ...groupMutants,
  ...controllerMutants,
  ...servingMutants,
  ...ruleMutants,
];
