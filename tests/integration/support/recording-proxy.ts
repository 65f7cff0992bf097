// A proxy before one server that writes down which messages pass, in which direction, on which connection.
import { connect, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { MessageReader } from '../../../packages/rpc/src/wire/message-reader.js';
import { FrameReader } from '../../../packages/rpc/src/wire/frame-reader.js';
import { MAX_FRAME_BYTES } from '../../../packages/rpc/src/limits.js';

const HOST = '127.0.0.1';

export interface Passed {
  readonly connection: number;
  readonly direction: 'to the server' | 'to the client';
  readonly method: string;
}

export class RecordingProxy {
  readonly passed: Passed[] = [];
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();
  private connections = 0;

  /** The server may begin to listen later: who comes before is refused. */
  constructor(private readonly targetPort: () => number) {
    this.server = createServer((client) => this.forward(client));
  }

  listen(port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(port, HOST, () => resolve());
    });
  }

  close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    return new Promise((resolve) => this.server.close(() => resolve()));
  }

  private forward(client: Socket): void {
    const server = connect({ host: HOST, port: this.targetPort() });
    const connection = ++this.connections;
    for (const [from, to] of [
      [client, server],
      [server, client],
    ]) {
      this.sockets.add(from);
      from.setNoDelay(true);
      from.on('error', () => undefined);
      from.on('close', () => {
        this.sockets.delete(from);
        to.destroy();
      });
      const direction = from === client ? 'to the server' : 'to the client';
      const frames = new FrameReader(MAX_FRAME_BYTES);
      from.on('data', (bytes: Buffer) => {
        to.write(bytes);
        frames.push(bytes);
        for (let frame = frames.next(); frame !== undefined; frame = frames.next()) {
          const reader = new MessageReader();
          reader.begin(Buffer.from(frame));
          this.passed.push({ connection, direction, method: reader.name });
        }
      });
    }
  }
}
