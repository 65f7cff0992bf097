// A cluster whose brokers coordinate groups: real logs and state machines, topics as a zkserver would tell them.
import { randomId, silentLogger } from '@zhumq/base';
import { GROUPS_TOPIC } from '@zhumq/model';
import { ReplicationMode } from '@zhumq/rpc';
import type { ClusterMetadata, ZkServerClient } from '@zhumq/rpc';
import { CoordinatorLookup } from '../groups/coordinator-lookup.js';
import { GroupCoordinator } from '../groups/coordinator.js';
import type { GroupSettings } from '../groups/decision.js';
import { GroupTopics } from '../groups/group-topics.js';
import type { HeartbeatAnswer, HeartbeatRequest } from '../groups/heartbeat.js';
import type { TestBroker } from './test-broker.js';
import { TestCluster } from './test-cluster.js';

export const SESSION_MS = 10_000;

const SETTINGS: GroupSettings = {
  minSessionTimeoutMs: 1_000,
  maxSessionTimeoutMs: 60_000,
  heartbeatIntervalMs: 3_000,
  assigningIntervalMs: 200,
  maxMembers: 100,
  retentionMs: 60_000,
};

export class CoordinatorCluster {
  private readonly coordinators = new Map<
    TestBroker,
    { close(): void; groups: GroupCoordinator }
  >();
  /** Numbers of partitions, by name. */
  readonly topics = new Map<string, { topicId: string; partitions: number }>();
  readonly deleted = new Set<string>();
  /** Before it a zkserver answers nothing. */
  zkServerWaits: Promise<void> = Promise.resolve();
  committed = 0;
  fenced = 0;

  private constructor(readonly cluster: TestCluster) {
    for (const broker of cluster.brokers) this.serve(broker);
  }

  static async start(): Promise<CoordinatorCluster> {
    const config = { 'segment.bytes': String(1 << 16), 'retention.ms': '-1' };
    return new CoordinatorCluster(await TestCluster.start(3, { name: GROUPS_TOPIC, config }));
  }

  at(broker: TestBroker): GroupCoordinator {
    const found = this.coordinators.get(broker);
    if (found === undefined) throw new Error(`broker ${broker.id} coordinates nothing`);
    return found.groups;
  }

  /** The broker that coordinates, and its coordinator. */
  async coordinator(except: readonly number[] = []) {
    const find = (): TestBroker | undefined =>
      this.cluster.brokers.find(
        (one) => one.alive && !except.includes(one.id) && this.at(one).offices().length > 0,
      );
    await this.cluster.until(() => find() !== undefined);
    const broker = find() as TestBroker;
    return { broker, groups: this.at(broker) };
  }

  /** Waits for what is asked while time passes. */
  async settled<T>(asked: Promise<T>): Promise<T> {
    let done = false;
    const end = (): void => void (done = true);
    asked.then(end, end);
    await this.cluster.until(() => done);
    return asked;
  }

  join(groups: GroupCoordinator, change: Partial<HeartbeatRequest> = {}): Promise<HeartbeatAnswer> {
    return this.settled(groups.heartbeat('g', { ...JOIN, memberId: randomId(), ...change }));
  }

  /** The next heartbeat of a member that does what the answer says at once. */
  beat(
    groups: GroupCoordinator,
    { memberId, memberEpoch, assigned }: HeartbeatAnswer,
    change: Partial<HeartbeatRequest> = {},
  ): Promise<HeartbeatAnswer> {
    return this.join(groups, { memberId, memberEpoch, owned: assigned, ...change });
  }

  async restart(broker: TestBroker): Promise<void> {
    await broker.start();
    this.serve(broker);
    await broker.apply(this.cluster.state());
  }

  private serve(broker: TestBroker): void {
    this.coordinators.get(broker)?.close();
    const { cluster } = this;
    const { clock } = cluster;
    const zkServer = { metadata: (request: { topics?: string[] }) => this.metadata(request) };
    const link = {
      callAny: <T>(call: (client: ZkServerClient) => Promise<T>): Promise<T> =>
        call(zkServer as unknown as ZkServerClient),
      callActiveWithin: () => Promise.reject(new Error('the topic is there')),
    };
    const topics = new GroupTopics({ link, clock, inUse: () => groups.topicsInUse() });
    const brokerOf = (replicaId: string): number | undefined =>
      cluster.brokers.find(({ id }) => cluster.replicaId(id) === replicaId)?.id;
    const { registry } = broker;
    const groups: GroupCoordinator = new GroupCoordinator({
      ...{ registry, topics, clock, logger: silentLogger, settings: SETTINGS },
      lookup: new CoordinatorLookup({
        ...{ registry, link, transport: { brokerOf }, stopping: new AbortController().signal },
        brokers: () => cluster.state().brokers,
      }),
      metrics: {
        committed: (positions) => void (this.committed += positions),
        fenced: () => void this.fenced++,
      },
      deletedTopics: () => this.deleted,
    });
    const close = (): void => {
      topics.close();
      groups.close();
    };
    this.coordinators.set(broker, { close, groups });
  }

  private async metadata(request: { topics?: string[] }): Promise<ClusterMetadata> {
    await this.zkServerWaits;
    const { clusterId, brokers } = this.cluster.state();
    const all = new Map([...this.topics, [GROUPS_TOPIC, { topicId: 'g', partitions: 1 }]]);
    const topics = [...all].flatMap(([name, { topicId, partitions }]) => {
      if (request.topics?.includes(name) === false) return [];
      const infos = Array.from({ length: partitions }, (_, partition) => ({
        ...{ partition, replicas: [], leader: -1, epoch: 0, generation: 1, isr: [] },
        mode: ReplicationMode.RAFT,
      }));
      return [{ name, topicId, replicationFactor: 3, config: {}, partitions: infos }];
    });
    const rest = { zkservers: [], controller: 1, controllerEpoch: 1 };
    return { clusterId, brokers, topics, ...rest };
  }
}

const JOIN: HeartbeatRequest = {
  ...{ memberId: '', memberEpoch: undefined, instanceId: '', clientId: 'test', host: 'here' },
  ...{ topics: ['a'], sessionTimeoutMs: SESSION_MS, owned: [], leaving: false },
};
