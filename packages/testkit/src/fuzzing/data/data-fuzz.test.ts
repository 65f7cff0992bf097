// The short form of the fuzzing of data directories; the long form is `npm run fuzz -- data`. See docs/testing-fuzzing.md.
import { fuzz } from '../command.js';

jest.setTimeout(300_000);

async function output(...args: string[]): Promise<{ code: number; lines: string[] }> {
  const lines: string[] = [];
  const code = await fuzz(args, (line) => lines.push(line));
  return { code, lines };
}

test('mutated data directories are served right, told of, or refused, and nothing in them is deleted', async () => {
  // Other tests run beside this one, in the same process even: only a hang is judged here.
  const flags = ['--seed', '1', '--count', '150', '--max-stretch', '200', '-o', 'json'];
  const { code, lines } = await output('data', ...flags);
  expect(lines.slice(0, -1)).toEqual([]);
  expect(code).toBe(0);
  const report = JSON.parse(lines.at(-1) ?? '{}') as Record<string, number>;
  expect(report).toMatchObject({ directories: 150, violations: 0 });
  // Mutations that nobody notices would prove nothing.
  expect(report.told).toBeGreaterThan(15);
  expect(report.refused).toBeGreaterThan(0);
});

test('says what it can fuzz, and what it was asked wrongly', async () => {
  expect(await output('nothing')).toMatchObject({ code: 2 });
  expect(await output('data', '--count', 'many')).toMatchObject({ code: 2 });
  for (const args of [['--help'], ['data', '--help'], ['frames', '--help']]) {
    const { code, lines } = await output(...args);
    expect({ args, code, text: lines.join() }).toMatchObject({
      ...{ args, code: 0, text: expect.stringContaining('npm run fuzz') as string },
    });
  }
});
