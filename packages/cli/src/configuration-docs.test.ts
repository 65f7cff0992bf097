// The page of all options is what the declarations say.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { renderConfigurationDocs } from './configuration-docs.js';

test('docs/configuration.md is what the declarations say', () => {
  const page = join(__dirname, '..', '..', '..', 'docs', 'configuration.md');
  const rendered = renderConfigurationDocs();
  if (process.env.UPDATE_GOLDEN === '1') writeFileSync(page, rendered);
  expect(readFileSync(page, 'utf8')).toBe(rendered);
});
