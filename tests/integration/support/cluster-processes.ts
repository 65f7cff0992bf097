// A cluster of real processes: ZooKeeper servers, zkservers, brokers. Each can be killed and started again at its old
// address and on its old data. Everything is below one temporary folder and is gone after `destroy`.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts } from './free-ports.js';
import { report } from './report.js';
import { ServerProcess } from './server-process.js';
import { StepProxy } from './step-proxy.js';
import type { StepTrap } from './step-proxy.js';
import { ZooKeeperEnsemble } from './zookeeper-ensemble.js';

export interface ClusterOptions {
  readonly brokers: number;
  readonly zkservers: number;
  /** Servers of the ZooKeeper ensemble. */
  readonly zookeepers: number;
  /** Flags for all brokers, such as ['--raft-election-ticks', '40']. */
  readonly brokerFlags?: readonly string[];
  readonly zkserverFlags?: readonly string[];
  /** Flags of Node.js for brokers. */
  readonly brokerNodeFlags?: readonly string[];
  /** Then zkservers reach the ZooKeeper servers, and everybody reaches the brokers, through proxies that share this trap. */
  readonly trap?: StepTrap;
  /** Called with the folder of this cluster before any broker starts. */
  readonly beforeBrokers?: (directory: string) => void;
}

const HOST = '127.0.0.1';

export class ClusterProcesses {
  readonly directory = mkdtempSync(join(tmpdir(), 'zhumq-cluster-'));
  readonly zookeeper: ZooKeeperEnsemble;
  /** By id, from 1. */
  readonly brokers = new Map<number, ServerProcess>();
  readonly zkservers = new Map<number, ServerProcess>();
  /** Other processes that go with the cluster. */
  readonly extra: ServerProcess[] = [];
  private ports = new Map<string, number>();
  private readonly proxies: StepProxy[] = [];

  private constructor(private readonly options: ClusterOptions) {
    this.zookeeper = new ZooKeeperEnsemble(join(this.directory, 'zookeeper'), options.zookeepers);
  }

  /** Resolves when all servers have said that they are ready. */
  static async start(options: ClusterOptions): Promise<ClusterProcesses> {
    const cluster = new ClusterProcesses(options);
    try {
      await cluster.startAll();
      return cluster;
    } catch (error) {
      await cluster.destroy();
      throw error;
    }
  }

  /** Addresses of all brokers and zkservers. */
  get bootstrap(): string {
    return [...this.ports.values()].map((port) => `${HOST}:${port}`).join(',');
  }

  broker(id: number): ServerProcess {
    return existing(this.brokers.get(id), `broker ${id}`);
  }

  zkserver(id: number): ServerProcess {
    return existing(this.zkservers.get(id), `zkserver ${id}`);
  }

  brokerPort(id: number): number {
    return existing(this.ports.get(`broker-${id}`), `broker ${id}`);
  }

  dataDirectory(broker: number): string {
    return join(this.directory, `broker-${broker}`);
  }

  get servers(): ServerProcess[] {
    return [...this.zkservers.values(), ...this.brokers.values()];
  }

  /** Starts all zkservers and brokers that do not run. */
  async startServers(): Promise<void> {
    const stopped = this.servers.filter((server) => !server.runs);
    await Promise.all(stopped.map((server) => server.start()));
    report(`running: ${stopped.map(({ name, pid }) => `${name} (pid ${pid})`).join(', ')}`);
  }

  /** Another process for a broker of this cluster, under a name of its own; it is not started. */
  extraBroker(name: string, id: number, port: number, dataDirectory: string): ServerProcess {
    const flags = ['--data-dir', dataDirectory, ...(this.options.brokerFlags ?? [])];
    const server = this.server('broker', id, port, flags, name);
    this.extra.push(server);
    return server;
  }

  /**
   * Kills what runs, by pid, and removes the folder (with ZHUMQ_TEST_KEEP set it stays, for a look at logs and data).
   * `beforeRemoval` runs in between.
   */
  async destroy(beforeRemoval: () => unknown = () => undefined): Promise<void> {
    await Promise.all([...this.servers, ...this.extra].map((server) => server.destroy()));
    await Promise.all(this.proxies.map((proxy) => proxy.close()));
    await this.zookeeper.stop();
    beforeRemoval();
    if (process.env.ZHUMQ_TEST_KEEP !== undefined) report(`kept: ${this.directory}`);
    else rmSync(this.directory, { recursive: true, force: true });
  }

  private async startAll(): Promise<void> {
    const { brokers, zkservers, zkserverFlags = [], brokerFlags = [] } = this.options;
    const [ports] = await Promise.all([freePorts(brokers + zkservers), this.zookeeper.start()]);
    const zookeeper = await this.proxiedZooKeeper();
    for (let id = 1; id <= zkservers; id++) {
      const port = ports[id - 1];
      this.ports.set(`zkserver-${id}`, port);
      const flags = [...zookeeper, ...zkserverFlags];
      this.zkservers.set(id, this.server('zkserver', id, port, flags));
    }
    this.options.beforeBrokers?.(this.directory);
    for (let id = 1; id <= brokers; id++) {
      const port = ports[zkservers + id - 1];
      const advertise = await this.proxiedBroker(id, port);
      const flags = ['--data-dir', this.dataDirectory(id), ...advertise, ...brokerFlags];
      this.ports.set(`broker-${id}`, port);
      this.brokers.set(id, this.server('broker', id, port, flags));
    }
    await this.startServers();
  }

  /** Flags of a zkserver, after which it has the ensemble behind proxies. */
  private async proxiedZooKeeper(): Promise<string[]> {
    if (this.options.trap === undefined) return [];
    const addresses: string[] = [];
    for (const [index, address] of this.zookeeper.connectionString.split(',').entries()) {
      const port = await this.proxy(`zookeeper-${index + 1}`, Number(address.split(':')[1]));
      addresses.push(`${HOST}:${port}`);
    }
    return ['--zookeeper', `${addresses.join(',')}/zhumq`];
  }

  private async proxiedBroker(id: number, port: number): Promise<string[]> {
    if (this.options.trap === undefined) return [];
    return ['--advertise', `${HOST}:${await this.proxy(`broker-${id}`, port)}`];
  }

  private async proxy(name: string, targetPort: number): Promise<number> {
    const [port] = await freePorts(1);
    const proxy = new StepProxy(name, this.options.trap as StepTrap, targetPort);
    await proxy.listen(port);
    this.proxies.push(proxy);
    return port;
  }

  private server(
    kind: 'broker' | 'zkserver',
    id: number,
    port: number,
    flags: readonly string[],
    name = `${kind}-${id}`,
  ): ServerProcess {
    const args = [
      ...[kind, '--id', String(id)],
      ...(flags.includes('--zookeeper')
        ? []
        : ['--zookeeper', `${this.zookeeper.connectionString}/zhumq`]),
      ...['--listen', `${HOST}:${port}`, '--http', `${HOST}:0`, '--stop-with-parent'],
      ...['-o', 'json', ...flags],
    ];
    const nodeFlags = kind === 'broker' ? this.options.brokerNodeFlags : undefined;
    return new ServerProcess(name, args, join(this.directory, `${name}.log`), nodeFlags);
  }
}

function existing<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(`there is no ${what}`);
  return value;
}
