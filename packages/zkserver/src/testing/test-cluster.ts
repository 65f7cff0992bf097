// For tests: zkservers and recording brokers around one embedded store, all in this process, all over real connections.
import { Metrics, SystemClock, silentLogger } from '@zhumq/base';
import { EmbeddedStore } from '@zhumq/metadata';
import type { MetadataStore } from '@zhumq/metadata';
import type { BrokerRegistration } from '@zhumq/model';
import { ReplicationMode, connectChannel, zkServerClient } from '@zhumq/rpc';
import type {
  CreateTopicRequest,
  RpcChannel,
  StoreNode,
  TopicInfo,
  ZkServerClient,
} from '@zhumq/rpc';
import { zkServerOptions } from '../options.js';
import { ZkServer } from '../zkserver.js';
import { RecordingBroker } from './recording-broker.js';

export interface RunningZkServer {
  readonly server: ZkServer;
  readonly store: MetadataStore;
  readonly client: ZkServerClient;
  readonly metrics: Metrics;
}

export class TestCluster {
  readonly embedded = new EmbeddedStore({ clock: new SystemClock() });
  private readonly closers: (() => Promise<void> | void)[] = [];

  async startZkServer(
    id: number,
    options: Record<string, unknown> = {},
    wrap: (store: MetadataStore) => MetadataStore = (store) => store,
  ): Promise<RunningZkServer> {
    const store = wrap(this.embedded.connect());
    const metrics = new Metrics();
    const server = new ZkServer({
      ...{ id, store, metrics, logger: silentLogger },
      listen: { host: '127.0.0.1', port: 0 },
      options: zkServerOptions.resolve({ flags: options }).values,
    });
    const { advertised } = await server.start();
    const channel: RpcChannel = connectChannel(advertised);
    this.closers.push(async () => {
      channel.close();
      await server.stop();
      await store.close();
    });
    return { server, store, client: zkServerClient(channel), metrics };
  }

  async startBroker(
    id: number,
    registration: Partial<BrokerRegistration> = {},
  ): Promise<RecordingBroker> {
    return this.newBroker(id, registration).start();
  }

  /** To be started by the caller. */
  newBroker(id: number, registration: Partial<BrokerRegistration> = {}): RecordingBroker {
    const broker = new RecordingBroker(this.embedded, id, registration);
    this.closers.push(() => broker.stop());
    return broker;
  }

  startBrokers(count: number): Promise<RecordingBroker[]> {
    return Promise.all(Array.from({ length: count }, (_, index) => this.startBroker(index + 1)));
  }

  async stop(): Promise<void> {
    for (const close of this.closers.reverse()) await close();
    await this.embedded.close();
  }
}

/** Waits until the condition holds; fails after `withinMs`. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  withinMs = 5000,
): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`not within ${withinMs} ms: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Until the zkserver knows that many live brokers. */
export async function untilBrokers(client: ZkServerClient, count: number): Promise<void> {
  await until(async () => {
    const { brokers } = await client.metadata({ topics: [] });
    return brokers.filter(({ alive }) => alive).length === count;
  });
}

export const topicRequest = (
  name: string,
  given: Partial<CreateTopicRequest> = {},
): CreateTopicRequest => ({
  ...{ name, partitions: 2, replicationFactor: 3, mode: ReplicationMode.RAFT, config: {} },
  dryRun: false,
  ...given,
});

export async function findTopic(
  client: ZkServerClient,
  name: string,
): Promise<TopicInfo | undefined> {
  return (await client.metadata({ topics: [name] })).topics.at(0);
}

/** Paths of the store that are there at or below a path. */
export async function pathsBelow(client: ZkServerClient, path: string): Promise<string[]> {
  return (await dump(client, path)).map((node) => node.path);
}

export async function dump(client: ZkServerClient, path: string): Promise<StoreNode[]> {
  return client.dumpStore(path);
}
