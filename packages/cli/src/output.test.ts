// Tables for people.
import { printTable } from './output.js';

function printed(format: 'table' | 'wide', problem: string): string {
  let text = '';
  const write = jest.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
    text += String(chunk);
    return true;
  });
  const columns = [
    { title: 'BROKER', value: () => 1 },
    { title: 'PROBLEM', value: () => problem || undefined, most: 20 },
  ];
  printTable(format, [{}], columns);
  write.mockRestore();
  return text;
}

test('a long text is shortened in a table, and whole in a wide one', () => {
  const refused = 'Error: connect ECONNREFUSED 127.0.0.1:1';
  expect(printed('table', refused)).toBe('BROKER  PROBLEM\n1       Error: connect ECON…\n');
  expect(printed('wide', refused)).toContain(refused);
  expect(printed('table', '')).toBe('BROKER  PROBLEM\n1       -\n');
});
