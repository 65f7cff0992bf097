// All mutants. What they are for and how they are run: docs/testing-mutants.md.
import type { Mutant } from '@zhumq/testkit';
import { raftMutants } from './raft.js';

export const mutants: readonly Mutant[] = [...raftMutants];
