// Puts the run into namespaces of its own (network, mounts, pids) by starting it again under unshare(1): what it makes is
// seen by nobody else, and the kernel removes all of it, processes too, when the run is gone, whatever ended it.
import { spawn, spawnSync } from 'node:child_process';

const INSIDE = 'ZHUMQ_FAULTS_INSIDE';
const UNSHARE = ['--net', '--mount', '--pid', '--fork', '--kill-child=SIGKILL', '--mount-proc'];
/** Everything that namespaces.ts runs. */
const PROBE = 'command -v ip && command -v nsenter && nft list tables && ip link add zqf type veth';

/** Not everybody's path has the folders of the system's own tools. */
const ENVIRONMENT = { ...process.env, PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin` };

export function isInside(): boolean {
  return process.env[INSIDE] !== undefined;
}

/** The command under which a program has namespaces of its own; undefined when this machine or user can not make any. */
export function isolatingCommand(): readonly string[] | undefined {
  if (process.platform !== 'linux') return undefined;
  const rights = process.getuid?.() === 0 ? [] : ['--map-root-user'];
  const command = ['unshare', ...rights, ...UNSHARE];
  const probe = spawnSync(command[0], [...command.slice(1), 'sh', '-c', PROBE], {
    stdio: 'ignore',
    env: ENVIRONMENT,
    timeout: 20_000,
  });
  return probe.status === 0 ? command : undefined;
}

/** A new network namespace has a loopback device that is down. */
const LOOPBACK = ['sh', '-c', 'ip link set lo up && exec "$@"', 'sh'];

/** Runs this program again, inside; resolves with its exit code. A signal reaches it as the end of its standard input. */
export function runInside(command: readonly string[], args: readonly string[]): Promise<number> {
  const [program, ...before] = command;
  const script = process.argv[1];
  const child = spawn(program, [...before, ...LOOPBACK, process.execPath, script, ...args], {
    stdio: ['pipe', 'inherit', 'inherit'],
    env: { ...process.env, PATH: ENVIRONMENT.PATH, [INSIDE]: '1' },
    // The terminal's ^C comes here only.
    detached: true,
  });
  const stop = (): void => void child.stdin?.end();
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  child.stdin?.on('error', () => undefined);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 1));
  });
}

/** Calls back once when the run is to end early: a signal, or the end of the program that started it inside. */
export function onStop(stop: (why: string) => void): void {
  let told = false;
  const tell = (why: string): void => {
    if (told) return;
    told = true;
    stop(why);
  };
  process.on('SIGINT', () => tell('SIGINT'));
  process.on('SIGTERM', () => tell('SIGTERM'));
  if (!isInside()) return;
  process.stdin.on('end', () => tell('told to stop'));
  process.stdin.on('error', () => tell('told to stop'));
  process.stdin.resume();
}
