// The version of this installation.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export function version(): string {
  const description = readFileSync(join(__dirname, '..', 'package.json'), 'utf8');
  return (JSON.parse(description) as { version: string }).version;
}
