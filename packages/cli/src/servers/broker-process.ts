// A broker of `zhumq dev --processes`: a child process that is started again when it dies.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export interface BrokerProcessOptions {
  readonly id: number;
  /** Arguments after `zhumq broker`. */
  readonly args: readonly string[];
  /** Milliseconds between the death of the process and its next life; undefined: it stays dead. */
  readonly restartAfterMs: number | undefined;
  /** For people: deaths and restarts. */
  readonly note: (text: string) => void;
}

export interface BrokerReady {
  readonly id: number;
  readonly pid: number;
  readonly address: string;
  readonly metrics: string | undefined;
}

export class BrokerProcess {
  private child: ChildProcess | undefined;
  private restart: NodeJS.Timeout | undefined;
  private stopping = false;

  constructor(private readonly options: BrokerProcessOptions) {}

  /** Resolves with the child's ready line; rejects when it ends before. */
  start(): Promise<BrokerReady> {
    const { id, args, note } = this.options;
    const main = join(__dirname, '..', '..', 'bin', 'zhumq.js');
    // Its standard input ends with this process, however this process ends: then the child goes, too.
    const child = spawn(
      process.execPath,
      [main, 'broker', ...args, '--stop-with-parent', '-o', 'json'],
      {
        stdio: ['pipe', 'pipe', 'inherit'],
      },
    );
    this.child = child;
    child.stdin.on('error', () => undefined);
    return new Promise((resolve, reject) => {
      createInterface({ input: child.stdout }).once('line', (line) =>
        resolve(JSON.parse(line) as BrokerReady),
      );
      child.once('error', reject);
      child.once('exit', (code, signal) => {
        const how = signal === null ? `exit code ${code}` : signal;
        reject(new Error(`broker ${id} ended at its start (${how}); its message is above`));
        if (!this.stopping) {
          note(`broker ${id} (pid ${child.pid}) ended: ${how}`);
          this.scheduleRestart();
        }
      });
    });
  }

  /** SIGTERM, and waits. */
  async stop(): Promise<void> {
    this.stopping = true;
    clearTimeout(this.restart);
    const { child } = this;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    await ended;
  }

  private scheduleRestart(): void {
    const { id, restartAfterMs, note } = this.options;
    if (restartAfterMs === undefined) return;
    this.restart = setTimeout(() => {
      this.start().then(
        (ready) => note(`broker ${id} is back (pid ${ready.pid})`),
        (error: Error) => note(error.message),
      );
    }, restartAfterMs);
  }
}
