// Every execution that a protocol rule answers, played in the simulator. What each proves, and what the checkers say when
// its rule is taken out: docs/testing-rules.md.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SCRIPTED, main, runScript } from '@zhumq/testkit';
import { mutants } from '../mutants/index.js';
import { ruleMutants } from '../mutants/rules.js';

jest.setTimeout(60_000);

test.each(SCRIPTED.map((scenario) => [scenario.name, scenario] as const))(
  '%s',
  async (_name, scenario) => {
    expect(await runScript(scenario, 1)).toMatchObject({ findings: [] });
  },
);

test('a script does the same things at the same times, whatever ran before it', async () => {
  const [first, second] = SCRIPTED;
  const { digest } = await runScript(first, 2);
  await runScript(second, 2);
  expect((await runScript(first, 2)).digest).toBe(digest);
});

test('the command plays one of them by its name', async () => {
  const lines: string[] = [];
  const args = ['--scenario', SCRIPTED[0].name, '--seeds', '2', '-o', 'json'];
  expect(await main(args, { write: (line) => lines.push(line) })).toBe(0);
  expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({ seeds: 2, violations: 0 });
});

const isOfRule = (name: string): boolean => name.startsWith('rule-');

test('every script of a rule has a mutant of its name, and a row that says what is found without its rule', () => {
  const names = SCRIPTED.map(({ name }) => name)
    .filter(isOfRule)
    .sort();
  const text = readFileSync(join(__dirname, '../../docs/testing-rules.md'), 'utf8');
  const rows = [...text.matchAll(/^\| [^|]* \| `(rule-[a-z0-9-]+)` \|/gm)].map(([, name]) => name);
  expect(rows.sort()).toEqual(names);
  expect(ruleMutants.map(({ id }) => id).sort()).toEqual(names);
  for (const { id, run } of ruleMutants) expect(run).toMatchObject({ scenario: id, seeds: 1 });
});

test('every other script is where a mutant is hunted', () => {
  const names = SCRIPTED.map(({ name }) => name).filter((name) => !isOfRule(name));
  const hunted = new Set(mutants.map(({ run }) => run.scenario));
  expect(names.filter((name) => !hunted.has(name))).toEqual([]);
});
