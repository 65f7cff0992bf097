// Bugs of Raft: rows of references "Raft safety pitfalls" that can exist in packages/raft and in the broker around it.
import type { Mutant } from '@zhumq/testkit';

const any = { scenario: 'swarm', seed: 1, seeds: 400 };

export const raftMutants: readonly Mutant[] = [
  {
    id: 'raft-counts-old-terms',
    says: 'A leader commits an entry of an older term because a majority holds it (figure 8).',
    source: 'reliability 3.1',
    file: 'packages/raft/src/leader.ts',
    find: `    if (offset <= replica.commit || offset < this.termStart) return;
    const { log, term } = replica;
    assert(log.epochAt(offset) === term, \`offset \${offset} is not of term \${term}\`);`,
    replace: `    if (offset <= replica.commit) return;`,
    run: any,
  },
];
