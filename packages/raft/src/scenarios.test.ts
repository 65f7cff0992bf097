// Runs testdata/*.txt and compares with what stands there. UPDATE_GOLDEN=1 rewrites the outputs: commit them only if you
// understand what changed and want it.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Scenario } from './testing/scenario.js';

const folder = join(__dirname, '..', 'testdata');
const update = process.env.UPDATE_GOLDEN === '1';

/** The script with its outputs replaced by what the commands lead to now. */
function play(text: string): string {
  const scenario = new Scenario();
  const paragraphs = text.trimEnd().split(/\n{2,}/);
  const played = paragraphs.map((paragraph) => {
    const script = paragraph.split('\n----')[0] ?? '';
    const lines = script.split('\n');
    const command = lines.find((line) => !line.startsWith('#'));
    if (command === undefined) return script;
    return [script, '----', ...scenario.run(command)].join('\n');
  });
  return `${played.join('\n\n')}\n`;
}

const files = readdirSync(folder).filter((name) => name.endsWith('.txt'));

test.each(files)('scenario %s goes as written', (name) => {
  const path = join(folder, name);
  const text = readFileSync(path, 'utf8');
  const played = play(text);
  if (update) writeFileSync(path, played);
  else expect(played).toBe(text);
});
