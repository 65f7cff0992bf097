// The cluster that is measured: one of its own, with a process for each broker, or one that is there already.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { NamedProcess } from './process-usage.js';

export interface BenchCluster {
  readonly bootstrap: readonly string[];
  /** Those whose cost can be read here: none of a cluster that was there already. */
  readonly processes: readonly NamedProcess[];
  /** Of a broker of its own: the process that it has now. Throws for a cluster that was there already. */
  pidOf(broker: number): number;
  /** Ends all processes at once, without a word to them, and starts them again on the same data. */
  restart(): Promise<BenchCluster>;
  stop(): Promise<void>;
}

export interface ClusterChoice {
  /** Of a cluster that is there; undefined: one of its own is started. */
  readonly bootstrap?: readonly string[] | undefined;
  /** File of the `zhumq` command. */
  readonly command: string;
  readonly brokers: number;
  /** When a broker that was killed is started again; undefined: never. */
  readonly restartAfterMs?: number | undefined;
  /** A folder is made in it and removed at the end: what is measured is the disk below it. */
  readonly directory: string;
}

interface DevReady {
  readonly bootstrap: string;
  readonly zkservers: readonly { readonly pid: number }[];
  readonly brokers: readonly { readonly id: number; readonly pid: number }[];
}

export async function openCluster(choice: ClusterChoice): Promise<BenchCluster> {
  const { bootstrap } = choice;
  if (bootstrap === undefined) return startCluster(choice);
  const refuse = (): never => {
    throw new Error('processes of a cluster that was there already are left alone');
  };
  return {
    bootstrap,
    processes: [],
    pidOf: refuse,
    restart: refuse,
    stop: () => Promise.resolve(),
  };
}

/** `zhumq dev --processes`: brokers of their own, and one process with the zkserver and the metadata store. */
async function startCluster(own: ClusterChoice): Promise<BenchCluster> {
  return startIn(await mkdtemp(join(own.directory, 'zhumq-bench-')), own);
}

async function startIn(directory: string, own: ClusterChoice): Promise<BenchCluster> {
  const restartAfter = own.restartAfterMs === undefined ? 'never' : `${own.restartAfterMs}ms`;
  const args = [
    ...['dev', '--processes', '--restart-after', restartAfter, '--brokers', String(own.brokers)],
    ...['--port', '0', '--data-dir', directory, '--stop-with-parent', '-o', 'json'],
  ];
  const child = spawn(process.execPath, [own.command, ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  child.stdin.on('error', () => undefined);
  const stop = async (): Promise<void> => {
    await terminated(child);
    await rm(directory, { recursive: true, force: true });
  };
  try {
    const { bootstrap, brokers, zkservers } = await readyLine(child);
    return {
      bootstrap: bootstrap.split(','),
      pidOf: (broker) => pidIn(join(directory, `broker-${broker}`)),
      restart: async () => {
        // The store and its zkserver first: nobody is to see brokers leave.
        child.kill('SIGKILL');
        for (const { id } of brokers) kill(pidIn(join(directory, `broker-${id}`)));
        await exited(child);
        return startIn(directory, own);
      },
      processes: [
        ...brokers.map(({ id, pid }) => ({ name: `broker-${id}`, pid })),
        ...zkservers.map(({ pid }) => ({ name: 'zkserver', pid })),
      ],
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function readyLine(child: ChildProcess & { stdout: NodeJS.ReadableStream }): Promise<DevReady> {
  return new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).once('line', (line) =>
      resolve(JSON.parse(line) as DevReady),
    );
    child.once('error', reject);
    child.once('exit', (code, signal) =>
      reject(new Error(`the cluster did not start (${signal ?? `exit code ${code}`}); see above`)),
    );
  });
}

async function terminated(child: ChildProcess): Promise<void> {
  child.kill('SIGTERM');
  await exited(child);
}

async function exited(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  await new Promise((resolve) => child.once('exit', resolve));
}

/** Of the process that uses a broker's data directory, by its lock. */
function pidIn(directory: string): number {
  const { pid } = JSON.parse(readFileSync(join(directory, 'lock'), 'utf8')) as { pid: number };
  return pid;
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    // It has noticed that its parent is gone.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
