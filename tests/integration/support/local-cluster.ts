// Real brokers and a zkserver in this process, over real sockets and real files, so that a test can stand between them
// and their file system or metadata store.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Metrics, SystemClock, createLogger, systemRandom } from '@zhumq/base';
import type { FileSystem } from '@zhumq/log';
import { NodeFileSystem } from '@zhumq/log';
import { EmbeddedStore } from '@zhumq/metadata';
import type { MetadataStore } from '@zhumq/metadata';
import { InProcessCluster } from '@zhumq/testing';
import type { ServerEnvironment } from '@zhumq/testing';

export interface LocalClusterOptions {
  readonly brokers: number;
  readonly brokerFlags?: Readonly<Record<string, string>>;
  readonly fileSystem?: (broker: number) => FileSystem;
  readonly store?: (broker: number, store: MetadataStore) => MetadataStore;
}

const HOST = '127.0.0.1';

export class LocalCluster {
  readonly directory = mkdtempSync(join(tmpdir(), 'zhumq-local-'));
  readonly failures: Error[] = [];
  private readonly clock = new SystemClock();
  private readonly embedded = new EmbeddedStore({ clock: this.clock });
  private readonly servers: InProcessCluster;
  private readonly ports = new Map<number, number>();

  private constructor(options: LocalClusterOptions) {
    this.servers = new InProcessCluster({
      directory: this.directory,
      environment: () => this.environment(),
      connect: (server) => {
        const store = this.embedded.connect();
        const broker = Number(server.replace('broker-', ''));
        return server === 'zkserver' ? store : (options.store?.(broker, store) ?? store);
      },
      fileSystem: (broker) => options.fileSystem?.(broker) ?? new NodeFileSystem(),
      ...(options.brokerFlags && { brokerFlags: options.brokerFlags }),
      onFatal: (error) => this.failures.push(error),
    });
  }

  static async start(options: LocalClusterOptions): Promise<LocalCluster> {
    const cluster = new LocalCluster(options);
    await cluster.servers.startZkServer({ port: 0 });
    const ids = Array.from({ length: options.brokers }, (_, index) => index + 1);
    await Promise.all(ids.map((id) => cluster.startBroker(id)));
    return cluster;
  }

  get bootstrap(): string {
    return [...this.ports.values()].map((port) => `${HOST}:${port}`).join(',');
  }

  port(id: number): number {
    return this.ports.get(id) ?? 0;
  }

  async startBroker(id: number): Promise<void> {
    const { listening } = await this.servers.startBroker(id, { port: 0 });
    this.ports.set(id, listening.port);
  }

  async stopBroker(id: number): Promise<void> {
    this.ports.delete(id);
    await this.servers.stopBroker(id);
  }

  async stop(): Promise<void> {
    await this.servers.stop();
    await this.embedded.close();
    rmSync(this.directory, { recursive: true, force: true });
  }

  private environment(): ServerEnvironment {
    return {
      clock: this.clock,
      random: systemRandom(),
      logger: createLogger({ level: 'error', format: 'pretty-short', name: 'local' }),
      metrics: new Metrics(),
    };
  }
}
