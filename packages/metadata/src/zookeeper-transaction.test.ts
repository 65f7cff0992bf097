import { isError } from '@zhumq/model';
import { LinkBroken } from './session-link.js';
import { errorOfCode } from './zookeeper-library.js';
import { createClient } from './zookeeper-library.js';
import { transactionOf } from './zookeeper-library.js';
import { fillTransaction, refusedOf, storeError } from './zookeeper-transaction.js';

const operations = [
  { kind: 'check', path: '/a', version: 0 },
  { kind: 'delete', path: '/b', version: 0 },
  { kind: 'set', path: '/c', data: Buffer.alloc(0), version: 0 },
] as const;

test('version 0 stays 0 in a transaction (pitfall 1)', () => {
  const transaction = transactionOf(createClient('127.0.0.1:1'));
  fillTransaction(transaction, operations, (path) => `/root${path}`);
  expect(transaction.ops.map(({ path, version }) => [path, version])).toEqual([
    ['/root/a', 0],
    ['/root/b', 0],
    ['/root/c', 0],
  ]);
});

test('an error code that the library does not know is an error, not a crash (pitfall 9)', () => {
  for (const code of [-13, -116, -118, -119, -124, -125, -127, -999]) {
    expect(errorOfCode(code, '/x')).toMatchObject({ code });
  }
  expect(errorOfCode(-101)).toMatchObject({ code: -101 });
});

test('the operation that failed is found among those that were only taken back', () => {
  const results = [0, -103, -2].map((err) => ({ type: -1, err }));
  const refused = refusedOf(errorOfCode(-103), results, operations);
  expect(refused).toEqual({ ok: false, reason: 'version-conflict', path: '/b', index: 1 });
});

test('a lost connection is ambiguous, other errors are answers (pitfall 14)', () => {
  for (const code of [-4, -7, -112, -118]) {
    expect(storeError(errorOfCode(code))).toBeInstanceOf(LinkBroken);
  }
  expect(isError(storeError(errorOfCode(-127)), 'STORE_UNAVAILABLE')).toBe(true);
  expect(isError(storeError(new TypeError('bad argument') as never), 'INTERNAL')).toBe(true);
});
