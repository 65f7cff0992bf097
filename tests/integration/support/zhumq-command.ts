// Runs the command that users run, as a process of its own, and keeps what it says.
import { spawn } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { ZHUMQ } from './server-process.js';

const DEADLINE_MS = 60_000;

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  /** Standard output as it is: not all of it need be text. */
  readonly bytes: Buffer;
  readonly stderr: string;
  readonly ms: number;
}

/** A command under way. */
export interface Running {
  readonly child: ChildProcessByStdio<Writable, Readable, Readable>;
  /** What it printed so far. */
  stdout(): string;
  stderr(): string;
  readonly ended: Promise<Outcome>;
}

export class ZhumqCommand {
  constructor(private readonly environment: Readonly<Record<string, string>> = {}) {}

  /** Runs to its end; `input` is what it reads. */
  run(args: readonly string[], input: string | Buffer = ''): Promise<Outcome> {
    const { child, ended } = this.start(args);
    child.stdin.end(input);
    return ended;
  }

  /** Its lines of JSON. */
  async jsonl<T>(args: readonly string[]): Promise<T[]> {
    const { code, stdout, stderr } = await this.run(args);
    if (code !== 0) throw new Error(`zhumq ${args.join(' ')}: exit code ${code}\n${stderr}`);
    const lines = stdout.split('\n').filter((line) => line !== '');
    return lines.map((line) => JSON.parse(line) as T);
  }

  start(args: readonly string[]): Running {
    const startedMs = performance.now();
    const child = spawn(process.execPath, [ZHUMQ, ...args], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, NODE_OPTIONS: '', ZHUMQ_BOOTSTRAP: '', ...this.environment },
    });
    const said = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
    child.stdin.on('error', () => undefined);
    child.stdout.on('data', (chunk: Buffer) => said.stdout.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => said.stderr.push(chunk));
    const stdout = (): string => Buffer.concat(said.stdout).toString();
    const stderr = (): string => Buffer.concat(said.stderr).toString();
    const ended = new Promise<Outcome>((resolve, reject) => {
      const timer = setTimeout(() => {
        child.kill('SIGKILL');
        reject(new Error(`zhumq ${args.join(' ')} does not end\n${stderr()}`));
      }, DEADLINE_MS);
      child.once('close', (code) => {
        clearTimeout(timer);
        const bytes = Buffer.concat(said.stdout);
        const ms = performance.now() - startedMs;
        resolve({ code, stdout: bytes.toString(), bytes, stderr: stderr(), ms });
      });
    });
    return { child, stdout, stderr, ended };
  }
}
