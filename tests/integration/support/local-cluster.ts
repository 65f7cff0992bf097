// Real brokers and a zkserver in this process, over real sockets and real files, so that a test can stand between them
// and their file system or metadata store.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Metrics, SystemClock, createLogger, systemRandom } from '@zhumq/base';
import { Broker, brokerOptions } from '@zhumq/broker';
import type { FileSystem } from '@zhumq/log';
import { NodeFileSystem } from '@zhumq/log';
import { EmbeddedStore } from '@zhumq/metadata';
import type { MetadataStore } from '@zhumq/metadata';
import { ZkServer, zkServerOptions } from '@zhumq/zkserver';

export interface LocalClusterOptions {
  readonly brokers: number;
  readonly brokerFlags?: Readonly<Record<string, string>>;
  readonly fileSystem?: (broker: number) => FileSystem;
  readonly store?: (broker: number, store: MetadataStore) => MetadataStore;
}

interface LocalBroker {
  readonly broker: Broker;
  readonly store: MetadataStore;
  readonly port: number;
}

const HOST = '127.0.0.1';

export class LocalCluster {
  readonly directory = mkdtempSync(join(tmpdir(), 'zhumq-local-'));
  readonly failures: Error[] = [];
  private readonly clock = new SystemClock();
  private readonly embedded = new EmbeddedStore({ clock: this.clock });
  private readonly running = new Map<number, LocalBroker>();
  private zkserver: { server: ZkServer; store: MetadataStore } | undefined;

  private constructor(private readonly options: LocalClusterOptions) {}

  static async start(options: LocalClusterOptions): Promise<LocalCluster> {
    const cluster = new LocalCluster(options);
    await cluster.startZkServer();
    const ids = Array.from({ length: options.brokers }, (_, index) => index + 1);
    await Promise.all(ids.map((id) => cluster.startBroker(id)));
    return cluster;
  }

  get bootstrap(): string {
    return [...this.running.values()].map(({ port }) => `${HOST}:${port}`).join(',');
  }

  port(id: number): number {
    return this.running.get(id)?.port ?? 0;
  }

  async startBroker(id: number): Promise<void> {
    const { brokerFlags = {}, fileSystem, store: wrap } = this.options;
    const connection = this.embedded.connect();
    const store = wrap?.(id, connection) ?? connection;
    const broker = new Broker(
      {
        id,
        dataDirectory: join(this.directory, `broker-${id}`),
        listen: { host: HOST, port: 0 },
        rack: '',
        weight: 1,
        options: brokerOptions.resolve({ flags: { 'stop.grace.ms': '0ms', ...brokerFlags } })
          .values,
      },
      {
        ...this.environment(),
        store,
        fileSystem: fileSystem?.(id) ?? new NodeFileSystem(),
        onFatal: (error) => this.failures.push(error),
      },
    );
    const { listening } = await broker.start();
    this.running.set(id, { broker, store, port: listening.port });
  }

  async stopBroker(id: number): Promise<void> {
    const found = this.running.get(id);
    this.running.delete(id);
    await found?.broker.stop();
    await found?.store.close();
  }

  async stop(): Promise<void> {
    await Promise.all([...this.running.keys()].map((id) => this.stopBroker(id)));
    await this.zkserver?.server.stop();
    await this.zkserver?.store.close();
    await this.embedded.close();
    rmSync(this.directory, { recursive: true, force: true });
  }

  private async startZkServer(): Promise<void> {
    const store = this.embedded.connect();
    const server = new ZkServer({
      ...this.environment(),
      id: 1,
      listen: { host: HOST, port: 0 },
      options: zkServerOptions.resolve().values,
      store,
    });
    this.zkserver = { server, store };
    await server.start();
  }

  private environment() {
    return {
      clock: this.clock,
      random: systemRandom(),
      logger: createLogger({ level: 'error', format: 'pretty-short', name: 'local' }),
      metrics: new Metrics(),
    };
  }
}
