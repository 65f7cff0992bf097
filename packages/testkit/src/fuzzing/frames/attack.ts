// One attacker: connection after connection to one server, frames without waiting for answers, some dripped, some left
// half done. Keeps what it sent for a while, by local port, so that a stall can be traced to the frames behind it.
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import type { Random } from '@zhumq/base';
import type { Frame, FrameMaker } from './frame-maker.js';
import { PROBE, probeFrame } from './frame-maker.js';

export interface AttackOptions {
  readonly host: string;
  readonly port: number;
  readonly maker: FrameMaker;
  readonly random: Random;
  readonly journal: Journal;
  readonly counts: AttackCounts;
  /** False when enough frames were sent. */
  readonly goesOn: () => boolean;
}

export interface AttackCounts {
  frames: number;
  bytes: number;
  connections: number;
  /** Connections that the server ended. */
  ended: number;
  /** Connections whose probe was answered: everything on them had been read. */
  answered: number;
  /** Connections that were given up after a wait: a length that is never filled, an order that waits. */
  abandoned: number;
  refused: number;
  readonly recipes: Record<string, number>;
  readonly methods: Record<string, number>;
}

export const noCounts = (): AttackCounts => ({
  ...{ frames: 0, bytes: 0, connections: 0, ended: 0, answered: 0, abandoned: 0, refused: 0 },
  ...{ recipes: {}, methods: {} },
});

/** What connections brought, as long as a stall may ask for it. */
export class Journal {
  private readonly sent = new Map<number, Buffer[]>();

  open(localPort: number): Buffer[] {
    const pieces: Buffer[] = [];
    this.sent.delete(localPort);
    this.sent.set(localPort, pieces);
    if (this.sent.size > KEPT_CONNECTIONS)
      this.sent.delete(this.sent.keys().next().value as number);
    return pieces;
  }

  /** Undefined for connections of others, and for those of long ago. */
  of(localPort: number): readonly Buffer[] | undefined {
    return this.sent.get(localPort);
  }
}

const KEPT_CONNECTIONS = 120;
const FRAMES_PER_CONNECTION = 120;
const BURST = 400;
const DRIP_BYTES = 40;
const CONNECT_MS = 5_000;
/** For a server that has bytes to wait for. */
const PATIENCE_MS = 700;
/** After a length that is not its own nothing can be asked. */
const DESYNC_MS = 30;
const PROBE_ID = 0x7e57_07e5;

/** Ends when enough was sent. */
export async function attack(options: AttackOptions): Promise<void> {
  while (options.goesOn()) {
    const socket = await open(options);
    if (socket === undefined) {
      options.counts.refused += 1;
      await pause(20);
      continue;
    }
    await new Visit(socket, options).run();
  }
}

function open({ host, port }: AttackOptions): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, noDelay: true });
    const timer = setTimeout(() => socket.destroy(), CONNECT_MS);
    socket.once('connect', () => {
      clearTimeout(timer);
      resolve(socket);
    });
    socket.once('close', () => {
      clearTimeout(timer);
      resolve(undefined);
    });
    socket.on('error', () => undefined);
  });
}

/** One connection from its first frame to its end. */
class Visit {
  private readonly pieces: Buffer[];
  private closed = false;
  /** Questions asked on the way, and answered. */
  private probes = 0;
  private heard = 0;
  private tail: Buffer = Buffer.alloc(0);
  private wake: () => void = () => undefined;
  private readonly answer = probeFrame(PROBE_ID).subarray(8, 12 + PROBE.length + 4);

  constructor(
    private readonly socket: Socket,
    private readonly options: AttackOptions,
  ) {
    this.pieces = options.journal.open(socket.localPort ?? 0);
    socket.on('data', (chunk: Buffer) => this.hear(chunk));
    socket.once('close', () => {
      this.closed = true;
      this.wake();
    });
  }

  async run(): Promise<void> {
    const { counts, random, maker } = this.options;
    counts.connections += 1;
    if (random.below(60) === 0) await this.burst();
    // What is no message comes last, and one of it is enough.
    const planned = 1 + random.below(FRAMES_PER_CONNECTION);
    let last: Frame | undefined;
    for (let sent = 0; sent < planned && !this.closed && this.options.goesOn(); sent++) {
      const frame = maker.next();
      if (frame.ends) {
        last = frame;
        continue;
      }
      await this.send(frame);
      if (sent % 32 === 31 && !(await this.isHeard())) break;
    }
    if (last !== undefined) await this.send(last);
    await this.leave(last?.ends ?? false);
    if (this.closed) counts.ended += 1;
    else if (this.heard >= this.probes) counts.answered += 1;
    else counts.abandoned += 1;
    this.socket.destroy();
    if (!this.closed) await this.until(() => this.closed, PATIENCE_MS);
  }

  /** Many small calls in one write. */
  private async burst(): Promise<void> {
    const calls = Array.from({ length: BURST }, () => this.options.maker.small());
    this.count('burst', 'several', calls.length);
    await this.write(Buffer.concat(calls));
  }

  private async send(frame: Frame): Promise<void> {
    const { random } = this.options;
    this.count(frame.recipe, frame.method, 1);
    if (random.below(400) === 0 && frame.bytes.length < DRIP_BYTES * 50)
      await this.drip(frame.bytes);
    else if (random.below(60) === 0) {
      const cut = random.below(frame.bytes.length);
      await this.write(frame.bytes.subarray(0, cut));
      await pause(0);
      await this.write(frame.bytes.subarray(cut));
    } else await this.write(frame.bytes);
  }

  private async drip(bytes: Buffer): Promise<void> {
    for (let at = 0; at < bytes.length && !this.closed; at += DRIP_BYTES) {
      await this.write(bytes.subarray(at, at + DRIP_BYTES));
      await pause(1);
    }
  }

  /** In order, by a question that is answered at the end; or not. */
  private async leave(inFrame: boolean): Promise<void> {
    const { random } = this.options;
    const manner = random.below(20);
    if (manner === 0) return;
    if (manner < 3) {
      // Half a frame, and the end of this side.
      this.socket.end(this.options.maker.small().subarray(0, random.below(30)));
      await this.until(() => this.closed, PATIENCE_MS);
      return;
    }
    if (!inFrame) await this.isHeard();
    else await this.until(() => this.closed, DESYNC_MS);
  }

  /** Whether everything sent until now was read, and the connection lives. */
  private async isHeard(): Promise<boolean> {
    const wanted = ++this.probes;
    await this.write(probeFrame(PROBE_ID));
    await this.until(() => this.closed || this.heard >= wanted, PATIENCE_MS);
    return !this.closed && this.heard >= wanted;
  }

  private async write(bytes: Buffer): Promise<void> {
    if (this.closed || this.socket.destroyed) return;
    this.pieces.push(bytes);
    this.options.counts.bytes += bytes.length;
    if (this.socket.write(bytes)) return;
    let drained = false;
    this.socket.once('drain', () => {
      drained = true;
      this.wake();
    });
    await this.until(() => drained || this.closed, PATIENCE_MS);
  }

  private count(recipe: string, method: string, frames: number): void {
    const { counts } = this.options;
    counts.frames += frames;
    counts.recipes[recipe] = (counts.recipes[recipe] ?? 0) + frames;
    counts.methods[method] = (counts.methods[method] ?? 0) + frames;
  }

  private hear(chunk: Buffer): void {
    if (this.heard >= this.probes) return;
    const seen = this.tail.length === 0 ? chunk : Buffer.concat([this.tail, chunk]);
    let at = seen.indexOf(this.answer);
    let end = Math.max(0, seen.length - this.answer.length + 1);
    for (; at >= 0; at = seen.indexOf(this.answer, at + this.answer.length)) {
      this.heard += 1;
      end = Math.max(end, at + this.answer.length);
      this.wake();
    }
    this.tail = Buffer.from(seen.subarray(end));
  }

  private async until(condition: () => boolean, patienceMs: number): Promise<void> {
    const deadlineMs = performance.now() + patienceMs;
    while (!condition() && performance.now() < deadlineMs) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, deadlineMs - performance.now());
        this.wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }
}

const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => (ms === 0 ? setImmediate(resolve) : setTimeout(resolve, ms)));
