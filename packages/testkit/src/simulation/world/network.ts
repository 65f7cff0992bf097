// The network between machines: byte streams with delays, in order per stream and in any order between them. What a cut
// holds back is sent again when it heals, or the connection breaks. The kernels of the machines stand here, too: they
// accept for a process that stands still, reset for one that is gone, and say nothing without power.
import type { Server, Socket } from 'node:net';
import type { HostPort, Random } from '@zhumq/base';
import type { Transport } from '@zhumq/rpc';
import type { Life } from './life.js';
import { SimulatedListener } from './listener.js';
import type { Machine } from './machine.js';
import type { Scheduler } from './scheduler.js';
import { SimulatedSocket } from './socket.js';
import type { StreamItem } from './socket.js';

export interface NetworkOptions {
  readonly minDelayMs: number;
  /** Mean of what comes on top. */
  readonly meanDelayMs: number;
  /** Of pieces that arrive in two. */
  readonly splitProbability: number;
}

/** How long a kernel waits before it sends again what got no answer, at first. */
const RETRANSMIT_MS = 200;
const SYN_RETRY_MS = 1_000;
const MAX_SYN_RETRY_MS = 8_000;

export class Network {
  /** Connections that broke while both ends lived. */
  resets = 0;
  private readonly machines = new Map<string, Machine>();
  private readonly listeners = new Map<string, SimulatedListener>();
  /** A script's hand on the cables: true keeps that item, and what follows it on its connection, until the link heals. */
  keeps: ((from: string, to: string, item: StreamItem) => boolean) | undefined;
  /** Directed: "from>to". */
  private readonly cuts = new Map<string, number>();
  private readonly slow = new Map<string, number>();
  private readonly sockets = new Set<SimulatedSocket>();

  constructor(
    readonly scheduler: Scheduler,
    private readonly random: Random,
    private readonly options: NetworkOptions,
  ) {}

  add(machine: Machine): void {
    this.machines.set(machine.name, machine);
  }

  /** What one process uses in the place of TCP. */
  transport(machine: Machine, life: Life): Transport {
    life.onEnd.push(() => this.release(machine, life));
    return {
      socketFactory: (address) => this.connect(machine, life, address) as unknown as Socket,
      listenerFactory: (onSocket) =>
        new SimulatedListener(this, machine, life, (socket) =>
          onSocket(socket as unknown as Socket),
        ) as unknown as Server,
    };
  }

  // ---- faults

  /** Nothing gets from one machine to the other until as many heals have come. */
  cut(from: string, to: string): void {
    const link = `${from}>${to}`;
    this.cuts.set(link, (this.cuts.get(link) ?? 0) + 1);
  }

  /** What was held back goes on, or its connection breaks. */
  heal(from: string, to: string, breakProbability: number): void {
    const link = `${from}>${to}`;
    const left = (this.cuts.get(link) ?? 1) - 1;
    if (left > 0) return void this.cuts.set(link, left);
    this.cuts.delete(link);
    for (const socket of [...this.sockets]) {
      if (!socket.stalled || socket.machine.name !== from || socket.peerHost !== to) continue;
      if (this.random.fraction() < breakProbability) this.reset(socket);
      else this.retransmit(socket);
    }
  }

  /** Multiplies the delays of a link; 1: as usual. */
  slowDown(from: string, to: string, factor: number): void {
    this.slow.set(`${from}>${to}`, factor);
  }

  isCut(from: string, to: string): boolean {
    return this.cuts.size > 0 && this.cuts.has(`${from}>${to}`);
  }

  /** Breaks one connection between living processes, if there is one. */
  resetAny(): boolean {
    const open = [...this.sockets].filter(
      ({ peer, destroyed, life }) => peer !== undefined && !destroyed && life.alive,
    );
    if (open.length === 0) return false;
    this.reset(open[this.random.below(open.length)]);
    return true;
  }

  /** Breaks all connections between two machines; whoever needs one makes it again. */
  resetBetween(one: string, other: string): void {
    for (const socket of [...this.sockets])
      if (socket.machine.name === one && socket.peerHost === other) this.reset(socket);
  }

  // ---- for sockets and listeners

  delayMs(from: string, to: string): number {
    const { minDelayMs, meanDelayMs } = this.options;
    const exponential = -Math.log(1 - this.random.fraction()) * meanDelayMs;
    return (minDelayMs + exponential) * (this.slow.get(`${from}>${to}`) ?? 1);
  }

  /** Whether bytes of that machine get anywhere. */
  hasPower(name: string): boolean {
    return this.machines.get(name)?.powered === true;
  }

  splitAt(bytes: number): number | undefined {
    if (bytes < 2 || this.random.fraction() >= this.options.splitProbability) return undefined;
    return 1 + this.random.below(bytes - 1);
  }

  listen(address: HostPort, listener: SimulatedListener): boolean {
    const key = `${address.host}:${address.port}`;
    if (this.listeners.has(key)) return false;
    this.listeners.set(key, listener);
    return true;
  }

  unlisten(address: HostPort): void {
    this.listeners.delete(`${address.host}:${address.port}`);
  }

  forget(socket: SimulatedSocket): void {
    this.sockets.delete(socket);
  }

  /** Hands something to the other end's machine at its time. */
  send(from: SimulatedSocket, item: StreamItem): void {
    if (from.stalled) return this.holdBack(from, item);
    const { scheduler } = this;
    const arrivalMs = Math.max(
      from.lastArrivalMs,
      scheduler.nowMs + this.delayMs(from.machine.name, from.peerHost),
    );
    from.lastArrivalMs = arrivalMs;
    scheduler.after(arrivalMs - scheduler.nowMs, scheduler.world, () => this.arrive(from, item));
  }

  private arrive(from: SimulatedSocket, item: StreamItem): void {
    const host = from.peerHost;
    if (from.stalled || this.isCut(from.machine.name, host)) return this.holdBack(from, item);
    if (this.keeps?.(from.machine.name, host, item) === true) return this.holdBack(from, item);
    if (!this.hasPower(host)) return;
    const { peer } = from;
    if (peer === undefined || !peer.life.alive) {
      // No such connection any more at that machine: its kernel says so.
      if (item.kind !== 'reset') this.answerReset(from);
      return;
    }
    if (item.kind === 'data') {
      this.scheduler.digest.bytes(item.bytes);
    }
    // In this event already: most events are arrivals.
    if (!peer.life.paused && this.scheduler.becomes(peer.life)) peer.receive(item);
    else this.deliver(peer, item);
  }

  /** A kernel goes on sending for a socket that was closed. */
  private holdBack(from: SimulatedSocket, item: StreamItem): void {
    from.stalled = true;
    from.heldBack.push(item);
    this.sockets.add(from);
  }

  private deliver(to: SimulatedSocket, item: StreamItem): void {
    this.scheduler.turn(to.life, () => to.receive(item));
  }

  private answerReset(to: SimulatedSocket): void {
    const { scheduler } = this;
    const from = to.peerHost;
    scheduler.after(this.delayMs(from, to.machine.name), scheduler.world, () => {
      if (this.isCut(from, to.machine.name) || !to.life.alive) return;
      this.deliver(to, { kind: 'reset' });
    });
  }

  private retransmit(from: SimulatedSocket): void {
    const { scheduler } = this;
    const waitMs = -Math.log(1 - this.random.fraction()) * RETRANSMIT_MS;
    scheduler.after(waitMs, scheduler.world, () => {
      if (!from.stalled || this.isCut(from.machine.name, from.peerHost)) return;
      from.stalled = false;
      for (const item of from.heldBack.splice(0)) this.send(from, item);
      if (from.destroyed || !from.life.alive) this.sockets.delete(from);
    });
  }

  /** Both ends learn that the connection is gone; what was under way is lost. */
  private reset(socket: SimulatedSocket): void {
    this.resets++;
    const ends = [socket, socket.peer];
    for (const end of ends) {
      if (end === undefined) continue;
      if (end.destroyed || !end.life.alive) {
        this.sockets.delete(end);
        continue;
      }
      this.deliver(end, { kind: 'reset' });
    }
  }

  // ---- connections

  private connect(machine: Machine, life: Life, address: HostPort): SimulatedSocket {
    const socket = new SimulatedSocket(this, machine, life, address.host, address.port);
    this.sockets.add(socket);
    this.dial(socket, address, SYN_RETRY_MS);
    return socket;
  }

  private dial(socket: SimulatedSocket, address: HostPort, retryMs: number): void {
    const { scheduler } = this;
    const from = socket.machine.name;
    const later = (): void => {
      const nextMs = Math.min(retryMs * 2, MAX_SYN_RETRY_MS);
      scheduler.after(retryMs, scheduler.world, () => this.dial(socket, address, nextMs));
    };
    if (!socket.connecting || !socket.life.alive) return;
    scheduler.after(this.delayMs(from, address.host), scheduler.world, () => {
      if (this.isCut(from, address.host) || this.isCut(address.host, from)) return later();
      if (!this.hasPower(address.host)) return later();
      const listener = this.listeners.get(`${address.host}:${address.port}`);
      if (listener === undefined) {
        const back = this.delayMs(address.host, from);
        scheduler.after(back, socket.life, () => socket.refuse());
        return;
      }
      if (!socket.connecting || !socket.life.alive) return;
      this.accept(socket, listener);
    });
  }

  /** The kernel accepts; the process hears of it when it gets to it. */
  private accept(socket: SimulatedSocket, listener: SimulatedListener): void {
    const { scheduler } = this;
    const other = new SimulatedSocket(
      this,
      listener.machine,
      listener.life,
      socket.machine.name,
      0,
    );
    this.sockets.add(other);
    other.join(socket);
    socket.join(other);
    scheduler.turn(listener.life, () => {
      other.establish();
      listener.accepted(other);
    });
    const back = this.delayMs(listener.machine.name, socket.machine.name);
    scheduler.after(back, socket.life, () => socket.establish());
  }

  /** A process is gone: its kernel closes what it had open, if there is power. */
  private release(machine: Machine, life: Life): void {
    for (const [key, listener] of this.listeners) {
      if (listener.life === life) this.listeners.delete(key);
    }
    for (const socket of [...this.sockets]) {
      if (socket.life !== life) continue;
      this.sockets.delete(socket);
      if (machine.powered && socket.peer !== undefined) {
        this.send(socket, { kind: this.random.below(2) === 0 ? 'end' : 'reset' });
      } else if (socket.peer !== undefined) {
        this.watchKeepAlive(socket.peer);
      }
    }
  }

  /** The other end of a machine that lost power: keep-alive finds out, once that machine is back to say so. */
  private watchKeepAlive(socket: SimulatedSocket): void {
    const { keepAliveMs } = socket;
    if (keepAliveMs === undefined) return;
    this.scheduler.after(keepAliveMs, this.scheduler.world, () => {
      if (!socket.life.alive || socket.destroyed) return;
      if (this.hasPower(socket.peerHost)) this.answerReset(socket);
      else this.watchKeepAlive(socket);
    });
  }
}
