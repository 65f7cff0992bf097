// Comparing replicas by their files finds what differs, what is missing, and where one ends.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readReplica } from './replica-files.js';

const HEADER_BYTES = 61;

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'replica-files-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function batch(offset: number, records: number, body: string): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES + body.length);
  bytes.writeBigInt64BE(BigInt(offset), 0);
  bytes.writeInt32BE(bytes.length - 12, 8);
  bytes.writeInt32BE(records - 1, 23);
  bytes.write(body, HEADER_BYTES);
  return bytes;
}

function write(segment: number, ...batches: readonly Buffer[]): void {
  writeFileSync(join(folder, `${String(segment).padStart(20, '0')}.log`), Buffer.concat(batches));
}

test('reads over segments up to the asked end', () => {
  write(0, batch(0, 2, 'ab'), batch(2, 1, 'c'));
  write(3, batch(3, 3, 'def'), batch(6, 1, 'g'));
  expect(readReplica(folder, 6)).toMatchObject({ from: 0, to: 6, hole: undefined });
  expect(readReplica(folder, 5)).toMatchObject({ to: 3 });
});

test('one byte makes another digest', () => {
  write(0, batch(0, 1, 'a'), batch(1, 1, 'b'));
  const { digest } = readReplica(folder, 2);
  write(0, batch(0, 1, 'a'), batch(1, 1, 'c'));
  expect(readReplica(folder, 2).digest).not.toBe(digest);
  expect(readReplica(folder, 1).digest).not.toBe(digest);
});

test('tells the first offset that is missing', () => {
  write(0, batch(0, 2, 'ab'), batch(3, 1, 'd'));
  expect(readReplica(folder, 4)).toMatchObject({ hole: 2, to: 4 });
});

test('a torn end is no batch', () => {
  write(0, batch(0, 1, 'a'), batch(1, 1, 'b').subarray(0, 50));
  expect(readReplica(folder, 2)).toMatchObject({ to: 1, hole: undefined });
});
