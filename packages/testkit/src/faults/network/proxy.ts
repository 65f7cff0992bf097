// Forwards the connections to one server, as the weather between two nodes allows: pieces are held while a direction is
// cut, and go on when it heals, as TCP sends again what was lost; they may be late; connections may break.
import { connect, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import type { NodeName } from './network.js';

const HOST = '127.0.0.1';
/** Of one direction of one connection; then its sender has to wait. */
const HELD_BYTES = 1024 * 1024;

export interface Weather {
  isCut(from: NodeName, to: NodeName): boolean;
  delayMs(from: NodeName, to: NodeName): number;
  /** Whether the connection breaks with this piece. */
  breaks(from: NodeName, to: NodeName): boolean;
}

export class Proxy {
  private readonly server: Server;
  private readonly pipes = new Set<Pipe>();
  private readonly sockets = new Set<Socket>();

  constructor(
    private readonly target: NodeName,
    private readonly targetPort: number,
    private readonly weather: Weather,
    private readonly sourceOf: (remotePort: number) => NodeName,
  ) {
    this.server = createServer((socket) => this.forward(socket));
  }

  listen(host: string, port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(port, host, () => resolve());
    });
  }

  /** Nothing is cut any more. */
  goOn(): void {
    for (const pipe of this.pipes) pipe.flush();
  }

  close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    return new Promise((resolve) => this.server.close(() => resolve()));
  }

  private forward(client: Socket): void {
    const server = connect({ host: HOST, port: this.targetPort });
    const source = this.sourceOf(client.remotePort ?? 0);
    const pipes = [
      new Pipe(client, server, source, this.target, this.weather),
      new Pipe(server, client, this.target, source, this.weather),
    ];
    for (const pipe of pipes) this.pipes.add(pipe);
    const end = (): void => {
      for (const pipe of pipes) this.pipes.delete(pipe);
      for (const socket of [client, server]) {
        socket.destroy();
        this.sockets.delete(socket);
      }
    };
    for (const socket of [client, server]) {
      socket.setNoDelay(true);
      this.sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', end);
    }
  }
}

/** One direction of one connection. */
class Pipe {
  private held: Buffer[] = [];
  private heldBytes = 0;
  /** Pieces that are late; those behind them wait for them. */
  private late = 0;

  constructor(
    private readonly from: Socket,
    private readonly to: Socket,
    private readonly source: NodeName,
    private readonly target: NodeName,
    private readonly weather: Weather,
  ) {
    from.on('data', (bytes: Buffer) => this.take(bytes));
    to.on('drain', () => this.flush());
  }

  flush(): void {
    if (this.weather.isCut(this.source, this.target) || this.late > 0) return;
    for (const bytes of this.held) this.to.write(bytes);
    this.held = [];
    this.heldBytes = 0;
    this.from.resume();
  }

  private take(bytes: Buffer): void {
    const { source, target, weather } = this;
    if (weather.breaks(source, target)) {
      this.from.destroy();
      return;
    }
    this.held.push(bytes);
    this.heldBytes += bytes.length;
    if (this.heldBytes > HELD_BYTES || this.to.writableNeedDrain) this.from.pause();
    const delayMs = weather.delayMs(source, target);
    if (delayMs === 0) {
      this.flush();
      return;
    }
    this.late++;
    setTimeout(() => {
      this.late--;
      this.flush();
    }, delayMs);
  }
}
