// What comes before a command so that its process ends with this one, however this one ends. Without setpriv (util-linux)
// only servers of zhumq do, which watch their standard input.
import { spawnSync } from 'node:child_process';

const SETPRIV = ['setpriv', '--pdeathsig', 'SIGKILL'];

let known: readonly string[] | undefined;

export function endingWithParent(): readonly string[] {
  known ??= spawnSync(SETPRIV[0], [...SETPRIV.slice(1), 'true']).status === 0 ? SETPRIV : [];
  return known;
}
