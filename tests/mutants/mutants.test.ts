// The mutants themselves: that each can still be applied, and has a hunt that exists. Whether they are killed is the
// business of `npm run mutants`.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SCENARIOS, SCRIPTED, applyEdit, editsOf } from '@zhumq/testkit';
import { mutants, pitfallRows } from './index.js';

const ROOT = join(__dirname, '../..');

test('every id is there once', () => {
  const ids = mutants.map(({ id }) => id);
  expect(ids).toEqual([...new Set(ids)]);
  expect(ids.filter((id) => !/^[a-z][a-z0-9-]*$/.test(id))).toEqual([]);
});

test.each(mutants.map((mutant) => [mutant.id, mutant] as const))(
  '%s: its snippets stand exactly once, and its scenario exists',
  (_, mutant) => {
    const texts = new Map<string, string>();
    for (const edit of editsOf(mutant)) {
      const { file } = edit;
      const before = texts.get(file) ?? readFileSync(join(ROOT, file), 'utf8');
      const after = applyEdit(before, edit);
      expect(after).not.toBe(before);
      texts.set(file, after);
    }
    const scenarios = [...Object.keys(SCENARIOS), ...SCRIPTED.map(({ name }) => name)];
    expect(scenarios).toContain(mutant.run.scenario);
    expect(mutant.says).toMatch(/^[A-Z].*\.$/);
  },
);

test('every row of the pitfalls has mutants or says why it has none, and none is left out', () => {
  const ids = new Set(mutants.map(({ id }) => id));
  const unknown = pitfallRows.flatMap(({ mutants: named }) => named.filter((id) => !ids.has(id)));
  expect(unknown).toEqual([]);
  const bare = pitfallRows.filter(
    ({ mutants: named, why }) => (named.length === 0) !== (why !== undefined),
  );
  expect(bare).toEqual([]);
  const rows = pitfallRows.map(({ id }) => id);
  expect(rows).toEqual([
    ...numbered('3.', 34),
    ...numbered('4.1.', 12),
    ...numbered('4.2.', 4),
    ...['4.3.a', '4.3.b', '4.3.c', '4.3.d'],
    ...numbered('4.4.', 6),
    ...numbered('4.6.', 14),
  ]);
});

function numbered(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}${index + 1}`);
}
