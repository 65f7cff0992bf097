// `zhumq dev`: a whole cluster for development, on the embedded metadata store. Brokers live in this process, or with
// `processes` in processes of their own that reach the store over loopback.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { brokerOptions } from '@zhumq/broker';
import { EmbeddedStore, EmbeddedStoreServer } from '@zhumq/metadata';
import { createRpcServer, connectChannel, storeService, zkServerClient } from '@zhumq/rpc';
import { zkServerOptions } from '@zhumq/zkserver';
import { BrokerProcess } from './broker-process.js';
import type { BrokerReady } from './broker-process.js';
import { serverEnvironment } from './environment.js';
import type { LogSettings } from './environment.js';
import { runBroker } from './run-broker.js';
import { runZkServer } from './run-zkserver.js';
import type { HostPort } from '@zhumq/base';
import type { RunningServer } from './running-server.js';

export interface DevSettings {
  readonly brokers: number;
  readonly dataDirectory: string;
  /** zkserver, brokers, then the metrics of each in the same order, then the store; zeros: any free ones. */
  readonly ports: readonly number[];
  readonly processes: boolean;
  /** With `processes`: how long a broker that died stays away; undefined for ever. */
  readonly restartAfterMs: number | undefined;
  readonly log: LogSettings;
  readonly note: (text: string) => void;
}

/** Ports that a development cluster takes. */
export function devPortCount(brokers: number): number {
  return 2 * (brokers + 1) + 1;
}

/** Brokers that share a process stop together and start fast: nobody to hand over to, little to write beforehand. */
const IN_PROCESS_OPTIONS = { 'stop.grace.ms': '0ms', 'wal.file.bytes': '8MiB' };
const HOST = '127.0.0.1';
const MEMBERS_TIMEOUT_MS = 30_000;

/** Resolves when every broker is a member of the cluster: topics can be created at once. */
export async function startDevCluster(settings: DevSettings): Promise<RunningServer> {
  const cluster = new DevCluster(settings);
  try {
    return await cluster.start();
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}

class DevCluster {
  private readonly closers: (() => Promise<void> | void)[] = [];
  private readonly environment;
  private readonly embedded: EmbeddedStore;
  private readonly failures: Promise<Error>[] = [];

  constructor(private readonly settings: DevSettings) {
    this.environment = serverEnvironment('dev', settings.log);
    const directory = join(settings.dataDirectory, 'metadata');
    mkdirSync(directory, { recursive: true });
    this.embedded = new EmbeddedStore({
      clock: this.environment.clock,
      file: join(directory, 'journal'),
    });
    this.closers.push(() => this.embedded.close());
  }

  async start(): Promise<RunningServer> {
    const { settings } = this;
    const zkserver = await this.startZkServer();
    const brokers = settings.processes ? await this.startProcesses() : await this.startBrokers();
    await this.untilMembers(zkserver.address);
    const bootstrap = brokers.map((broker) => broker.address).join(',');
    const members = brokers.map(({ id, pid, address }) => ({ id, pid, address }));
    const metrics = [zkserver.metrics, ...brokers.map((broker) => broker.metrics)];
    const zkservers = [{ id: zkserver.id, pid: zkserver.pid, address: zkserver.address }];
    return {
      ready: { kind: 'dev', bootstrap, zkservers, brokers: members, metrics },
      banner: devBanner(settings, bootstrap, brokers, metrics),
      stop: () => this.stop(),
      failed: Promise.race(this.failures),
    };
  }

  /** In reverse order of starting; brokers hand over to nobody, so all at once. */
  async stop(): Promise<void> {
    for (const close of this.closers.splice(0).reverse()) await close();
  }

  private async startZkServer(): Promise<BrokerReady> {
    const { ports, brokers, log } = this.settings;
    const store = this.embedded.connect();
    const server = await runZkServer(
      {
        id: 1,
        listen: at(ports[0]),
        advertise: undefined,
        http: at(ports[brokers + 1]),
        options: zkServerOptions.resolve().values,
      },
      store,
      serverEnvironment('zkserver', log),
    );
    this.closers.push(
      () => store.close(),
      () => server.stop(),
    );
    return server.ready as unknown as BrokerReady;
  }

  private async startBrokers(): Promise<BrokerReady[]> {
    const { ports, brokers, dataDirectory, log } = this.settings;
    const ids = Array.from({ length: brokers }, (_, index) => index + 1);
    const servers = await Promise.all(
      ids.map(async (id) => {
        const store = this.embedded.connect();
        const server = await runBroker(
          {
            id,
            dataDirectory: join(dataDirectory, `broker-${id}`),
            listen: at(ports[id]),
            advertise: undefined,
            http: at(ports[brokers + 1 + id]),
            rack: '',
            weight: 1,
            options: brokerOptions.resolve({ flags: IN_PROCESS_OPTIONS }).values,
          },
          store,
          serverEnvironment(`broker-${id}`, log),
        );
        this.failures.push(server.failed);
        return { server, store };
      }),
    );
    this.closers.push(async () => {
      await Promise.all(servers.map(({ server }) => server.stop()));
      await Promise.all(servers.map(({ store }) => store.close()));
    });
    return servers.map(({ server }) => server.ready as unknown as BrokerReady);
  }

  private async startProcesses(): Promise<BrokerReady[]> {
    const { settings } = this;
    const storeAddress = await this.serveStore();
    const children = Array.from({ length: settings.brokers }, (_, index) => {
      const id = index + 1;
      const { restartAfterMs, note } = settings;
      return new BrokerProcess({
        id,
        args: this.brokerArgs(id, storeAddress),
        restartAfterMs,
        note,
      });
    });
    this.closers.push(async () => void (await Promise.all(children.map((child) => child.stop()))));
    return Promise.all(children.map((child) => child.start()));
  }

  private brokerArgs(id: number, store: HostPort): string[] {
    const { ports, brokers, dataDirectory, log } = this.settings;
    return [
      ...['--id', String(id), '--embedded-store', `${store.host}:${store.port}`],
      ...['--listen', `${HOST}:${ports[id]}`, '--http', `${HOST}:${ports[brokers + 1 + id]}`],
      ...['--data-dir', join(dataDirectory, `broker-${id}`)],
      ...['--log-level', log.level, '--log-format', log.format === 'json' ? 'json' : 'short'],
    ];
  }

  /** On loopback only: the embedded store trusts whoever reaches it. */
  private async serveStore(): Promise<HostPort> {
    const { clock, logger } = this.environment;
    const server = new EmbeddedStoreServer({ store: this.embedded, clock });
    const rpc = createRpcServer({
      services: [storeService({ call: (request) => server.handle(request) })],
      clock,
      logger,
    });
    const address = await rpc.listen(this.settings.ports.at(-1) ?? 0, HOST);
    this.closers.push(async () => {
      server.close();
      await rpc.close(0);
    });
    return address;
  }

  /** A topic created right after the ready line must find all brokers. */
  private async untilMembers(zkserver: string): Promise<void> {
    const { clock, random } = this.environment;
    const [host, port] = [
      zkserver.slice(0, zkserver.lastIndexOf(':')),
      Number(zkserver.slice(zkserver.lastIndexOf(':') + 1)),
    ];
    const channel = connectChannel({ host, port, clock, random });
    const deadlineMs = clock.monotonicMs() + MEMBERS_TIMEOUT_MS;
    try {
      for (;;) {
        const { brokers, controller } = await zkServerClient(channel).metadata({ topics: [] });
        if (
          controller >= 0 &&
          brokers.filter((broker) => broker.alive).length === this.settings.brokers
        )
          return;
        if (clock.monotonicMs() > deadlineMs)
          throw new Error(
            'the brokers did not join the cluster within 30 s; see the messages above',
          );
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    } finally {
      channel.close();
    }
  }
}

function at(port: number): HostPort {
  return { host: HOST, port };
}

function devBanner(
  settings: DevSettings,
  bootstrap: string,
  brokers: readonly BrokerReady[],
  metrics: readonly (string | undefined)[],
): string {
  return [
    `zhumq is ready: ${settings.brokers} broker(s), data in ${settings.dataDirectory}`,
    ...brokers.map(({ id, pid, address }) => `  broker ${id}   ${address}   pid ${pid}`),
    `  metrics    ${metrics[0]} (zkserver), ${metrics[1]} (broker 1), ...`,
    '',
    `  export ZHUMQ_BOOTSTRAP=${bootstrap}`,
    '  npx zhumq topic create orders --partitions 3',
    '  Ctrl-C stops it; started again with the same --data-dir it has everything.',
  ].join('\n');
}
