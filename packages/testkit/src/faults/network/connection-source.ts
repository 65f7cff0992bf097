// Which node a connection on loopback comes from: its port leads to a socket (/proc/net/tcp), the socket to the child of this
// process that holds it, and the environment of that child says what node it stands for. Only Linux tells.
import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import type { NodeName } from './network.js';

const LOCAL_ADDRESS = 1;
const INODE = 9;

/** `otherwise`: for processes without the variable, such as this one. */
export function nodeBehind(port: number, variable: string, otherwise: NodeName): NodeName {
  const inode = inodeOf(port);
  if (inode === undefined) return otherwise;
  const link = `socket:[${inode}]`;
  for (const [pid, node] of nodeProcesses(variable)) if (holds(pid, link)) return node;
  return otherwise;
}

function inodeOf(port: number): string | undefined {
  const end = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    for (const line of lines(table)) {
      const columns = line.trim().split(/\s+/);
      if (columns[LOCAL_ADDRESS]?.endsWith(end)) return columns[INODE];
    }
  }
  return undefined;
}

function* nodeProcesses(variable: string): Iterable<readonly [pid: string, node: NodeName]> {
  const begin = `${variable}=`;
  for (const pid of children()) {
    const entry = read(`/proc/${pid}/environ`)
      .split('\0')
      .find((one) => one.startsWith(begin));
    if (entry !== undefined) yield [pid, entry.slice(begin.length)];
  }
}

/** Of this process: a look at every process of a machine would take too long for each connection. */
function children(): string[] {
  return read(`/proc/self/task/${process.pid}/children`)
    .split(' ')
    .filter((pid) => pid !== '');
}

function holds(pid: string, link: string): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => {
      try {
        return readlinkSync(`/proc/${pid}/fd/${fd}`) === link;
      } catch {
        return false; // closed meanwhile
      }
    });
  } catch {
    return false; // ended meanwhile, or of somebody else
  }
}

function lines(file: string): string[] {
  return read(file).split('\n').slice(1);
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
