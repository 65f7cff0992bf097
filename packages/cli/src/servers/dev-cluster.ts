// `zhumq dev`: a whole cluster for development, on the embedded metadata store. Brokers live in this process, or with
// `processes` in processes of their own that reach the store over loopback.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { formatHostPort } from '@zhumq/base';
import type { HostPort } from '@zhumq/base';
import { NodeFileSystem } from '@zhumq/log';
import type { DirectoryLock } from '@zhumq/log';
import { EmbeddedStore, EmbeddedStoreServer } from '@zhumq/metadata';
import { isError } from '@zhumq/model';
import { createRpcServer, connectChannel, storeService, zkServerClient } from '@zhumq/rpc';
import { InProcessCluster } from '@zhumq/testing';
import { BrokerProcess } from './broker-process.js';
import type { BrokerReady } from './broker-process.js';
import { serverEnvironment } from './environment.js';
import type { LogSettings } from './environment.js';
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

const HOST = '127.0.0.1';
const MEMBERS_TIMEOUT_MS = 30_000;
const LOCK_WAIT_MS = 3_000;
const LOOK_AGAIN_MS = 50;
/** With `processes`: enough to hand over to another broker; when all stop there is nobody to hand over to. */
const STOP_GRACE = '1s';

/**
 * Resolves when every broker is a member of the cluster: topics can be created at once. Rejects with DATA_DIRECTORY_LOCKED
 * when another one, or a broker for tests, uses the folder.
 */
export async function startDevCluster(settings: DevSettings): Promise<RunningServer> {
  const cluster = new DevCluster(settings, await lockedFolder(settings.dataDirectory));
  try {
    return await cluster.start();
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}

/** The folder as a whole: two metadata stores on one journal would spoil it. One that is just ending is waited for. */
async function lockedFolder(directory: string): Promise<DirectoryLock> {
  mkdirSync(directory, { recursive: true });
  const deadlineMs = performance.now() + LOCK_WAIT_MS;
  for (;;) {
    try {
      return new NodeFileSystem().lockSync(join(directory, 'lock'));
    } catch (error) {
      if (!isError(error, 'DATA_DIRECTORY_LOCKED') || performance.now() > deadlineMs) throw error;
      await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
    }
  }
}

class DevCluster {
  private readonly closers: (() => Promise<void> | void)[] = [];
  private readonly environment;
  private readonly embedded: EmbeddedStore;
  private readonly cluster: InProcessCluster;
  private readonly failed: Promise<Error>;
  private onFatal: (error: Error) => void = () => undefined;

  constructor(
    private readonly settings: DevSettings,
    lock: DirectoryLock,
  ) {
    this.environment = serverEnvironment('dev', settings.log);
    const directory = join(settings.dataDirectory, 'metadata');
    mkdirSync(directory, { recursive: true });
    this.closers.push(() => lock.release());
    this.embedded = new EmbeddedStore({
      clock: this.environment.clock,
      file: join(directory, 'journal'),
    });
    this.failed = new Promise((resolve) => (this.onFatal = resolve));
    this.cluster = new InProcessCluster({
      directory: settings.dataDirectory,
      environment: (server) => serverEnvironment(server, settings.log),
      connect: () => this.embedded.connect(),
      fileSystem: () => new NodeFileSystem(),
      onFatal: (error) => this.onFatal(error),
    });
    this.closers.push(
      () => this.embedded.close(),
      () => this.cluster.stop(),
    );
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
      failed: this.failed,
    };
  }

  /** The zkserver first, so that it does not report what is meant; then in reverse order of starting. */
  async stop(): Promise<void> {
    await this.cluster.stopZkServer();
    for (const close of this.closers.splice(0).reverse()) await close();
  }

  private async startZkServer(): Promise<BrokerReady> {
    const { ports, brokers } = this.settings;
    const at = { port: ports[0], httpPort: ports[brokers + 1] };
    return readyOf(1, await this.cluster.startZkServer(at));
  }

  private async startBrokers(): Promise<BrokerReady[]> {
    const { ports, brokers } = this.settings;
    const ids = Array.from({ length: brokers }, (_, index) => index + 1);
    return Promise.all(
      ids.map(async (id) => {
        const at = { port: ports[id], httpPort: ports[brokers + 1 + id] };
        return readyOf(id, await this.cluster.startBroker(id, at));
      }),
    );
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
      ...['--data-dir', join(dataDirectory, `broker-${id}`), '--stop-grace-ms', STOP_GRACE],
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

function readyOf(
  id: number,
  { advertised, http }: { advertised: HostPort; http: HostPort | undefined },
): BrokerReady {
  const metrics = http === undefined ? undefined : `http://${formatHostPort(http)}/metrics`;
  return { id, pid: process.pid, address: formatHostPort(advertised), metrics };
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
