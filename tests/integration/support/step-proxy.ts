// A proxy before each server that can stop the world at a step of a protocol: it holds the message that begins the step
// (before its effect), or the answer to it (after its effect), until the test lets it go on or throws it away.
import { connect, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';

const HOST = '127.0.0.1';

/** Whether a piece holds the answer. */
export type AnswerMatcher = (bytes: Buffer) => boolean;

/**
 * Which message is waited for: how its answer is known, or undefined for other messages. Called with every piece that
 * passes towards the server; small messages travel in one piece.
 */
export type Matcher = (bytes: Buffer, proxy: StepProxy) => AnswerMatcher | undefined;

/** A message that was stopped, and its connection with it. */
export interface Held {
  readonly proxy: StepProxy;
  /** Both directions go on. `deliver` false: the connection is cut instead, and the message is lost. */
  release(deliver: boolean): void;
}

interface Trap {
  readonly when: 'before' | 'after';
  readonly matcher: Matcher;
  readonly caught: (held: Held) => void;
}

/** All proxies of one test share the trap, because nobody knows by which connection a message will come. */
export class StepTrap {
  private armed: Trap | undefined;
  private readonly releases = new Set<(deliver: boolean) => void>();

  /**
   * Resolves when the message of a step has come by: held itself (`before`), or passed on and its answer held (`after`). Further
   * messages that match are held likewise until `releaseAll`.
   */
  arm(when: 'before' | 'after', matcher: Matcher): Promise<Held> {
    return new Promise((resolve) => (this.armed = { when, matcher, caught: resolve }));
  }

  /** What is held goes on (or is cut off), and nothing is held any more. */
  releaseAll(deliver: boolean): void {
    this.armed = undefined;
    for (const release of [...this.releases]) release(deliver);
  }

  /** Called by proxies. Not undefined: this piece (`before`), or its answer (`after`), is to be held. */
  catches(when: 'before' | 'after', bytes: Buffer, proxy: StepProxy): AnswerMatcher | undefined {
    return this.armed?.when === when ? this.armed.matcher(bytes, proxy) : undefined;
  }

  hold(proxy: StepProxy, go: (deliver: boolean) => void): void {
    const release = (deliver: boolean): void => {
      if (this.releases.delete(release)) go(deliver);
    };
    this.releases.add(release);
    this.armed?.caught({ proxy, release });
  }
}

/** Forwards connections to one server. */
export class StepProxy {
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();
  private portNumber = 0;

  constructor(
    readonly name: string,
    private readonly trap: StepTrap,
    private readonly targetPort: number,
  ) {
    this.server = createServer((socket) => this.forward(socket));
  }

  get port(): number {
    return this.portNumber;
  }

  listen(port: number): Promise<void> {
    this.portNumber = port;
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
    const server = connect({ host: HOST, port: this.targetPort });
    for (const socket of [client, server]) {
      socket.setNoDelay(true);
      this.sockets.add(socket);
      socket.on('error', () => undefined);
    }
    const end = (): void => {
      for (const socket of [client, server]) {
        socket.destroy();
        this.sockets.delete(socket);
      }
    };
    client.on('close', end);
    server.on('close', end);
    let isAnswer: AnswerMatcher | undefined;
    client.on('data', (bytes: Buffer) => {
      if (this.trap.catches('before', bytes, this) !== undefined) {
        this.stop(client, server, bytes, end);
        return;
      }
      isAnswer ??= this.trap.catches('after', bytes, this);
      server.write(bytes);
    });
    server.on('data', (bytes: Buffer) => {
      if (isAnswer?.(bytes) === true) {
        isAnswer = undefined;
        this.stop(server, client, bytes, end);
        return;
      }
      client.write(bytes);
    });
  }

  /** Nothing more is read from `from` until the piece goes on. */
  private stop(from: Socket, to: Socket, bytes: Buffer, end: () => void): void {
    from.pause();
    this.trap.hold(this, (deliver) => {
      if (!deliver) return end();
      to.write(bytes);
      from.resume();
    });
  }
}
