// One end of a connection: as much of a socket of Node.js as packages/rpc uses, with its rules about when it calls back.
import { EventEmitter } from 'node:events';
import type { Life } from './life.js';
import type { Machine } from './machine.js';
import type { Network } from './network.js';

export type StreamItem =
  | { readonly kind: 'data'; readonly bytes: Buffer }
  | { readonly kind: 'end' }
  | { readonly kind: 'reset' };

type WriteCallback = (error?: Error | null) => void;

/** What the kernels of both ends take without the reader. */
const KERNEL_BYTES = 256 * 1024;

export class SimulatedSocket extends EventEmitter {
  connecting = true;
  destroyed = false;
  /** Something is held back by a cut. */
  stalled = false;
  readonly heldBack: StreamItem[] = [];
  lastArrivalMs = 0;
  keepAliveMs: number | undefined;
  peer: SimulatedSocket | undefined;
  private ended = false;
  private paused = false;
  private corked = 0;
  private pieces: Uint8Array[] = [];
  private pieceCallbacks: WriteCallback[] = [];
  private unread: StreamItem[] = [];
  private unsent: StreamItem[] = [];
  private readonly written: { readonly end: number; readonly callback: WriteCallback }[] = [];
  private sentBytes = 0;
  private consumedBytes = 0;
  private wantsDrain = false;

  constructor(
    private readonly network: Network,
    readonly machine: Machine,
    readonly life: Life,
    readonly peerHost: string,
    readonly remotePort: number,
  ) {
    super();
  }

  get remoteAddress(): string {
    return this.peerHost;
  }

  get writable(): boolean {
    return !this.ended && !this.destroyed;
  }

  get writableLength(): number {
    return Math.max(0, this.sentBytes - this.consumedBytes - KERNEL_BYTES);
  }

  setNoDelay(): this {
    return this;
  }

  setKeepAlive(_enabled: boolean, delayMs: number): this {
    this.keepAliveMs = delayMs;
    return this;
  }

  pause(): this {
    this.paused = true;
    return this;
  }

  resume(): this {
    if (!this.paused) return this;
    this.paused = false;
    if (this.unread.length > 0) this.network.scheduler.turn(this.life, () => this.readOn());
    return this;
  }

  write(bytes: Uint8Array, callback?: WriteCallback): boolean {
    if (!this.life.alive) return true;
    if (!this.writable) {
      if (callback !== undefined) this.later(() => callback(new Error('write after end')));
      return false;
    }
    this.pieces.push(bytes);
    this.sentBytes += bytes.length;
    if (callback !== undefined) this.pieceCallbacks.push(callback);
    if (this.corked === 0) this.transmit();
    if (this.writableLength > 0) this.wantsDrain = true;
    return !this.wantsDrain;
  }

  cork(): void {
    this.corked++;
  }

  uncork(): void {
    if (--this.corked === 0) this.transmit();
  }

  end(): this {
    if (this.ended || this.destroyed) return this;
    this.ended = true;
    this.emitOut({ kind: 'end' });
    return this;
  }

  destroy(error?: Error): this {
    if (this.destroyed) return this;
    const hadEnded = this.ended;
    this.destroyed = true;
    this.ended = true;
    this.connecting = false;
    if (!hadEnded) this.emitOut({ kind: this.unread.length > 0 ? 'reset' : 'end' });
    this.network.forget(this);
    const callbacks = this.written.splice(0);
    this.later(() => {
      for (const { callback } of callbacks) callback(new Error('the socket was destroyed'));
      if (error !== undefined) this.emit('error', error);
      this.emit('close');
    });
    return this;
  }

  // ---- for the network

  join(peer: SimulatedSocket): void {
    this.peer = peer;
  }

  establish(): void {
    if (this.destroyed) return;
    this.connecting = false;
    this.emit('connect');
    for (const item of this.unsent.splice(0)) this.network.send(this, item);
  }

  refuse(): void {
    if (this.destroyed) return;
    const text = `connect ECONNREFUSED ${this.peerHost}:${this.remotePort}`;
    this.destroy(Object.assign(new Error(text), { code: 'ECONNREFUSED' }));
  }

  receive(item: StreamItem): void {
    if (this.destroyed) return;
    if (item.kind === 'reset') {
      this.ended = true;
      this.destroy(Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }));
      return;
    }
    if (this.paused || this.unread.length > 0) this.unread.push(item);
    else this.consume(item);
  }

  private readOn(): void {
    while (!this.paused && !this.destroyed) {
      const item = this.unread.shift();
      if (item === undefined) return;
      this.consume(item);
    }
  }

  private consume(item: StreamItem): void {
    if (item.kind !== 'data') {
      // The other side ended: so does this one, as sockets do by default.
      this.end();
      this.destroy();
      return;
    }
    const { bytes } = item;
    const at = this.network.splitAt(bytes.length) ?? bytes.length;
    this.peer?.consumed(at);
    if (at < bytes.length) this.unread.unshift({ kind: 'data', bytes: bytes.subarray(at) });
    this.emit('data', bytes.subarray(0, at));
    if (at < bytes.length && !this.paused) this.readOn();
  }

  /** The other end took so many bytes. */
  private consumed(bytes: number): void {
    this.consumedBytes += bytes;
    if (this.written.length === 0 && !this.wantsDrain) return;
    if (this.life.alive) this.network.scheduler.turn(this.life, () => this.afterTaken());
  }

  private afterTaken(): void {
    if (this.destroyed || !this.life.alive) return;
    const taken = this.consumedBytes + KERNEL_BYTES;
    while (this.written.length > 0 && this.written[0].end <= taken)
      this.written.shift()?.callback();
    if (!this.wantsDrain || this.writableLength > 0) return;
    this.wantsDrain = false;
    this.emit('drain');
  }

  private transmit(): void {
    const { pieces } = this;
    if (pieces.length === 0) return;
    this.pieces = [];
    // A copy: whoever wrote it may use that memory again.
    this.emitOut({ kind: 'data', bytes: Buffer.concat(pieces) });
    for (const callback of this.pieceCallbacks.splice(0)) {
      this.written.push({ end: this.sentBytes, callback });
    }
    if (this.written.length > 0 && this.written[0].end <= this.consumedBytes + KERNEL_BYTES)
      process.nextTick(() => this.afterTaken());
  }

  private emitOut(item: StreamItem): void {
    if (!this.life.alive) return;
    if (this.connecting) this.unsent.push(item);
    else if (this.peer !== undefined) this.network.send(this, item);
  }

  private later(run: () => void): void {
    this.network.scheduler.turn(this.life, run);
  }
}
