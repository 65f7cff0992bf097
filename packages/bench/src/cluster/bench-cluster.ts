// The cluster that is measured: one of its own, with a process for each broker, or one that is there already.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { NamedProcess } from './process-usage.js';

export interface BenchCluster {
  readonly bootstrap: readonly string[];
  /** Those whose cost can be read here: none of a cluster that was there already. */
  readonly processes: readonly NamedProcess[];
  /** Broker ids and pids, in the same case. */
  readonly brokers: readonly { readonly id: number; readonly pid: number }[];
  stop(): Promise<void>;
}

export interface ClusterChoice {
  /** Of a cluster that is there; undefined: one of its own is started. */
  readonly bootstrap?: readonly string[] | undefined;
  /** File of the `zhumq` command. */
  readonly command: string;
  readonly brokers: number;
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
  return { bootstrap, processes: [], brokers: [], stop: () => Promise.resolve() };
}

/** `zhumq dev --processes`: brokers of their own, and one process with the zkserver and the metadata store. */
async function startCluster(own: ClusterChoice): Promise<BenchCluster> {
  const directory = await mkdtemp(join(own.directory, 'zhumq-bench-'));
  const args = [
    ...['dev', '--processes', '--restart-after', 'never', '--brokers', String(own.brokers)],
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
      brokers,
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
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await ended;
}
