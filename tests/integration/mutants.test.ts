// The short form of `npm run mutants`: a few bugs that die fast, and that a mutant is what really runs.
import { join } from 'node:path';
import { runMutants } from '@zhumq/testkit';
import type { Mutant } from '@zhumq/testkit';
import { mutants } from '../mutants/index.js';

const ROOT = join(__dirname, '../..');
/** Half a minute of work together; more on a machine that has other things to do. */
jest.setTimeout(600_000);

const FAST = ['raft-asks-before-disk', 'raft-vote-before-disk', 'raft-leader-counts-unsynced'];

interface Report {
  readonly killed: number;
  readonly results: readonly {
    readonly id: string;
    readonly outcome: string;
    readonly check?: string;
  }[];
}

async function run(
  chosen: readonly Mutant[],
  ...args: string[]
): Promise<{ code: number; report: Report }> {
  const lines: string[] = [];
  const set = { mutants: chosen, rows: [] };
  const output = { write: (line: string) => void lines.push(line) };
  const code = await runMutants([...args, '-o', 'json'], ROOT, set, output, () => undefined);
  return { code, report: JSON.parse(lines.at(-1) ?? '{}') as Report };
}

test('what is mutated runs, no mutant that only crashes or does not compile counts as killed, and real ones are killed', async () => {
  const [{ run: hunt }] = mutants;
  const file = 'packages/raft/src/quorum.ts';
  const find = '  return Math.floor(voters / 2) + 1;';
  const says = 'Something else.';
  const common = { says, source: 'test', file, find, run: { ...hunt, seeds: 1 } };
  const strange: Mutant[] = [
    {
      ...{ ...common, id: 'throws-at-start', find: '/** Smallest number' },
      replace:
        "if (find()) throw new Error('mutated');\nfunction find(): boolean { return true; }\n/** Smallest number",
    },
    { ...common, id: 'does-not-compile', replace: '  return "two";' },
    { ...common, id: 'changes-nothing', replace: `${find} // the same` },
  ];
  const real = mutants.filter(({ id }) => FAST.includes(id));
  const { code, report } = await run([...strange, ...real], '--jobs', '2', '--seconds', '60');
  expect(code).toBe(1);
  expect(report.results.map(({ id, outcome }) => [id, outcome])).toEqual([
    ['throws-at-start', 'crashed'],
    ['does-not-compile', 'error'],
    ['changes-nothing', 'survived'],
    ...real.map(({ id }) => [id, 'killed']),
  ]);
  expect(report.killed).toBe(FAST.length);
});
