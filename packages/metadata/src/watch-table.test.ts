import { WatchTable } from './watch-table.js';

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('a watch fires once, for its own kind and path', async () => {
  const table = new WatchTable();
  const fired: string[] = [];
  table.add('node', '/a', () => void fired.push('node'));
  table.add('children', '/a', () => void fired.push('children'));
  table.fire('node', '/b');
  table.fire('node', '/a');
  table.fire('node', '/a');
  await settled();
  expect(fired).toEqual(['node']);
  table.fireAll();
  await settled();
  expect(fired).toEqual(['node', 'children']);
});

test('the same function on the same thing is one watch; a removed one does not fire', async () => {
  const table = new WatchTable();
  let fired = 0;
  const watch = (): void => void fired++;
  table.add('node', '/a', watch);
  table.add('node', '/a', watch);
  table.fire('node', '/a');
  table.add('node', '/a', watch);
  table.remove('node', '/a', watch);
  table.fireAll();
  await settled();
  expect(fired).toBe(1);
});

test('watched paths that would not fit into one packet are refused (pitfall 12)', () => {
  const table = new WatchTable();
  const path = (index: number): string => `/${String(index).padStart(999, '0')}`;
  let added = 0;
  expect(() => {
    for (; added < 1000; added++) table.add('node', path(added), () => undefined);
  }).toThrow('over the limit of 524288');
  expect(added).toBe(524);
  table.fire('node', path(0));
  table.add('node', path(added), () => undefined);
});
