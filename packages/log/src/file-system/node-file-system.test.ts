import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isError } from '@zhumq/model';
import { NodeFileSystem } from './node-file-system.js';
import { readBootId } from './process-lock.js';
import { readSealedFile, replaceSmallFile, sealContent } from './small-file.js';

const fileSystem = new NodeFileSystem();
let directory = '';

beforeEach(() => {
  directory = fs.mkdtempSync(join(tmpdir(), 'zhumq-log-'));
});

afterEach(() => {
  fs.rmSync(directory, { recursive: true });
});

test('writes many buffers at a position and reads them back', async () => {
  const file = fileSystem.openSync(join(directory, 'f'), 'create');
  // More than the 1,024 that one system call takes.
  const parts = Array.from({ length: 3000 }, (_, number) => Buffer.from(`${number},`));
  file.writeSync(parts, 5);
  const all = Buffer.concat(parts);
  const read = Buffer.alloc(all.length + 10);
  expect(file.readSync(read, 5)).toBe(all.length);
  expect(read.subarray(0, all.length).equals(all)).toBe(true);
  expect(await file.read(read.subarray(0, 5), 5)).toBe(5);
  await file.preallocate(2_500_000);
  expect(file.sizeSync()).toBe(2_500_000);
  await file.sync();
  file.truncateSync(3);
  expect(file.sizeSync()).toBe(3);
  file.closeSync();
});

test('create refuses a file that exists, read one that does not', () => {
  const path = join(directory, 'f');
  expect(() => fileSystem.openSync(path, 'read')).toThrow(/ENOENT/);
  fileSystem.openSync(path, 'create').closeSync();
  expect(() => fileSystem.openSync(path, 'create')).toThrow(/EEXIST/);
});

test('directories: made, listed, renamed, synced, removed', async () => {
  const made = join(directory, 'a', 'b');
  fileSystem.makeDirectorySync(made);
  fileSystem.makeDirectorySync(made);
  expect(fileSystem.listSync(join(directory, 'a'))).toEqual(['b']);
  expect(fileSystem.listSync(join(directory, 'nothing'))).toEqual([]);
  expect(fileSystem.statSync(made)).toMatchObject({ isDirectory: true });
  expect(fileSystem.statSync(join(directory, 'nothing'))).toBeUndefined();
  await fileSystem.syncDirectory(made);
  fileSystem.renameSync(made, join(directory, 'c'));
  fileSystem.removeDirectorySync(join(directory, 'c'));
  expect(await fileSystem.freeBytes(directory)).toBeGreaterThan(0);
});

test('a sealed small file is read back, and refused when a bit of it rots', async () => {
  const path = join(directory, 'meta');
  expect(readSealedFile(fileSystem, path)).toBeUndefined();
  await replaceSmallFile(fileSystem, path, sealContent(Buffer.from('content')));
  expect(readSealedFile(fileSystem, path)?.toString()).toBe('content');
  const rotten = fs.readFileSync(path);
  rotten[6] ^= 4;
  fs.writeFileSync(path, rotten);
  expect(() => readSealedFile(fileSystem, path)).toThrow(/checksum/);
});

describe('the lock', () => {
  const refused = (path: string): unknown => {
    try {
      fileSystem.lockSync(path).release();
      return undefined;
    } catch (error) {
      return error;
    }
  };

  test('is refused while its holder lives, names its pid, and is free after release', () => {
    const path = join(directory, 'lock');
    const lock = fileSystem.lockSync(path);
    const error = refused(path);
    expect(isError(error, 'DATA_DIRECTORY_LOCKED')).toBe(true);
    expect(error).toMatchObject({ context: { pid: process.pid } });
    lock.release();
    expect(refused(path)).toBeUndefined();
    expect(fs.readdirSync(directory)).toEqual([]);
  });

  test('of a process that was killed is no obstacle', () => {
    const path = join(directory, 'lock');
    const child = spawnSync(process.execPath, [
      '-e',
      `const fs = require('node:fs');
       const stat = fs.readFileSync('/proc/self/stat', 'utf8');
       const startTicks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
       fs.writeFileSync(${JSON.stringify(path)}, JSON.stringify({ pid: process.pid, startTicks, bootId: ${JSON.stringify(readBootId())} }));
       process.kill(process.pid, 'SIGKILL');`,
    ]);
    expect(child.signal).toBe('SIGKILL');
    expect(refused(path)).toBeUndefined();
  });

  test('whose pid was given to another process, or of another boot, is no obstacle', () => {
    const path = join(directory, 'lock');
    const other = { pid: process.pid, startTicks: '1', bootId: readBootId() };
    fs.writeFileSync(path, JSON.stringify(other));
    expect(refused(path)).toBeUndefined();
    fs.writeFileSync(path, JSON.stringify({ ...other, bootId: 'another' }));
    expect(refused(path)).toBeUndefined();
    fs.writeFileSync(path, '{"pid":');
    expect(refused(path)).toBeUndefined();
  });

  test('of a live process elsewhere is refused', () => {
    const path = join(directory, 'lock');
    const stat = fs.readFileSync('/proc/1/stat', 'utf8');
    const startTicks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
    fs.writeFileSync(path, JSON.stringify({ pid: 1, startTicks, bootId: readBootId() }));
    expect(refused(path)).toMatchObject({ context: { pid: 1 } });
  });
});
