// Measures the plain pipe, with the process layout, message size and sync of the run that it is the ceiling of.
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { LatencyHistogram } from '../latency-histogram.js';
import type { LatencySummary } from '../latency-histogram.js';
import type { CeilingOrder, CeilingReport } from './ceiling-process.js';
import type { PipeShape } from './roles.js';

export interface CeilingSettings {
  readonly replicas: number;
  /** Processes that send, and their connections together. */
  readonly processes: number;
  readonly producers: number;
  readonly messageBytes: number;
  readonly directory: string;
  readonly warmUpMs: number;
  readonly durationMs: number;
  readonly reuseFile: boolean;
  readonly signal: AbortSignal;
}

export interface Ceiling {
  readonly messagesPerSecond: number;
  readonly latencyMs: LatencySummary;
  readonly frameBytes: number;
}

const FRAME_BYTES = 65_536;
/** Frames of each connection under way. */
const OUTSTANDING = 8;

export async function measureCeiling(settings: CeilingSettings): Promise<Ceiling> {
  const directory = await mkdtemp(join(settings.directory, 'zhumq-ceiling-'));
  const parts: Part[] = [];
  const part = (): Part => {
    const made = new Part();
    parts.push(made);
    return made;
  };
  const shape: PipeShape = {
    frameBytes: Math.max(FRAME_BYTES, settings.messageBytes + 128),
    reuseFile: settings.reuseFile,
  };
  try {
    const followers: number[] = [];
    for (let index = 1; index < settings.replicas; index++) {
      const file = join(directory, `follower-${index}`);
      followers.push(portOf(await part().ask({ role: 'follower', file, shape })));
    }
    const file = join(directory, 'leader');
    const port = portOf(await part().ask({ role: 'leader', file, shape, followers }));
    const { producers, messageBytes } = settings;
    const senders = Array.from({ length: settings.processes }, part);
    const shares = share(producers, settings.processes);
    for (const [index, connections] of shares.entries()) {
      const load = { port, connections, outstanding: OUTSTANDING, messageBytes, shape };
      await senders[index].ask({ role: 'producer', load });
    }
    await delay(settings.warmUpMs, undefined, { signal: settings.signal });
    for (const sender of senders) sender.tell({ role: 'measure' });
    await delay(settings.durationMs, undefined, { signal: settings.signal });
    const results = await Promise.all(senders.map((sender) => sender.ask({ role: 'result' })));
    return total(results, shape.frameBytes);
  } finally {
    await Promise.all(parts.map((one) => one.kill()));
    await rm(directory, { recursive: true, force: true });
  }
}

/** Parts of a whole that differ by one at most. */
export function share(whole: number, parts: number): number[] {
  return Array.from({ length: parts }, (_, index) => Math.ceil((whole - index) / parts));
}

function total(reports: readonly CeilingReport[], frameBytes: number): Ceiling {
  const latency = new LatencyHistogram();
  let messagesPerSecond = 0;
  for (const report of reports) {
    if (!('latency' in report)) throw new Error('a producer of the plain pipe gave no result');
    messagesPerSecond += report.messagesPerSecond;
    latency.add(new LatencyHistogram(report.latency));
  }
  return {
    messagesPerSecond: Math.round(messagesPerSecond),
    latencyMs: latency.summary(),
    frameBytes,
  };
}

function portOf(report: CeilingReport): number {
  if (!('port' in report)) throw new Error('a server of the plain pipe gave no port');
  return report.port;
}

class Part {
  private readonly child: ChildProcess = fork(join(__dirname, 'ceiling-process.js'), {
    serialization: 'advanced',
  });

  tell(order: CeilingOrder): void {
    this.child.send(order);
  }

  ask(order: CeilingOrder): Promise<CeilingReport> {
    return new Promise((resolve, reject) => {
      const ended = (code: number | null, signal: string | null): void =>
        reject(new Error(`a process of the plain pipe ended (${signal ?? `exit code ${code}`})`));
      this.child.once('exit', ended);
      this.child.once('message', (report: CeilingReport) => {
        this.child.off('exit', ended);
        resolve(report);
      });
      this.tell(order);
    });
  }

  async kill(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.kill('SIGKILL');
    await ended;
  }
}
