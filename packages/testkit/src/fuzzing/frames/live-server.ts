// One process under attack: started as users start it, with the watch on its event loop loaded before it. Knows what it
// said when it was ready, what stood still, and what the system says of its memory and sockets.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync, readdirSync, readlinkSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { LoopReport, Stall } from './loop-watch.js';

export type TargetKind = 'broker' | 'zkserver' | 'store' | 'client';

export interface LiveServerOptions {
  readonly name: string;
  readonly kind: TargetKind;
  /** Of Node.js, before the arguments: the program first. */
  readonly args: readonly string[];
  readonly logFile: string;
  /** Loaded before the program, besides the watch. */
  readonly preloads?: readonly string[];
}

interface Ready {
  readonly address?: string;
  readonly metrics?: string | readonly (string | undefined)[];
  readonly [field: string]: unknown;
}

const READY_MS = 60_000;
const REPORT_MS = 10_000;
const HEAP_MIB = 512;
const LOOP_WATCH = join(__dirname, 'loop-watch.js');

export class LiveServer {
  /** Told of each pause of its event loop. */
  onStall: (stall: Stall['stall']) => void = () => undefined;
  ready: Ready = {};
  private child: ChildProcess | undefined;
  private asked = 0;
  private readonly waiting = new Map<number, (report: LoopReport) => void>();

  constructor(readonly options: LiveServerOptions) {}

  get name(): string {
    return this.options.name;
  }

  get pid(): number {
    return this.child?.pid ?? -1;
  }

  get runs(): boolean {
    return (
      this.child !== undefined && this.child.exitCode === null && this.child.signalCode === null
    );
  }

  /** How the process ended, for people. */
  get end(): string {
    return String(this.child?.signalCode ?? `exit code ${String(this.child?.exitCode)}`);
  }

  get port(): number {
    return portOf(this.ready.address ?? '');
  }

  /** Of its metrics and health; undefined when it has none. */
  get httpPort(): number | undefined {
    const { metrics } = this.ready;
    return typeof metrics === 'string' ? Number(new URL(metrics).port) : undefined;
  }

  /** Resolves with its first line of output. */
  async start(): Promise<void> {
    const { args, logFile, preloads = [], name } = this.options;
    const log = openSync(logFile, 'a');
    const required = [LOOP_WATCH, ...preloads].flatMap((file) => ['--require', file]);
    const flags = [`--max-old-space-size=${HEAP_MIB}`, ...required];
    const child = spawn(process.execPath, [...flags, ...args], {
      // Its standard input ends with this process, however this process ends.
      stdio: ['pipe', 'pipe', log, 'ipc'],
      env: { ...process.env, NODE_OPTIONS: '' },
    });
    closeSync(log);
    this.child = child;
    child.stdin?.on('error', () => undefined);
    child.on('error', () => undefined);
    child.on('message', (message: Stall | LoopReport) => this.hear(message));
    const line = await new Promise<string>((resolve, reject) => {
      const fail = (): void =>
        reject(new Error(`${name} does not start: ${this.logText().slice(-2000)}`));
      const timer = setTimeout(fail, READY_MS);
      child.once('exit', fail);
      if (child.stdout === null) return fail();
      createInterface({ input: child.stdout }).once('line', (first) => {
        clearTimeout(timer);
        resolve(first);
      });
    });
    this.ready = JSON.parse(line) as Ready;
  }

  /** What its event loop did since the last report, and what memory it uses; undefined when it does not answer in time. */
  report(): Promise<LoopReport | undefined> {
    const ask = ++this.asked;
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.waiting.delete(ask);
        resolve(undefined);
      }, REPORT_MS);
      this.waiting.set(ask, (report) => {
        clearTimeout(timer);
        this.waiting.delete(ask);
        resolve(report);
      });
      if (this.child?.connected === true) this.child.send({ ask }, () => undefined);
    });
  }

  residentBytes(): number {
    try {
      const status = readFileSync(`/proc/${this.pid}/status`, 'utf8');
      return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
    } catch {
      return 0;
    }
  }

  sockets(): number {
    const directory = `/proc/${this.pid}/fd`;
    return readdirSync(directory).filter((name) => {
      try {
        return readlinkSync(join(directory, name)).startsWith('socket:');
      } catch {
        return false;
      }
    }).length;
  }

  /** By name, summed over labels; empty when it has no metrics. */
  async metrics(): Promise<ReadonlyMap<string, number>> {
    const { httpPort } = this;
    const sums = new Map<string, number>();
    if (httpPort === undefined) return sums;
    const answer = await fetch(`http://127.0.0.1:${httpPort}/metrics`);
    for (const line of (await answer.text()).split('\n')) {
      const [, name, value] = /^(\w+)(?:\{.*\})? (\S+)$/.exec(line) ?? [];
      if (name !== undefined) sums.set(name, (sums.get(name) ?? 0) + Number(value));
    }
    return sums;
  }

  logBytes(): number {
    return statSync(this.options.logFile).size;
  }

  logText(): string {
    return readFileSync(this.options.logFile, 'utf8');
  }

  async stop(): Promise<void> {
    if (!this.runs) return;
    const gone = new Promise((resolve) => this.child?.once('exit', resolve));
    this.child?.kill('SIGKILL');
    await gone;
  }

  private hear(message: Stall | LoopReport): void {
    if ('stall' in message) this.onStall(message.stall);
    else this.waiting.get(message.report)?.(message);
  }
}

const portOf = (address: string): number => Number(address.slice(address.lastIndexOf(':') + 1));
