// The cluster under attack: a ZooKeeper server, zkservers, brokers, and a development cluster for the service that only
// that one has; each a process of its own. Everything lies below one folder.
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { connect } from '@zhumq/client';
import type { Client } from '@zhumq/client';
import { connectChannel, zkServerClient } from '@zhumq/rpc';
import { LiveServer } from './live-server.js';
import type { TargetKind } from './live-server.js';
import { CHECKED_TOPICS, PREY_TOPICS, vocabularyOf } from './vocabulary.js';
import type { Vocabulary } from './vocabulary.js';

export interface LiveClusterOptions {
  readonly brokers: number;
  readonly zkservers: number;
  readonly withStore: boolean;
  /** Loaded into brokers before their program. */
  readonly brokerPreloads: readonly string[];
}

export const HOST = '127.0.0.1';
export const PARTITIONS = 2;
const REPOSITORY = join(__dirname, '../../../../..');
const ZHUMQ = join(REPOSITORY, 'packages/cli/bin/zhumq.js');
const ZOOKEEPER = join(REPOSITORY, 'scripts/zookeeper.sh');
export const CONTRACTS = join(REPOSITORY, 'idl');
/** Elections of brokers that only had to wait for a processor would hide those that an attack brings about. */
const BROKER_FLAGS = [
  ...[
    '--raft-election-ticks',
    '200',
    '--session-timeout',
    '30s',
    '--replica-lag-time-max-ms',
    '30s',
  ],
  ...['--cache-tail-bytes', '8MiB', '--cache-block-bytes', '8MiB', '--wal-file-bytes', '4MiB'],
  ...['--wal-checkpoint-bytes', '16MiB', '--disk-reserve-bytes', '64MiB'],
];
const run = promisify(execFile);

export class LiveCluster {
  readonly directory = mkdtempSync(join(tmpdir(), 'zhumq-fuzz-'));
  readonly servers: LiveServer[] = [];
  private readonly closers: (() => Promise<unknown>)[] = [];
  private bootstrapped: Client | undefined;

  private constructor(private readonly options: LiveClusterOptions) {}

  static async start(options: LiveClusterOptions): Promise<LiveCluster> {
    const cluster = new LiveCluster(options);
    try {
      await cluster.startAll();
      return cluster;
    } catch (error) {
      await cluster.destroy();
      throw error;
    }
  }

  of(kind: TargetKind): LiveServer[] {
    return this.servers.filter(({ options }) => options.kind === kind);
  }

  get bootstrap(): string {
    return this.of('broker')
      .map(({ port }) => `${HOST}:${port}`)
      .join(',');
  }

  /** For the calls of a good client. */
  async client(): Promise<Client> {
    this.bootstrapped ??= await connect(this.bootstrap);
    return this.bootstrapped;
  }

  async vocabulary(): Promise<Vocabulary> {
    const [zkserver] = this.of('zkserver');
    const channel = connectChannel({ host: HOST, port: zkserver.port });
    try {
      return vocabularyOf(await zkServerClient(channel).metadata({}));
    } finally {
      channel.close();
    }
  }

  /** Topics that frames may delete are there again after it. */
  async ensureTopics(
    names: readonly string[] = [...CHECKED_TOPICS, ...PREY_TOPICS],
  ): Promise<void> {
    const admin = (await this.client()).admin();
    const known = new Set(await admin.listTopics());
    for (const topic of names) {
      if (known.has(topic)) continue;
      const mode = topic.endsWith('fetch') ? 'fetch' : 'raft';
      await admin.createTopic({ topic, partitions: PARTITIONS, mode });
    }
  }

  /** Ends all processes by pid and removes the folder. */
  async destroy(keep = false): Promise<void> {
    await this.bootstrapped?.close({ timeout: 1_000 });
    await Promise.all(this.servers.map((server) => server.stop()));
    for (const close of this.closers.splice(0)) await close();
    if (!keep) rmSync(this.directory, { recursive: true, force: true });
  }

  private async startAll(): Promise<void> {
    const zookeeper = await this.startZooKeeper();
    const { brokers, zkservers, withStore } = this.options;
    const common = ['--zookeeper', `${zookeeper}/zhumq`, '--listen', `${HOST}:0`];
    const starting: Promise<void>[] = [];
    for (let id = 1; id <= zkservers; id++)
      starting.push(
        this.start('zkserver', `zkserver-${id}`, ['zkserver', '--id', String(id), ...common]),
      );
    await Promise.all(starting);
    for (let id = 1; id <= brokers; id++) {
      const data = ['--data-dir', join(this.directory, `broker-${id}`)];
      const args = ['broker', '--id', String(id), ...common, ...data, ...BROKER_FLAGS];
      starting.push(this.start('broker', `broker-${id}`, args));
    }
    if (withStore) starting.push(this.startStore());
    await Promise.all(starting);
    await this.ensureTopics();
  }

  private async start(kind: TargetKind, name: string, args: readonly string[]): Promise<void> {
    const server = new LiveServer({
      ...{ name, kind, logFile: join(this.directory, `${name}.log`) },
      args: [ZHUMQ, ...args, '--http', `${HOST}:0`, '--stop-with-parent', '-o', 'json'],
      preloads: kind === 'broker' ? this.options.brokerPreloads : [],
    });
    this.servers.push(server);
    await server.start();
  }

  /** Its store's port is the last of a block that it is given. */
  private async startStore(): Promise<void> {
    const server = new LiveServer({
      ...{ name: 'store', kind: 'store', logFile: join(this.directory, 'store.log') },
      args: [
        ...[ZHUMQ, 'dev', '--processes', '--brokers', '1', '--restart-after', 'never'],
        ...['--data-dir', join(this.directory, 'dev'), '-o', 'json'],
      ],
    });
    this.servers.push(server);
    await server.start();
    const [zkserver] = server.ready.zkservers as { readonly address: string }[];
    const first = Number(zkserver.address.slice(zkserver.address.lastIndexOf(':') + 1));
    server.ready = { ...server.ready, address: `${HOST}:${first + DEV_STORE_AT}` };
  }

  private async startZooKeeper(): Promise<string> {
    const env = { ...process.env, ZHUMQ_ZOOKEEPER_DIR: join(this.directory, 'zookeeper') };
    this.closers.push(() => run(ZOOKEEPER, ['stop'], { env }));
    const { stdout } = await run(ZOOKEEPER, ['start', '1'], { env, encoding: 'utf8' });
    return stdout.trim().split('\n').at(-1) ?? '';
  }
}

/** zkserver, one broker, the metrics of both, the store. */
const DEV_STORE_AT = 4;
