// The test broker: a cluster in this process, its clients and its folder, under one handle that ends them all.
import { SystemClock, createLogger, delay, silentLogger, systemRandom } from '@zhumq/base';
import { Metrics, formatHostPort } from '@zhumq/base';
import type { Clock, HostPort, Logger } from '@zhumq/base';
import { connect } from '@zhumq/client';
import type { Client, ConnectOptions, CreateTopic, TopicDescription } from '@zhumq/client';
import { EmbeddedStore } from '@zhumq/metadata';
import { zhumqError } from '@zhumq/model';
import { openDataFolder } from './data-folder.js';
import type { DataFolder } from './data-folder.js';
import { InProcessCluster } from './in-process-cluster.js';
import type { ServerName } from './in-process-cluster.js';
import type { TestBroker, TestBrokerOptions } from './test-broker-api.js';
import { UnsyncedFileSystem } from './unsynced-file-system.js';

const MAX_BROKERS = 9;
/** How long what a client under test still sends may hold up the end of the test. */
const CLIENT_CLOSE_TIMEOUT = '2s';
/** How long a port of before may be held by somebody else, and how often it is tried. */
const PORT_WAIT_MS = 5_000;
const PORT_RETRY_MS = 20;
/**
 * The reserve of free disk protects other data than a test's. Elections among several brokers of one process can be
 * quick: nothing lies between them, and what holds one up holds up all.
 */
const TEST_OPTIONS = { 'disk.reserve.bytes': '0', 'raft.tick.ms': '20ms' };

/** Resolves when clients can connect and the topics have leaders. What a start that fails began is undone. */
export async function startTestBroker(options: TestBrokerOptions = {}): Promise<TestBroker> {
  const brokers = options.brokers ?? 1;
  if (!Number.isInteger(brokers) || brokers < 1 || brokers > MAX_BROKERS) {
    const takes = `it takes a whole number from 1 to ${MAX_BROKERS}`;
    throw zhumqError('INVALID_OPTION', `brokers is ${String(options.brokers)}; ${takes}`, {
      option: 'brokers',
    });
  }
  const broker = new InProcessTestBroker(brokers, options, openDataFolder(options.directory));
  try {
    await broker.start();
    await Promise.all((options.topics ?? []).map((topic) => broker.createTopic(topic)));
    return broker;
  } catch (error) {
    await broker.stop().catch(() => undefined);
    throw error;
  }
}

class InProcessTestBroker implements TestBroker {
  private readonly clock: Clock = new SystemClock();
  private readonly metadata: EmbeddedStore;
  private readonly cluster: InProcessCluster;
  private readonly addresses = new Map<ServerName, HostPort>();
  private readonly clients = new Set<Promise<Client>>();
  private admin: Promise<Client> | undefined;
  private failure: Error | undefined;
  /** Starts, restarts and the end, one after the other. */
  private turn: Promise<unknown> = Promise.resolve();
  private stopping: Promise<void> | undefined;
  private readonly stopCalled: Promise<void>;
  private onStop: () => void = () => undefined;

  constructor(
    private readonly brokers: number,
    private readonly options: TestBrokerOptions,
    private readonly folder: DataFolder,
  ) {
    const { clock } = this;
    this.stopCalled = new Promise((resolve) => (this.onStop = resolve));
    this.metadata = openMetadata(clock, folder);
    this.cluster = new InProcessCluster({
      directory: folder.path,
      environment: (server) => ({
        ...{ clock, random: systemRandom(), metrics: new Metrics() },
        logger: this.logger(server),
      }),
      connect: () => this.metadata.connect(),
      fileSystem: () => new UnsyncedFileSystem(),
      brokerFlags: TEST_OPTIONS,
      onFatal: (error) => (this.failure ??= error),
    });
  }

  get directory(): string {
    return this.folder.path;
  }

  get bootstrap(): string {
    return this.names()
      .map((name) => this.addresses.get(name))
      .filter((address) => address !== undefined)
      .map(formatHostPort)
      .join(',');
  }

  start(): Promise<void> {
    return this.inTurn(() => this.startServers());
  }

  async client(options: ConnectOptions = {}): Promise<Client> {
    if (this.stopping !== undefined) throw stoppedError();
    const connecting = connect(this.bootstrap, options);
    this.clients.add(connecting);
    // One that never connected needs no closing.
    connecting.catch(() => this.clients.delete(connecting));
    return connecting;
  }

  async createTopic(topic: string | CreateTopic): Promise<TopicDescription> {
    const wanted = typeof topic === 'string' ? { topic } : topic;
    this.admin ??= this.client();
    const admin = (await this.admin).admin();
    const made = await admin.createTopic({ ...this.options.topicDefaults, ...wanted });
    if (made.ready || wanted.wait !== undefined || wanted.dryRun === true) return made.topic;
    const message = `topic "${wanted.topic}" has partitions without a leader; log: 'warn' may say why`;
    throw zhumqError('LEADER_NOT_AVAILABLE', message, { topic: wanted.topic });
  }

  async restart(whileDown?: () => unknown): Promise<void> {
    if (this.stopping !== undefined) throw stoppedError();
    await this.inTurn(async () => {
      await this.cluster.stop();
      try {
        // A test that is over does not wait for what it began.
        await Promise.race([whileDown?.(), this.stopCalled]);
      } finally {
        if (this.stopping === undefined) await this.startServers();
      }
    });
  }

  stop(): Promise<void> {
    this.stopping ??= this.inTurn(() => this.stopAll());
    this.onStop();
    return this.stopping;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  private names(): ServerName[] {
    return Array.from({ length: this.brokers }, (_, index): ServerName => `broker-${index + 1}`);
  }

  /** On the ports of before, if there was a before. */
  private async startServers(): Promise<void> {
    const start = (name: ServerName, run: (port: number) => Promise<{ listening: HostPort }>) =>
      this.whilePortIsHeld(async () => {
        const { listening } = await run(this.addresses.get(name)?.port ?? 0);
        this.addresses.set(name, listening);
      });
    await start('zkserver', (port) => this.cluster.startZkServer({ port }));
    await Promise.all(
      this.names().map((name, index) =>
        start(name, (port) => this.cluster.startBroker(index + 1, { port })),
      ),
    );
    this.throwFailure();
  }

  /** A port that was free for a moment may have been given to an outgoing connection of anybody. */
  private async whilePortIsHeld(start: () => Promise<void>): Promise<void> {
    const untilMs = this.clock.monotonicMs() + PORT_WAIT_MS;
    for (;;) {
      try {
        return await start();
      } catch (error) {
        const { code } = ((error as Error).cause ?? {}) as NodeJS.ErrnoException;
        if (code !== 'EADDRINUSE' || this.clock.monotonicMs() > untilMs) throw error;
      }
      await delay(this.clock, PORT_RETRY_MS);
    }
  }

  private async stopAll(): Promise<void> {
    // What a client could not send any more is the test's own business.
    const close = { timeout: CLIENT_CLOSE_TIMEOUT } as const;
    await Promise.allSettled([...this.clients].map(async (client) => (await client).close(close)));
    await this.cluster.stop();
    await this.metadata.close();
    this.folder.release();
    this.throwFailure();
  }

  /** What no call has brought to light yet. */
  private throwFailure(): void {
    const { failure } = this;
    this.failure = undefined;
    if (failure !== undefined) throw failure;
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.turn.then(work);
    this.turn = result.catch(() => undefined);
    return result;
  }

  private logger(server: ServerName): Logger {
    const { log: level = 'silent' } = this.options;
    if (level === 'silent') return silentLogger;
    return createLogger({ level, format: 'pretty-short', name: server });
  }
}

/** A journal that is damaged must not keep the folder locked. */
function openMetadata(clock: Clock, { journal, release }: DataFolder): EmbeddedStore {
  try {
    return new EmbeddedStore(journal === undefined ? { clock } : { clock, file: journal });
  } catch (error) {
    release();
    throw error;
  }
}

function stoppedError(): Error {
  return zhumqError('CLOSED', 'the test broker was stopped');
}
