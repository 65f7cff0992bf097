// A stall under load tells little: others had the processor, or a hundred frames came at once. What had just come over
// connections of attackers is sent again to the server at rest, alone, and only what stalls it again is a violation.
import { connect } from 'node:net';
import type { Journal } from './attack.js';
import { PROBE, probeFrame } from './frame-maker.js';
import type { LiveServer } from './live-server.js';
import type { Stall } from './loop-watch.js';
import { HOST } from './live-cluster.js';

export interface ConfirmedStall {
  readonly server: string;
  /** The least of several attempts, of the clock or of what the process itself used. */
  readonly ms: number;
  readonly bytes: Buffer;
}

/** Above it an event loop has hung. */
export const STALL_MS = 10;
const TRIES = 4;
const SETTLE_MS = 25;
const ANSWER_MS = 3_000;

/** Where processors are shared, a pause is no news unless the process itself was at work for so long. */
export const isOwn = (ms: number, cpuMs: number): boolean => ms > STALL_MS && cpuMs > STALL_MS;

/** What attackers had just sent when a server stood still: the worst are kept. */
export class Suspects {
  /** Pauses that the server itself was at work in. */
  stalls = 0;
  worstMs = 0;
  private readonly worst: { readonly cpuMs: number; readonly pieces: readonly Buffer[] }[] = [];

  constructor(
    server: LiveServer,
    private readonly journal: Journal,
  ) {
    server.onStall = (stall) => this.handleStall(stall);
  }

  /** The worst first. */
  bytes(): Buffer[] {
    return this.worst.map(({ pieces }) => Buffer.concat(pieces as Buffer[]));
  }

  private handleStall({ ms, cpuMs, ports }: Stall['stall']): void {
    if (!isOwn(ms, cpuMs)) return;
    this.stalls += 1;
    this.worstMs = Math.max(this.worstMs, Math.min(ms, cpuMs));
    const least = this.worst.at(-1)?.cpuMs ?? 0;
    if (this.worst.length >= KEPT_SUSPECTS && cpuMs <= least) return;
    // Whoever took longest at once comes first.
    for (const { port } of [...ports].sort((one, other) => other.ms - one.ms).slice(0, 3)) {
      const pieces = this.journal.of(port);
      if (pieces !== undefined) this.worst.push({ cpuMs, pieces: [...pieces] });
    }
    this.worst.sort((one, other) => other.cpuMs - one.cpuMs);
    this.worst.length = Math.min(this.worst.length, KEPT_SUSPECTS);
  }
}

const KEPT_SUSPECTS = 12;

/** Sends bytes again, several times over; undefined when they do not stall the server by themselves. */
export async function confirm(
  server: LiveServer,
  bytes: Buffer,
): Promise<ConfirmedStall | undefined> {
  let least = Infinity;
  for (let attempt = 0; attempt < TRIES; attempt++) {
    await server.report();
    await sendAlone(server.port, bytes);
    const report = await server.report();
    if (report === undefined || !isOwn(report.worstMs, report.worstCpuMs)) return undefined;
    least = Math.min(least, report.worstMs, report.worstCpuMs);
  }
  return { server: server.name, ms: least, bytes };
}

/** The first half of frames, again and again, as long as they still stall the server. */
export async function shrink(server: LiveServer, stall: ConfirmedStall): Promise<ConfirmedStall> {
  let smallest = stall;
  let frames = split(stall.bytes);
  while (frames.length > 1) {
    const half = Math.ceil(frames.length / 2);
    const parts = [frames.slice(0, half), frames.slice(half)];
    let found: ConfirmedStall | undefined;
    for (const part of parts) {
      found = await confirm(server, Buffer.concat(part));
      if (found === undefined) continue;
      smallest = found;
      frames = part;
      break;
    }
    if (found === undefined) break;
  }
  return smallest;
}

/** As far as lengths say where a frame ends. */
function split(bytes: Buffer): Buffer[] {
  const frames: Buffer[] = [];
  let at = 0;
  while (bytes.length - at >= 4) {
    const length = bytes.readInt32BE(at);
    if (length < 0 || at + 4 + length > bytes.length) break;
    frames.push(bytes.subarray(at, at + 4 + length));
    at += 4 + length;
  }
  if (at < bytes.length) frames.push(bytes.subarray(at));
  return frames;
}

const PROBE_ID = 0x7e57_0bad;

export function sendAlone(port: number, bytes: Buffer): Promise<void> {
  const answer = probeFrame(PROBE_ID).subarray(8, 12 + PROBE.length + 4);
  return new Promise((resolve) => {
    const socket = connect({ host: HOST, port, noDelay: true });
    let tail = Buffer.alloc(0);
    const done = (): void => {
      clearTimeout(timer);
      socket.destroy();
      // What was begun, and what was not awaited, is still under way.
      setTimeout(resolve, SETTLE_MS);
    };
    const timer = setTimeout(done, ANSWER_MS);
    socket.on('error', () => undefined);
    socket.once('close', done);
    socket.on('data', (chunk: Buffer) => {
      const seen = Buffer.concat([tail, chunk]);
      if (seen.includes(answer)) done();
      tail = Buffer.from(seen.subarray(-answer.length));
    });
    socket.write(bytes);
    socket.write(probeFrame(PROBE_ID));
  });
}
