// The network where namespaces can not be made, and where connections are to be slow: all on loopback, and before each
// server a proxy that others are told to use. ZooKeeper's servers reach each other directly: only what brokers, zkservers
// and clients say to anybody can be cut.
import { createServer } from 'node:net';
import type { Server } from 'node:net';
import { nodeBehind } from './connection-source.js';
import { CLIENTS } from './network.js';
import type { Endpoint, Network, NodeName } from './network.js';
import { Proxy } from './proxy.js';
import type { Weather } from './proxy.js';

const HOST = '127.0.0.1';
/** Below the range from which the system gives outgoing connections theirs. */
const FIRST_PORT = 10_000;
const PORTS = 22_000;

/** The environment of each process says which node it stands for. */
export const NODE_VARIABLE = 'ZHUMQ_FAULTS_NODE';

export class ProxyNetwork implements Network {
  readonly kind = 'proxies';
  private readonly proxies: Proxy[] = [];
  /** As "from>to". */
  private readonly cuts = new Set<string>();
  private readonly delays = new Map<NodeName, { delayMs: number; breakProbability: number }>();

  async addNode(name: NodeName, ports: number): Promise<readonly Endpoint[]> {
    const endpoints: Endpoint[] = [];
    for (let index = 0; index < ports; index++) {
      const [port, proxyPort] = await freePorts(2);
      const proxy = new Proxy(name, port, this.weather(), (remotePort) =>
        nodeBehind(remotePort, NODE_VARIABLE, CLIENTS),
      );
      await proxy.listen(HOST, proxyPort);
      this.proxies.push(proxy);
      endpoints.push({ listen: `${HOST}:${port}`, advertise: `${HOST}:${proxyPort}` });
    }
    return endpoints;
  }

  commandOn(name: NodeName, command: readonly string[]): readonly string[] {
    return ['env', `${NODE_VARIABLE}=${name}`, ...command];
  }

  cut(from: NodeName, to: NodeName): Promise<void> {
    this.cuts.add(`${from}>${to}`);
    return Promise.resolve();
  }

  slow(to: NodeName, delayMs: number, breakProbability: number): void {
    if (delayMs === 0) this.delays.delete(to);
    else this.delays.set(to, { delayMs, breakProbability });
  }

  heal(): Promise<void> {
    this.cuts.clear();
    this.delays.clear();
    for (const proxy of this.proxies) proxy.goOn();
    return Promise.resolve();
  }

  async close(): Promise<void> {
    await Promise.all(this.proxies.map((proxy) => proxy.close()));
  }

  private weather(): Weather {
    return {
      isCut: (from, to) => this.cuts.has(`${from}>${to}`),
      delayMs: (from, to) => (this.delays.get(to) ?? this.delays.get(from))?.delayMs ?? 0,
      breaks: (from, to) => {
        const slow = this.delays.get(to) ?? this.delays.get(from);
        return slow !== undefined && Math.random() < slow.breakProbability;
      },
    };
  }
}

/** Different ports that were free a moment ago. */
async function freePorts(count: number): Promise<number[]> {
  const held: Server[] = [];
  const ports: number[] = [];
  try {
    while (ports.length < count) {
      const port = FIRST_PORT + Math.floor(Math.random() * PORTS);
      const server = createServer();
      const isFree = await new Promise<boolean>((resolve) => {
        server.once('error', () => resolve(false));
        server.listen(port, HOST, () => resolve(true));
      });
      if (!isFree) continue;
      held.push(server);
      ports.push(port);
    }
    return ports;
  } finally {
    await Promise.all(held.map((server) => new Promise((resolve) => server.close(resolve))));
  }
}
