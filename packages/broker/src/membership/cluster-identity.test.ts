import { ManualClock, SeededRandom } from '@zhumq/base';
import type { Logger } from '@zhumq/base';
import { ZooKeeperStore } from '@zhumq/metadata';
import { readClusterId } from './cluster-identity.js';

test('a wait for ZooKeeper is one line that names its servers and what is waited for', async () => {
  const clock = new ManualClock();
  // Nothing listens at port 1.
  const connectionString = '127.0.0.1:1,localhost:1/zhumq';
  const store = new ZooKeeperStore({ connectionString, clock, random: new SeededRandom(1) });
  const lines: { fields: Readonly<Record<string, unknown>>; message: string }[] = [];
  const warn = (fields: Readonly<Record<string, unknown>>, message: string): void =>
    void lines.push({ fields, message });
  const end = new AbortController();
  const logger = { warn } as unknown as Logger;
  const waiting = readClusterId({ store, clock, logger, signal: end.signal });
  for (let turn = 0; lines.length === 0 && turn < 200; turn++) {
    clock.advance(100);
    await new Promise((resolve) => setImmediate(resolve));
  }
  end.abort();
  await expect(waiting).rejects.toThrow();
  await store.close();
  expect(lines[0].message).toBe('waiting for the metadata store to say which cluster this is');
  expect(Object.keys(lines[0].fields)).toEqual(['reason']);
  expect(String(lines[0].fields.reason)).toMatch(
    /^The metadata store \(ZooKeeper at .*127\.0\.0\.1:1.*\) could not be reached for 10000 ms$/,
  );
  expect(String(lines[0].fields.reason)).toContain('localhost:1');
});
