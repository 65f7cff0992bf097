// One zhumq server as a process of its own, started through the command that users start. Kills are signals to its pid.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { report } from './report.js';

export const ZHUMQ = join(__dirname, '../../../packages/cli/bin/zhumq.js');
const READY_TIMEOUT_MS = 60_000;
const END_TIMEOUT_MS = 30_000;
const LAST_LINES = 15;

export interface ReadyLine {
  readonly id: number;
  readonly pid: number;
  readonly address: string;
  readonly metrics?: string;
}

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export class ServerProcess {
  /** What it said when it was ready, in its present life. */
  ready: ReadyLine | undefined;
  private child: ChildProcess | undefined;
  private ended: Promise<Ended> = Promise.resolve({ code: null, signal: null });

  constructor(
    readonly name: string,
    /** Arguments after `zhumq`; the ready line must be asked for as JSON. */
    private readonly args: readonly string[],
    /** Standard error of all its lives. */
    readonly logFile: string,
    /** Of Node.js itself. */
    private readonly nodeFlags: readonly string[] = [],
  ) {}

  /** Undefined when it does not run. */
  get pid(): number | undefined {
    return this.runs ? this.child?.pid : undefined;
  }

  get runs(): boolean {
    const { child } = this;
    return child !== undefined && child.exitCode === null && child.signalCode === null;
  }

  /** Resolves with the ready line; rejects with the end of its log when the process ends before. */
  async start<Ready = ReadyLine>(more: readonly string[] = []): Promise<Ready> {
    if (this.runs) throw new Error(`${this.name} runs already`);
    const log = openSync(this.logFile, 'a');
    const child = spawn(process.execPath, [...this.nodeFlags, ZHUMQ, ...this.args, ...more], {
      // Its standard input ends with this process, however this process ends.
      stdio: ['pipe', 'pipe', log],
      env: { ...process.env, NODE_OPTIONS: '' },
    });
    closeSync(log);
    this.child = child;
    const { stdin, stdout } = child;
    if (stdin === null || stdout === null) throw new Error('both are pipes, see above');
    stdin.on('error', () => undefined);
    this.ended = new Promise((resolve) =>
      child.once('exit', (code, signal) => resolve({ code, signal })),
    );
    return new Promise((resolve, reject) => {
      const fail = (why: string): void => reject(new Error(`${this.name} ${why}\n${this.tail()}`));
      const timer = setTimeout(() => fail('is not ready in time'), READY_TIMEOUT_MS);
      createInterface({ input: stdout }).once('line', (line) => {
        clearTimeout(timer);
        const ready = JSON.parse(line) as Ready;
        this.ready = ready as ReadyLine;
        resolve(ready);
      });
      child.once('error', (error) => fail(error.message));
      child.once('exit', (code, signal) => {
        clearTimeout(timer);
        fail(`ended: ${signal ?? `exit code ${code}`}`);
      });
    });
  }

  /** Sends a signal and waits for the end of the process, unless the signal only stops or continues it. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<Ended | undefined> {
    const { child, pid } = this;
    if (child === undefined || pid === undefined) throw new Error(`${this.name} does not run`);
    report(`${signal} -> ${this.name} (pid ${pid})`);
    child.kill(signal);
    return signal === 'SIGSTOP' || signal === 'SIGCONT' ? undefined : this.end();
  }

  /** Waits until the process has ended. */
  async end(timeoutMs = END_TIMEOUT_MS): Promise<Ended> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      const fail = (): void =>
        reject(new Error(`${this.name} does not end within ${timeoutMs} ms\n${this.tail()}`));
      timer = setTimeout(fail, timeoutMs);
    });
    return Promise.race([this.ended, late]).finally(() => clearTimeout(timer));
  }

  /** For tearing down: gone, whatever it was doing, and silently. */
  async destroy(): Promise<void> {
    if (this.runs) this.child?.kill('SIGKILL');
    await this.ended;
  }

  /** The last lines of its log. */
  tail(): string {
    return this.log().trimEnd().split('\n').slice(-LAST_LINES).join('\n');
  }

  log(): string {
    return readFileSync(this.logFile, 'utf8');
  }
}
