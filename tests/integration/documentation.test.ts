// docs/testing.md names tests: each of them exists.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(__dirname, '../..');

test('every test that docs/testing.md names is there', () => {
  const text = readFileSync(join(ROOT, 'docs/testing.md'), 'utf8');
  const named = [...text.matchAll(/([\w/-]+\.test\.ts) › (.+?)(?=<br>| \|\n)/g)];
  const missing = named.filter(([, file, name]) => {
    const path = file.startsWith('tests/') ? file : file.replace(/^([^/]+)/, 'packages/$1/src');
    const full = join(ROOT, path);
    return !existsSync(full) || !readFileSync(full, 'utf8').replaceAll("\\'", "'").includes(name);
  });
  expect(missing.map(([all]) => all)).toEqual([]);
  expect(named.length).toBeGreaterThan(80);
});
