// The comparison is checked against copies that differ in one way each.
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compareReplicas, replicaFolder } from './replica-bytes.js';

const root = mkdtempSync(join(tmpdir(), 'zhumq-replicas-'));
let count = 0;

afterAll(() => rmSync(root, { recursive: true }));

/** As long as the public format says, otherwise of no meaning. */
function batch(baseOffset: number, records: number): Buffer {
  const bytes = Buffer.alloc(80, baseOffset + 1);
  bytes.writeBigInt64BE(BigInt(baseOffset), 0);
  bytes.writeInt32BE(bytes.length - 12, 8);
  bytes.writeInt32BE(records - 1, 23);
  return bytes;
}

/** Segments by first offset, each with the numbers of records of its batches. */
function replica(segments: Readonly<Record<number, readonly number[]>>): string {
  const folder = join(root, String(++count));
  mkdirSync(folder);
  for (const [first, batches] of Object.entries(segments)) {
    let next = Number(first);
    const content = batches.map((records) => {
      const bytes = batch(next, records);
      next += records;
      return bytes;
    });
    writeFileSync(join(folder, `${first.padStart(20, '0')}.log`), Buffer.concat(content));
  }
  return folder;
}

const differences = (folders: string[], end: number): readonly string[] =>
  compareReplicas(folders, end).differences;

test('replicas with the same batches are equal, wherever their segments begin', () => {
  const folders = [replica({ 0: [2, 3], 5: [1] }), replica({ 0: [2], 2: [3, 1] })];
  expect(compareReplicas(folders, 6)).toEqual({ from: 0, to: 6, bytes: 240, differences: [] });
});

test('what is not committed does not count', () => {
  expect(differences([replica({ 0: [2, 3] }), replica({ 0: [2, 1, 1] })], 2)).toEqual([]);
});

test('what one replica has deleted is compared no more', () => {
  const folders = [replica({ 0: [2, 3], 5: [1] }), replica({ 5: [1] })];
  expect(compareReplicas(folders, 6)).toMatchObject({ from: 5, bytes: 80, differences: [] });
});

test('zeros behind the end are the end', () => {
  const folder = replica({ 0: [2] });
  const file = join(folder, '00000000000000000000.log');
  writeFileSync(file, Buffer.concat([readFileSync(file), Buffer.alloc(500)]));
  expect(differences([folder, replica({ 0: [2] })], 2)).toEqual([]);
});

test('a single bit is a difference', () => {
  const one = replica({ 0: [2, 3] });
  const other = join(root, 'bit');
  cpSync(one, other, { recursive: true });
  const file = join(other, '00000000000000000000.log');
  const content = readFileSync(file);
  content[159] ^= 4;
  writeFileSync(file, content);
  expect(differences([one, other], 5)).toEqual([`${one} and ${other} differ at offset 2`]);
});

test('a replica that ends too early, or has a hole, is named', () => {
  const full = replica({ 0: [2, 3], 5: [1] });
  const short = replica({ 0: [2] });
  const holed = replica({ 0: [2], 5: [1] });
  expect(differences([full, short], 6)).toContain(`${short}: ends at 2, not at 6`);
  expect(differences([full, holed], 6)).toContain(`${holed}: offset 5 follows, where 2 should`);
});

test('the folder of a replica is the one of its topic and partition', () => {
  mkdirSync(join(root, 'partitions', 'orders-1.0123abcd'), { recursive: true });
  mkdirSync(join(root, 'partitions', 'orders-10.0123abcd'), { recursive: true });
  expect(replicaFolder(root, 'orders', 1)).toBe(join(root, 'partitions', 'orders-1.0123abcd'));
  expect(() => replicaFolder(root, 'orders', 2)).toThrow('has 0 folders');
});
