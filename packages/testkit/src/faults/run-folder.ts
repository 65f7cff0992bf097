// The folder of a run: its files, and which process it belongs to. Folders of runs that did not end by themselves are
// removed by the next one; what a failed run left on purpose stays.
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const PREFIX = 'zhumq-faults-';
const OWNER = 'owner';
const KEPT = 'kept';

/** Makes a folder. `owner`: the process outside of all namespaces whose end is the end of the run. */
export function makeRunFolder(owner: number): string {
  removeAbandoned();
  const folder = mkdtempSync(join(tmpdir(), PREFIX));
  writeFileSync(join(folder, OWNER), `${owner} ${startOf(owner) ?? ''}\n`);
  return folder;
}

/** Nobody removes it but people. */
export function keepRunFolder(folder: string): void {
  writeFileSync(join(folder, KEPT), 'the run failed, see report.json\n');
}

export function removeRunFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
}

/** To be called outside of all namespaces, where pids are those of the owners. */
function removeAbandoned(): void {
  for (const name of readdirSync(tmpdir())) {
    if (!name.startsWith(PREFIX)) continue;
    const folder = join(tmpdir(), name);
    const owner = join(folder, OWNER);
    if (!existsSync(owner) || existsSync(join(folder, KEPT))) continue;
    const [pid, start = ''] = readFileSync(owner, 'utf8').trim().split(' ');
    if ((startOf(Number(pid)) ?? 'gone') !== start) removeRunFolder(folder);
  }
}

/** When a process began, in ticks since the start of the machine; undefined: there is none. */
function startOf(pid: number): string | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}
