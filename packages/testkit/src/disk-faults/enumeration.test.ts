// The short form of the enumeration: some of the operations. The long form is `npm run disk-faults`; see docs/testing-disk.md.
import { diskFaults } from './command.js';
import { nameOf, parseCase } from './fault-case.js';

jest.setTimeout(300_000);

async function output(...args: string[]): Promise<{ code: number; lines: string[] }> {
  const lines: string[] = [];
  const code = await diskFaults(args, (line) => lines.push(line));
  return { code, lines };
}

test('every 600th operation of the log survives every fault of its disk', async () => {
  const { code, lines } = await output('--seed', '1', '--stride', '600', '-o', 'json');
  expect(lines.slice(0, -1)).toEqual([]);
  expect(code).toBe(0);
  const { operations, cases, recoveries, errorsNoticed, violations } = JSON.parse(
    lines.at(-1) ?? '{}',
  ) as Record<string, number>;
  expect(violations).toBe(0);
  // Or the workload does not do what it is for.
  expect(operations).toBeGreaterThan(3000);
  expect(cases).toBeGreaterThan(100);
  expect(recoveries).toBeGreaterThan(cases);
  expect(errorsNoticed).toBeGreaterThan(3);
});

test('a case is named so that it can be run again', async () => {
  for (const name of [
    '1:345:before:none',
    '2:7:torn:512:all',
    '1:9:again:kill:12:some2',
    '1:4:error:drop:kill',
    '3:0:workload',
  ]) {
    expect(nameOf(parseCase(name))).toBe(name);
  }
  expect(await output('--case', '1:345:sideways:none')).toMatchObject({ code: 2 });
  expect(await output('--case', '1:345:before:sideways')).toMatchObject({ code: 2 });
  expect(await output('--stride', '0')).toMatchObject({ code: 2 });
});

test('the workload itself is a case, and --help is no mistake', async () => {
  const { code, lines } = await output('--case', '2:0:workload', '-o', 'json');
  expect({ code, lines }).toMatchObject({ code: 0, lines: [expect.stringContaining('"cases":1')] });
  expect(await output('--help')).toMatchObject({
    code: 0,
    lines: [expect.stringMatching(/--case/)],
  });
});
