// One broker of a test: real log store on a disk that can fail, real assignments, transport, handlers and replicators;
// no metadata store, no sockets, and time that stands still until it is told to move.
import { SeededRandom, silentLogger } from '@zhumq/base';
import type { ManualClock } from '@zhumq/base';
import { FaultyFileSystem, LogStore, PartitionFactory } from '@zhumq/log';
import type { ReplicaLog } from '@zhumq/log';
import { parseTopicConfig } from '@zhumq/model';
import type { DesiredState } from '@zhumq/rpc';
import { PartitionControlHandler } from '../api/partition-control-handler.js';
import { fetchHandler } from '../api/fetch-handler.js';
import { raftHandler } from '../api/raft-handler.js';
import { Assignments } from '../membership/assignments.js';
import { DesiredStateCache } from '../membership/desired-state-cache.js';
import { FetchRequests } from '../membership/fetch-requests.js';
import { StateRequests } from '../membership/state-requests.js';
import type { ZkServerLink } from '../membership/zkserver-link.js';
import type { BrokerMetrics } from '../metrics.js';
import { logConfigOf } from '../partition/log-config.js';
import { PartitionOpener } from '../partition/partition-opener.js';
import { PartitionRegistry } from '../partition/partition-registry.js';
import type { Partition } from '../partition/partition.js';
import { fetchParts } from '../replication/fetch/fetch-parts.js';
import type { FetchParts, FetchSettings } from '../replication/fetch/fetch-parts.js';
import { FetchReplicator } from '../replication/fetch/fetch-replicator.js';
import { EndOfTick } from '../replication/end-of-tick.js';
import { Hibernation } from '../replication/raft/hibernation.js';
import { RaftReplicator } from '../replication/raft/raft-replicator.js';
import { RaftTicker } from '../replication/raft/raft-ticker.js';
import { RaftTransport } from '../replication/raft/raft-transport.js';
import { SnapshotCopier } from '../replication/snapshot-copier.js';
import type { Network } from './network.js';

export const TICK_MS = 50;
export const ELECTION_TICKS = 10;
const HEARTBEAT_TICKS = 2;
/** Mode fetch: after so long a follower leaves the ISR. */
export const LAG_MS = 2_000;
export const CLUSTER_ID = 'c'.repeat(32);

const DATA = '/data';

export class TestBroker {
  fileSystem = new FaultyFileSystem();
  /** Name of the cluster's one topic. */
  topic = 'orders';
  readonly fatal: Error[] = [];
  /** By whom what is led here was sealed, whenever a record was found to say otherwise. */
  readonly stale: (string | undefined)[] = [];
  registry = new PartitionRegistry();
  store!: LogStore;
  assignments!: Assignments;
  chunkBytes = 1 << 18;
  /** Quiet ticks before groups sleep; 0: never. */
  sleepTicks = 0;
  /** No call reaches the zkserver. */
  cutFromZkServer = false;
  alive = false;
  fetchSettings: FetchSettings = {
    'raft.tick.ms': TICK_MS,
    'replica.lag.time.max.ms': LAG_MS,
    'fetch.wait.max.ms': 500,
    'fetch.max.bytes': 1 << 20,
    'replication.throttle.bytes.per.second': 0,
    'write.pending.max.bytes': 1 << 24,
  };
  readonly fetchedBytes = { value: 0, inc: (bytes = 1) => void (this.fetchedBytes.value += bytes) };
  fetch!: FetchParts;
  private fetchRequests: FetchRequests | undefined;
  private stateRequests: StateRequests | undefined;
  private ticker: RaftTicker | undefined;
  private bootId = 'boot-1';
  private lives = 0;

  constructor(
    readonly id: number,
    private readonly clock: ManualClock,
    private readonly network: Network,
    private readonly linkTo: (broker: TestBroker) => Pick<ZkServerLink, 'callActive'>,
  ) {}

  /** Opens the data directory; partitions follow with `assignments.apply` or `resume`. */
  async start(): Promise<void> {
    this.lives++;
    this.registry = new PartitionRegistry();
    this.store = await this.openStore();
    await this.store.adoptCluster(CLUSTER_ID);
    const endOfTick = new EndOfTick(() => transport.flush());
    const transport: RaftTransport = new RaftTransport({
      brokerId: this.id,
      incarnation: this.store.incarnation,
      clusterId: () => CLUSTER_ID,
      maxBufferedBytes: 1 << 24,
      maxEnvelopeBytes: 1 << 20,
      connect: (address) => this.network.channel(this.id, address),
      schedule: () => endOfTick.schedule(),
      probeMs: 500,
      clock: this.clock,
      logger: silentLogger,
    });
    this.fetch = this.makeFetchParts(endOfTick, transport);
    const hibernation = new Hibernation({
      brokerOf: (replicaId) => transport.brokerOf(replicaId),
      sendBeat: (peer, beat) => transport.sendBeat(peer, beat),
      patience: ELECTION_TICKS / HEARTBEAT_TICKS,
    });
    this.assignments = this.makeAssignments(endOfTick, transport, hibernation);
    const { id: brokerId, registry, chunkBytes: maxChunkBytes } = this;
    const { throttle } = this.fetch;
    const clusterId = (): string => CLUSTER_ID;
    const handler = {
      brokerId,
      clusterId,
      registry,
      hibernation,
      maxChunkBytes,
      throttle,
      logger: silentLogger,
    };
    const sessions = this.fetch.waitingFollowers;
    const fetching = fetchHandler({ brokerId, clusterId, sessions, logger: silentLogger });
    this.network.handlers.set(brokerId, { ...raftHandler(handler), ...fetching });
    this.alive = true;
    this.ticker = new RaftTicker({
      ...{ registry, hibernation, clock: this.clock },
      tickMs: TICK_MS,
      heartbeatTicks: HEARTBEAT_TICKS,
    });
  }

  /** The process ends at once; what it wrote stays. */
  kill(): void {
    this.leave();
    this.fileSystem.kill();
  }

  /** Power fails; of what was not synced some is left. */
  crash(seed: number): void {
    this.leave();
    this.fileSystem.crash(new SeededRandom(seed));
    this.bootId += '+';
  }

  /** The disk is replaced by an empty one. */
  wipe(): void {
    this.kill();
    this.fileSystem = new FaultyFileSystem();
  }

  async stop(): Promise<void> {
    this.leave();
    await this.store.close();
  }

  apply(state: DesiredState): Promise<unknown> {
    return this.assignments.apply(state);
  }

  /** What the active zkserver may ask of single replicas. */
  get control(): PartitionControlHandler {
    const { id: brokerId, registry, assignments, clock, store } = this;
    const { incarnation } = store;
    return new PartitionControlHandler({ brokerId, incarnation, registry, assignments, clock });
  }

  partition(number = 0): Partition {
    return this.registry.get(this.topic, number);
  }

  log(): ReplicaLog {
    return this.partition().log;
  }

  replicator(): RaftReplicator {
    const { replicator } = this.partition();
    if (!(replicator instanceof RaftReplicator)) throw new Error('not in mode raft');
    return replicator;
  }

  fetchReplicator(): FetchReplicator {
    const { replicator } = this.partition();
    if (!(replicator instanceof FetchReplicator)) throw new Error('not in mode fetch');
    return replicator;
  }

  private leave(): void {
    this.alive = false;
    this.network.handlers.delete(this.id);
    this.fetch.close();
    this.fetchRequests?.close();
    this.stateRequests?.close();
    this.ticker?.stop();
    this.assignments.stop();
    for (const partition of this.registry.all()) partition.close();
  }

  private openStore(): Promise<LogStore> {
    const { fileSystem, clock, bootId } = this;
    const replicas = new PartitionFactory(fileSystem, {
      tailBytes: 1 << 20,
      blockCacheBytes: 1 << 20,
    });
    let ids = 0;
    return LogStore.open(
      {
        dataDirectory: DATA,
        brokerId: this.id,
        clusterId: undefined,
        walFileBytes: 1 << 16,
        checkpointBytes: 1 << 30,
        blockCacheBytes: 1 << 20,
        tailBytes: 1 << 20,
        diskReserveBytes: 1000,
        defaultConfig: logConfigOf(parseTopicConfig()),
      },
      {
        fileSystem,
        clock,
        logger: silentLogger,
        bootId,
        replicas,
        makeId: () => `${this.id}${this.lives}${++ids}`.padStart(4, '0').repeat(8),
        onFatal: (error) => this.fatal.push(error),
      },
    );
  }

  private makeFetchParts(endOfTick: EndOfTick, transport: RaftTransport): FetchParts {
    const { id: brokerId, store, registry, clock, fetchedBytes } = this;
    return fetchParts({
      ...{ brokerId, store, registry, clock, transport, endOfTick, maxFrameBytes: 1 << 24 },
      options: this.fetchSettings,
      connect: (address) => this.network.channel(brokerId, address),
      random: new SeededRandom(brokerId),
      logger: silentLogger,
      metrics: {
        fetchedBytes,
        fetchSentBytes: { inc: () => undefined },
      } as unknown as BrokerMetrics,
    });
  }

  private makeAssignments(
    endOfTick: EndOfTick,
    transport: RaftTransport,
    hibernation: Hibernation,
  ): Assignments {
    const { id: brokerId, store, registry, clock, chunkBytes } = this;
    const { incarnation } = store;
    const calls = { brokerId, incarnation, link: this.linkTo(this), clock, logger: silentLogger };
    const stateRequests = new StateRequests({
      ...calls,
      apply: (state) => assignments.apply(state),
    });
    this.stateRequests = stateRequests;
    this.fetchRequests = new FetchRequests({
      ...calls,
      brokerOf: (replicaId) => transport.brokerOf(replicaId),
      askState: () => stateRequests.ask(),
    });
    const opener = new PartitionOpener({
      store,
      timings: {
        electionTicks: ELECTION_TICKS,
        heartbeatTicks: HEARTBEAT_TICKS,
        sleepTicks: this.sleepTicks,
        maxInflightMessages: 16,
        maxInflightBytes: 1 << 20,
        maxAppendBytes: 1 << 16,
        maxUncommittedBytes: 1 << 20,
      },
      maxPendingBytes: 1 << 24,
      transport,
      hibernation,
      fetch: { ...this.fetch, zkServer: this.fetchRequests },
      installer: new SnapshotCopier({
        clientOf: (replicaId) => transport.clientOf(replicaId),
        chunkBytes,
        callTimeoutMs: 1000,
      }),
      endOfTick,
      clock,
      random: new SeededRandom(brokerId * 1000 + this.lives),
      logger: silentLogger,
      leaderContext: () => ({}),
      onEstablished: () => undefined,
      onFailed: () => undefined,
      onAwake: (partition) => registry.awaken(partition),
    });
    const assignments: Assignments = new Assignments({
      brokerId,
      store,
      registry,
      opener,
      transport,
      cache: new DesiredStateCache(this.fileSystem, DATA, this.clock, silentLogger),
      clock,
      logger: silentLogger,
      onStaleRecord: ({ replicator }) => this.stale.push(replicator.sealedBy),
    });
    return assignments;
  }
}
