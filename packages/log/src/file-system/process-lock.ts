// A lock that dies with its process. Node.js has no flock; so the lock is a file that names its holder so precisely that
// anyone can tell whether the holder still lives: pid, start time of that process in clock ticks since boot
// (/proc/<pid>/stat, field 22) and the kernel's boot id. A pid that was given to another process, a reboot and a SIGKILL
// are all told apart from a live holder; nobody has to delete a file by hand.
//
// Taking over a stale lock must not rob a process that did so a moment earlier: the stale file is renamed away (one
// winner), and what was renamed is looked at again. The lock guards against two processes of one machine (and of one
// container); two hosts on a shared file system are not told apart.
import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import { zhumqError } from '@zhumq/model';
import { systemCode } from './file-system.js';
import type { DirectoryLock } from './file-system.js';

interface Holder {
  readonly pid: number;
  readonly startTicks: string;
  readonly bootId: string;
}

const MAX_TRIES = 5;

/** The kernel's boot id: while it is the same, the page cache survived. Empty where the system has none. */
export function readBootId(): string {
  return readText('/proc/sys/kernel/random/boot_id').trim();
}

export function acquireProcessLock(path: string): DirectoryLock {
  const own = JSON.stringify({ ...describe(process.pid), token: randomBytes(8).toString('hex') });
  const temporary = `${path}.${process.pid}.${randomBytes(4).toString('hex')}`;
  fs.writeFileSync(temporary, own);
  try {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      if (link(temporary, path)) return { release: () => release(path, own) };
      removeIfStale(path);
    }
  } finally {
    fs.unlinkSync(temporary);
  }
  throw lockedBy(path, readText(path));
}

/** Throws DATA_DIRECTORY_LOCKED when the holder lives. */
function removeIfStale(path: string): void {
  const seen = readText(path);
  const holder = parse(seen);
  if (holder !== undefined && isAlive(holder)) throw lockedBy(path, seen);
  const aside = `${path}.stale.${randomBytes(4).toString('hex')}`;
  try {
    fs.renameSync(path, aside);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return;
    throw error;
  }
  // Another process took the stale lock over between our look and our rename: give it back.
  if (readText(aside) !== seen) link(aside, path);
  fs.unlinkSync(aside);
}

function release(path: string, own: string): void {
  if (readText(path) === own) fs.rmSync(path, { force: true });
}

function lockedBy(path: string, text: string): Error {
  const pid = parse(text)?.pid ?? 0;
  return zhumqError(
    'DATA_DIRECTORY_LOCKED',
    `${path} is held by process ${pid}; stop it or use another data directory`,
    { file: path, pid },
  );
}

function describe(pid: number): Holder {
  return { pid, startTicks: startTicks(pid), bootId: readBootId() };
}

function isAlive(holder: Holder): boolean {
  if (holder.bootId !== readBootId()) return false;
  if (holder.startTicks !== '') return startTicks(holder.pid) === holder.startTicks;
  // No /proc: only whether some process has that pid.
  try {
    process.kill(holder.pid, 0);
    return true;
  } catch (error) {
    return systemCode(error) === 'EPERM';
  }
}

/** Empty when there is no such process (or no /proc). The name in field 2 may hold spaces and parentheses. */
function startTicks(pid: number): string {
  const stat = readText(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  // A zombie (X, Z) holds nothing any more.
  return fields[0] === 'Z' || fields[0] === 'X' ? '' : (fields[19] ?? '');
}

function parse(text: string): Holder | undefined {
  try {
    const value = JSON.parse(text) as Partial<Holder>;
    return typeof value.pid === 'number' &&
      typeof value.startTicks === 'string' &&
      typeof value.bootId === 'string'
      ? (value as Holder)
      : undefined;
  } catch {
    // Not one of ours, or cut short by a crash: nobody holds it.
    return undefined;
  }
}

function link(from: string, to: string): boolean {
  try {
    fs.linkSync(from, to);
    return true;
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false;
    throw error;
  }
}

function readText(path: string): string {
  try {
    return fs.readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
