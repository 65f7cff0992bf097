// A zkserver and brokers in this process: what a test broker and `zhumq dev` have in common. Each has a connection of its
// own to the metadata store; the store and everything else from outside stay the caller's.
import { join } from 'node:path';
import type { Clock, HostPort, Logger, Metrics, Random } from '@zhumq/base';
import { Broker, brokerOptions } from '@zhumq/broker';
import type { BrokerAddresses } from '@zhumq/broker';
import { RecordGateway } from '@zhumq/gateway';
import type { FileSystem } from '@zhumq/log';
import type { MetadataStore } from '@zhumq/metadata';
import { ZkServer, zkServerOptions } from '@zhumq/zkserver';
import type { ZkServerAddresses } from '@zhumq/zkserver';

export interface ServerEnvironment {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** 'zkserver', or 'broker-' and its id. */
export type ServerName = 'zkserver' | `broker-${number}`;

export interface InProcessClusterOptions {
  /** Each broker has a folder in it, by its name. */
  readonly directory: string;
  /** Called once per start of a server: metrics of two lives are two. */
  readonly environment: (server: ServerName) => ServerEnvironment;
  /** A new connection, which the cluster closes when that server has stopped. */
  readonly connect: (server: ServerName) => MetadataStore;
  readonly fileSystem: (broker: number) => FileSystem;
  /** Options of brokers that differ from IN_PROCESS_OPTIONS. */
  readonly brokerFlags?: Readonly<Record<string, string>>;
  /** That broker can not go on. */
  readonly onFatal: (error: Error, broker: number) => void;
}

export interface ServerPorts {
  /** 0: any free one. */
  readonly port: number;
  /** Of metrics and health; not served when undefined. */
  readonly httpPort?: number | undefined;
}

interface Server {
  stop(): Promise<void>;
}

/** Brokers that share a process stop together and start fast: nobody to hand over to, little to write beforehand. */
const IN_PROCESS_OPTIONS = { 'stop.grace.ms': '0ms', 'wal.file.bytes': '8MiB' };
const HOST = '127.0.0.1';
const ZKSERVER_ID = 1;

export class InProcessCluster {
  private zkserver: Server | undefined;
  private readonly brokers = new Map<number, Server>();
  private readonly starting = new Set<Promise<unknown>>();

  constructor(private readonly options: InProcessClusterOptions) {}

  startZkServer(ports: ServerPorts): Promise<ZkServerAddresses> {
    return this.remembered(this.openZkServer(ports));
  }

  /** Resolves when the broker is a member of the cluster: topics made from now on find it. */
  startBroker(id: number, ports: ServerPorts): Promise<BrokerAddresses> {
    return this.remembered(this.openBroker(id, ports));
  }

  async stopBroker(id: number): Promise<void> {
    const broker = this.brokers.get(id);
    this.brokers.delete(id);
    await broker?.stop();
  }

  /** From then on nobody elects leaders, or complains that there are none. */
  async stopZkServer(): Promise<void> {
    const { zkserver } = this;
    this.zkserver = undefined;
    await zkserver?.stop();
  }

  /**
   * The zkserver first: it would elect among the brokers that are left, and report every partition that has none. Then all
   * brokers at once: they hand over to nobody. What is still starting is waited for, and stopped, too.
   */
  async stop(): Promise<void> {
    await Promise.allSettled(this.starting);
    await this.stopZkServer();
    await Promise.all([...this.brokers.keys()].map((id) => this.stopBroker(id)));
  }

  private async remembered<T>(start: Promise<T>): Promise<T> {
    this.starting.add(start);
    try {
      return await start;
    } finally {
      this.starting.delete(start);
    }
  }

  private async openZkServer(ports: ServerPorts): Promise<ZkServerAddresses> {
    const store = this.options.connect('zkserver');
    const zkserver = new ZkServer({
      ...this.options.environment('zkserver'),
      id: ZKSERVER_ID,
      ...addresses(ports),
      options: zkServerOptions.resolve().values,
      store,
    });
    const server = withStore(zkserver, store);
    const started = await startOrStop(zkserver, server);
    this.zkserver = server;
    return started;
  }

  private async openBroker(id: number, ports: ServerPorts): Promise<BrokerAddresses> {
    const { options } = this;
    const name: ServerName = `broker-${id}`;
    const store = options.connect(name);
    const broker = new Broker(
      {
        id,
        dataDirectory: join(options.directory, name),
        ...addresses(ports),
        rack: '',
        weight: 1,
        options: brokerOptions.resolve({ flags: { ...IN_PROCESS_OPTIONS, ...options.brokerFlags } })
          .values,
      },
      {
        ...options.environment(name),
        store,
        fileSystem: options.fileSystem(id),
        onFatal: (error) => options.onFatal(error, id),
        recordGateway: (parts) => new RecordGateway(parts),
      },
    );
    const server = withStore(broker, store);
    const started = await startOrStop(broker, server);
    this.brokers.set(id, server);
    return started;
  }
}

function addresses({ port, httpPort }: ServerPorts): { listen: HostPort; http?: HostPort } {
  const listen = { host: HOST, port };
  return httpPort === undefined ? { listen } : { listen, http: { host: HOST, port: httpPort } };
}

function withStore(server: Server, store: MetadataStore): Server {
  return {
    stop: async () => {
      await server.stop();
      await store.close();
    },
  };
}

/** A server whose start fails leaves nothing behind. */
async function startOrStop<T>(starting: { start(): Promise<T> }, server: Server): Promise<T> {
  try {
    return await starting.start();
  } catch (error) {
    await server.stop();
    throw error;
  }
}
