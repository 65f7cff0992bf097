// One server as a process of its own. Kills are signals to its pid, and nothing else is ever signalled.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

const READY_TIMEOUT_MS = 90_000;
const END_TIMEOUT_MS = 40_000;
const LAST_LINES = 15;

export interface ProcessPlan {
  readonly name: string;
  /** Program and arguments. */
  readonly command: readonly string[];
  /** In addition to the environment of this process. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Standard output and error of all its lives, but for the ready line. */
  readonly logFile: string;
  /** Waits until it serves; without it, until its first line on standard output. */
  readonly ready?: () => Promise<unknown>;
}

export class ServerProcess {
  private child: ChildProcess | undefined;
  private ended: Promise<void> = Promise.resolve();
  private stopped = false;
  private retired = false;

  constructor(private readonly plan: ProcessPlan) {}

  get name(): string {
    return this.plan.name;
  }

  get runs(): boolean {
    const { child } = this;
    return child !== undefined && child.exitCode === null && child.signalCode === null;
  }

  /** Undefined when it does not run. */
  get pid(): number | undefined {
    return this.runs ? this.child?.pid : undefined;
  }

  /** SIGSTOP was sent last. */
  get isStopped(): boolean {
    return this.runs && this.stopped;
  }

  /** Resolves when it serves; rejects with the end of its log when it ends before. */
  async start(): Promise<void> {
    if (this.runs || this.retired) throw new Error(`${this.name} is not to be started now`);
    const { command, environment, logFile, ready } = this.plan;
    const log = openSync(logFile, 'a');
    const child = spawn(command[0], command.slice(1), {
      // Its standard input ends with this process, however this process ends.
      stdio: ['pipe', ready === undefined ? 'pipe' : log, log],
      env: { ...process.env, NODE_OPTIONS: '', ...environment },
    });
    closeSync(log);
    this.child = child;
    this.stopped = false;
    child.stdin?.on('error', () => undefined);
    this.ended = new Promise((resolve) => child.once('exit', () => resolve()));
    let timer: NodeJS.Timeout | undefined;
    try {
      await Promise.race([
        ready === undefined ? firstLine(child) : ready(),
        new Promise<never>((_, reject) => {
          child.once('error', reject);
          child.once('exit', (code, signal) =>
            reject(new Error(`ended: ${signal ?? `exit code ${code}`}`)),
          );
          timer = setTimeout(() => reject(new Error('is not ready in time')), READY_TIMEOUT_MS);
        }),
      ]);
    } catch (error) {
      throw new Error(`${this.name} ${(error as Error).message}\n${this.tail()}`, { cause: error });
    } finally {
      clearTimeout(timer);
    }
  }

  /** Waits for the end of the process, unless the signal only stops or continues it. Nothing happens when it does not run. */
  async kill(signal: NodeJS.Signals): Promise<void> {
    if (!this.runs) return;
    this.child?.kill(signal);
    if (signal === 'SIGSTOP' || signal === 'SIGCONT') {
      this.stopped = signal === 'SIGSTOP';
      return;
    }
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      const message = `${this.name} does not end within ${END_TIMEOUT_MS} ms of ${signal}`;
      timer = setTimeout(() => reject(new Error(message)), END_TIMEOUT_MS);
    });
    await Promise.race([this.ended, late]).finally(() => clearTimeout(timer));
  }

  /** For tearing down: gone, and never started again. */
  async retire(): Promise<void> {
    this.retired = true;
    await this.kill('SIGKILL');
  }

  /** The last lines of its log. */
  tail(): string {
    if (!existsSync(this.plan.logFile)) return '';
    return readFileSync(this.plan.logFile, 'utf8')
      .trimEnd()
      .split('\n')
      .slice(-LAST_LINES)
      .join('\n');
  }
}

function firstLine(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.stdout === null) return resolve();
    createInterface({ input: child.stdout }).once('line', () => resolve());
    child.stdout.resume();
  });
}
