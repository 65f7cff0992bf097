// The file of an embedded store: what survives a restart, a torn write and damage.
import {
  appendFileSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SystemClock } from '@zhumq/base';
import { EmbeddedStore } from './embedded-store.js';

const clock = new SystemClock();
const folder = mkdtempSync(join(tmpdir(), 'zhumq-journal-'));
let files = 0;
const newFile = (): string => join(folder, `store-${++files}`);
afterAll(() => rmSync(folder, { recursive: true }));

async function life<T>(
  file: string,
  live: (store: ReturnType<EmbeddedStore['connect']>) => Promise<T>,
): Promise<T> {
  const embedded = new EmbeddedStore({ clock, file });
  try {
    return await live(embedded.connect());
  } finally {
    await embedded.close();
  }
}

test('persistent nodes, versions and sequences survive a restart, ephemeral nodes do not', async () => {
  const file = newFile();
  await life(file, async (store) => {
    await store.create('/a', Buffer.from('one'));
    await store.set('/a', Buffer.from([0, 255]), 0);
    await store.create('/a/s', Buffer.alloc(0), { sequential: true });
    await store.create('/gone', Buffer.alloc(0));
    await store.delete('/gone', 0);
    await store.create('/short', Buffer.alloc(0), { ephemeral: true });
  });
  await life(file, async (store) => {
    expect(await store.children('/')).toEqual(['a']);
    expect(await store.get('/a')).toMatchObject({ version: 1, data: Buffer.from([0, 255]) });
    const next = await store.create('/a/s', Buffer.alloc(0), { sequential: true });
    expect(next).toEqual({ ok: true, path: '/a/s0000000001' });
  });
});

test('a torn tail is cut off at every byte, and all before it is kept', async () => {
  const file = newFile();
  await life(file, async (store) => {
    await store.create('/a', Buffer.from('kept'));
  });
  const whole = readFileSync(file);
  await life(file, async (store) => {
    await store.multi([
      { kind: 'set', path: '/a', data: Buffer.from('torn'), version: 0 },
      { kind: 'create', path: '/b', data: Buffer.from('torn') },
    ]);
  });
  const longer = readFileSync(file);
  for (let size = whole.length; size < longer.length; size++) {
    writeFileSync(file, longer.subarray(0, size));
    await life(file, async (store) => {
      expect((await store.get('/a'))?.data.toString()).toBe('kept');
      expect(await store.exists('/b')).toBeUndefined();
      expect((await store.create('/c', Buffer.alloc(0))).ok).toBe(true);
    });
    await life(file, async (store) => expect(await store.children('/')).toEqual(['a', 'c']));
  }
});

test('damage before the end is refused, with file and place', async () => {
  const file = newFile();
  await life(file, async (store) => {
    for (const path of ['/a', '/b', '/c']) await store.create(path, Buffer.alloc(0));
  });
  const bytes = readFileSync(file);
  const first = bytes.indexOf(10) + 1;
  bytes[first + 12] ^= 1;
  writeFileSync(file, bytes);
  expect(() => new EmbeddedStore({ clock, file })).toThrow(`${file} is damaged at byte ${first}`);
  writeFileSync(file, 'something else\n');
  expect(() => new EmbeddedStore({ clock, file })).toThrow('is no embedded store of format 1');
});

test('an unfinished compaction is ignored', async () => {
  const file = newFile();
  await life(file, async (store) => void (await store.create('/a', Buffer.alloc(0))));
  appendFileSync(`${file}.new`, 'half a file');
  await life(file, async (store) => expect(await store.children('/')).toEqual(['a']));
});

test('a file that grows is rewritten and holds the same', async () => {
  const file = newFile();
  const data = Buffer.alloc(60_000, 7);
  await life(file, async (store) => {
    await store.create('/a', data);
    await store.create('/a/s', Buffer.alloc(0), { sequential: true });
    for (let version = 0; version < 60; version++) await store.set('/a', data, version);
  });
  expect(statSync(file).size).toBeLessThan(2 * 1024 * 1024);
  await life(file, async (store) => {
    expect((await store.get('/a'))?.version).toBe(60);
    expect((await store.get('/a'))?.data.equals(data)).toBe(true);
    const next = await store.create('/a/s', Buffer.alloc(0), { sequential: true });
    expect(next).toMatchObject({ path: '/a/s0000000001' });
  });
});
