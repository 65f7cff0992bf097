// The composition root of a broker: reads like a parts list. What the parts do stands in their own files.
import { delay, startOpsServer } from '@zhumq/base';
import type { Clock, ErrorContext, Logger, Metrics, OpsServer, Random } from '@zhumq/base';
import type { FileSystem, LogStore } from '@zhumq/log';
import type { MetadataStore } from '@zhumq/metadata';
import { zhumqError } from '@zhumq/model';
import {
  ChannelPool,
  brokerService,
  createRpcServer,
  deliveryService,
  fetchService,
  groupService,
  raftService,
  recordService,
} from '@zhumq/rpc';
import type { RpcServer, Transport } from '@zhumq/rpc';
import { LARGE_METHODS } from './api/large-methods.js';
import { brokerHandler } from './api/broker-handler.js';
import { fetchHandler } from './api/fetch-handler.js';
import { groupHandler } from './api/group-handler.js';
import { raftHandler } from './api/raft-handler.js';
import { Deliveries } from './delivery/delivery-handler.js';
import { groupParts } from './groups/group-parts.js';
import type { Groups } from './groups/group-parts.js';
import { BrokerHealth } from './health.js';
import { handLeadershipAway } from './leader-handover.js';
import { Assignments } from './membership/assignments.js';
import { readClusterId } from './membership/cluster-identity.js';
import { DesiredStateCache } from './membership/desired-state-cache.js';
import { FetchRequests } from './membership/fetch-requests.js';
import { LeaderReports } from './membership/leader-reports.js';
import { Registration } from './membership/registration.js';
import { StateRequests } from './membership/state-requests.js';
import { ZkServerLink } from './membership/zkserver-link.js';
import { openLogStore } from './log-store.js';
import { BrokerMetrics } from './metrics.js';
import type { BrokerOptions } from './options.js';
import type { Partition } from './partition/partition.js';
import { PartitionOpener } from './partition/partition-opener.js';
import type { PartitionOpenerOptions } from './partition/partition-opener.js';
import { PartitionRegistry } from './partition/partition-registry.js';
import type { MakeRecordGateway, RecordGateway } from './record-gateway.js';
import { RequestMetrics } from './request-metrics.js';
import { fetchParts } from './replication/fetch/fetch-parts.js';
import type { FetchParts } from './replication/fetch/fetch-parts.js';
import { RaftTicker } from './replication/raft/raft-ticker.js';
import { largestFrame, replicationParts } from './replication/replication-parts.js';
import type { ReplicationParts } from './replication/replication-parts.js';
import { RetentionTask } from './retention-task.js';

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

export interface BrokerConfig {
  readonly id: number;
  readonly dataDirectory: string;
  readonly listen: HostPort;
  /** What others are told; the listening address when undefined. */
  readonly advertise?: HostPort;
  /** Metrics and health; not served when undefined. */
  readonly http?: HostPort;
  readonly rack: string;
  readonly weight: number;
  readonly options: BrokerOptions;
}

/** Everything from outside. The metadata store stays the caller's. */
export interface BrokerEnvironment {
  readonly store: MetadataStore;
  readonly fileSystem: FileSystem;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** TCP when absent. */
  readonly transport?: Transport;
  /** While it is the same, the page cache survived; the kernel's when absent. */
  readonly bootId?: string;
  /** The broker can not go on (write-ahead log failed, id in use): the process must end with a non-zero code. */
  readonly onFatal: (error: Error) => void;
  /** Makes what serves record-level calls; without it there are none. */
  readonly recordGateway?: MakeRecordGateway;
}

export interface BrokerAddresses {
  readonly listening: HostPort;
  readonly advertised: HostPort;
  readonly http: HostPort | undefined;
}

/** One broker. `start` once, `stop` once. */
export class Broker {
  private readonly registry = new PartitionRegistry();
  private readonly metrics: BrokerMetrics;
  private readonly channels: ChannelPool;
  private readonly link: ZkServerLink;
  private readonly deliveries: Deliveries;
  private readonly records: RecordGateway | undefined;
  private listening: HostPort | undefined;
  private readonly stopping = new AbortController();
  private running: Running | undefined;
  private failure: Error | undefined;
  /** What a start that fails has to close, in reverse order. */
  private readonly started: (() => Promise<void> | void)[] = [];
  /** Settled when the zkserver counts this life of the broker among its members. */
  private readonly joined = deferred();

  constructor(
    private readonly config: BrokerConfig,
    private readonly environment: BrokerEnvironment,
  ) {
    const { metrics, store, clock, random, logger, transport } = environment;
    this.metrics = new BrokerMetrics(metrics);
    this.channels = new ChannelPool({ clock, random, logger, ...transport });
    const { registry, metrics: counters } = this;
    const { options } = config;
    this.deliveries = new Deliveries({ registry, clock, logger, metrics: counters, options });
    this.link = new ZkServerLink({ store, channels: this.channels, clock, random, logger });
    const address = (): HostPort => this.listening ?? config.listen;
    this.records = environment.recordGateway?.({
      ...{ options, address, clock, random, transport, logger, metrics },
    });
  }

  /**
   * Resolves when clients can connect and the cluster counts this broker as a member, so that a topic made right after
   * finds it; without a metadata store after a while all the same, because known partitions serve without one.
   */
  async start(): Promise<BrokerAddresses> {
    const store = await openLogStore(this.config, this.environment, this.metrics, (error) =>
      this.fail(error),
    );
    try {
      await this.joinCluster(store);
      this.running = await this.run(store);
    } catch (error) {
      this.stopping.abort(zhumqError('STOPPING', 'the broker could not start'));
      for (const close of this.started.reverse()) await close();
      this.channels.close();
      await store.close();
      throw error;
    }
    const { addresses } = this.running;
    const waiting = new AbortController();
    const { clock, logger } = this.environment;
    const patience = delay(clock, JOIN_PATIENCE_MS, waiting.signal).then(
      () => logger.warn({}, 'not a member of the cluster yet; serving what is known from before'),
      () => undefined,
    );
    await Promise.race([this.joined.promise, patience]);
    waiting.abort();
    return addresses;
  }

  /** What it holds; for tests that look inside, such as the simulator's invariants. */
  get partitions(): Iterable<Partition> {
    return this.registry.all();
  }

  /** Hands leadership away, then goes: nothing that was acknowledged depends on how this ends. */
  async stop(): Promise<void> {
    const { running } = this;
    if (running === undefined) return;
    this.running = undefined;
    const { logger, clock } = this.environment;
    running.health.stopping = true;
    await this.records?.close(RECORDS_GRACE_MS);
    const graceMs = this.config.options['stop.grace.ms'];
    const left = await handLeadershipAway(this.registry, clock, graceMs);
    if (left > 0 && graceMs > 0)
      logger.warn({ left }, 'stopping although partitions are still led here');
    this.stopping.abort(zhumqError('STOPPING', 'the broker is stopping'));
    await running.registration.close();
    running.reports.close();
    running.assignments.stop();
    this.deliveries.close();
    await running.assignments.saved();
    running.stateRequests.close();
    running.fetchRequests.close();
    running.retention.stop();
    running.ticker.stop();
    running.groups.close();
    for (const partition of this.registry.all()) partition.close();
    running.fetch.close();
    await running.server.close(CLOSE_GRACE_MS);
    running.replication.transport.close();
    this.channels.close();
    await running.ops?.close();
    await running.store.close();
  }

  private fail(error: Error): void {
    this.failure = error;
    // A start does not wait any longer for what can not come.
    this.joined.resolve();
    this.environment.onFatal(error);
  }

  /** A data directory belongs to one cluster for ever; a new one waits until the cluster is known. */
  private async joinCluster(logStore: LogStore): Promise<void> {
    const joined = this.adoptCluster(logStore);
    if (logStore.clusterId === '') return joined;
    // Known from an earlier life: raft groups need not wait for the metadata store. Checked when it answers.
    joined.catch((error: unknown) => {
      if (!this.stopping.signal.aborted) this.fail(error as Error);
    });
  }

  private async adoptCluster(logStore: LogStore): Promise<void> {
    const { store, clock, logger } = this.environment;
    const { signal } = this.stopping;
    await logStore.adoptCluster(await readClusterId({ store, clock, logger, signal }));
  }

  private async run(store: LogStore): Promise<Running> {
    const { config, environment, registry, link } = this;
    const { clock, random, logger } = environment;
    const { id: brokerId, options } = config;
    const replication = replicationParts({
      ...environment,
      brokerId,
      store,
      options,
      metrics: this.metrics,
      tcp: environment.transport,
    });
    const reports = new LeaderReports({
      brokerId,
      incarnation: store.incarnation,
      link,
      clock,
      logger,
    });
    const fetch = this.fetchParts(store, replication);
    const fetchRequests = new FetchRequests({
      ...{ brokerId, incarnation: store.incarnation, link, clock, logger },
      brokerOf: (replicaId) => replication.transport.brokerOf(replicaId),
      askState: () => stateRequests.ask(),
      onIsrChanged: (before, after) => this.metrics.isrChanged(before, after),
    });
    const parts = { ...replication, fetch: { ...fetch, zkServer: fetchRequests } };
    const assignments = this.assignments(store, parts, reports);
    const stateRequests = new StateRequests({
      ...{ brokerId, incarnation: store.incarnation, link, clock, logger },
      apply: (state) => assignments.apply(state),
    });
    const groups = groupParts({
      ...{ registry, link, clock, logger, options, assignments, metrics: this.metrics },
      transport: replication.transport,
      stopping: this.stopping.signal,
    });
    const server = this.server(store, replication, fetch, assignments, groups);
    this.started.push(
      () => replication.transport.close(),
      () => fetch.close(),
      () => {
        for (const partition of registry.all()) partition.close();
      },
      ...[fetchRequests, stateRequests, reports].map((part) => () => part.close()),
      () => assignments.stop(),
      () => groups.close(),
    );
    const listening = await server.listen(config.listen.port, config.listen.host);
    this.listening = listening;
    this.started.push(() => server.close(0));
    const advertised = advertisedAddress(config, listening);
    await assignments.resume();
    const registration = new Registration({
      store: environment.store,
      registration: {
        id: brokerId,
        ...advertised,
        rack: config.rack,
        weight: config.weight,
        incarnation: store.incarnation,
        directoryId: store.directoryId,
        clean: store.cleanStart,
      },
      sessionTimeoutMs: options['session.timeout'],
      clock,
      random,
      logger,
      onRegistered: () => stateRequests.ask(),
      onConflict: (error) => this.fail(error),
    });
    this.started.push(() => registration.close());
    const health = new BrokerHealth({
      registry,
      store,
      registration,
      assignments,
      failure: () => this.failure,
    });
    this.metrics.watch(health);
    const ops = await this.serveOps(health);
    return {
      store,
      replication,
      fetch,
      fetchRequests,
      groups,
      stateRequests,
      reports,
      assignments,
      registration,
      health,
      server,
      ops,
      ticker: new RaftTicker({
        ...{ registry, clock, hibernation: replication.hibernation },
        tickMs: options['raft.tick.ms'],
        heartbeatTicks: options['raft.heartbeat.ticks'],
      }),
      retention: new RetentionTask({
        ...{ registry, clock, logger, periodMs: options['retention.check.ms'] },
        isInTransition: (topicId, partition) => assignments.isInTransition(topicId, partition),
      }),
      addresses: { listening, advertised, http: ops && { host: ops.host, port: ops.port } },
    };
  }

  private fetchParts(store: LogStore, { transport, endOfTick }: ReplicationParts): FetchParts {
    const { config, environment, registry, metrics } = this;
    const { id: brokerId, options } = config;
    const maxFrameBytes = largestFrame(options);
    const parts = { brokerId, options, store, registry, transport, endOfTick, maxFrameBytes };
    return fetchParts({ ...environment, ...parts, tcp: environment.transport, metrics });
  }

  private assignments(
    store: LogStore,
    replication: ReplicationParts & Pick<PartitionOpenerOptions, 'fetch'>,
    reports: LeaderReports,
  ): Assignments {
    const { registry, environment, config } = this;
    const { clock, random, logger } = environment;
    const { transport } = replication;
    const opener = new PartitionOpener({
      ...replication,
      maxPendingBytes: config.options['write.pending.max.bytes'],
      store,
      clock,
      random,
      logger,
      leaderContext: (replicaId): ErrorContext =>
        leaderContext(assignments, replication, replicaId),
      onEstablished: (partition) => {
        this.metrics.becameLeader();
        reports.add(partition);
      },
      onFailed: (partition, error) =>
        logger.error({ err: error, ...partition.name }, 'replica is out of service'),
      onAwake: (partition) => registry.awaken(partition),
    });
    const assignments: Assignments = new Assignments({
      brokerId: config.id,
      store,
      registry,
      opener,
      transport,
      cache: new DesiredStateCache(environment.fileSystem, config.dataDirectory, clock, logger),
      clock,
      logger,
      onStaleRecord: (partition) => reports.add(partition),
      onApplied: ({ brokers }) => {
        const isMember = brokers.some(
          ({ endpoint, incarnation, alive }) =>
            alive && endpoint.id === config.id && incarnation === store.incarnation,
        );
        if (isMember) this.joined.resolve();
      },
    });
    return assignments;
  }

  private server(
    store: LogStore,
    { transport, hibernation }: ReplicationParts,
    { waitingFollowers: sessions, throttle }: FetchParts,
    assignments: Assignments,
    { coordinator }: Groups,
  ): RpcServer {
    const { registry, link, metrics, config, environment } = this;
    const { clock, logger } = environment;
    const { id: brokerId, options } = config;
    const parts = { brokerId, options, registry, transport, assignments, link, clock, metrics };
    const maxChunkBytes = options['snapshot.chunk.bytes'];
    const clusterId = (): string => store.clusterId;
    return createRpcServer({
      services: [
        brokerService(
          brokerHandler({
            ...parts,
            incarnation: store.incarnation,
            stopping: this.stopping.signal,
          }),
        ),
        raftService(
          raftHandler({
            ...{ brokerId, clusterId, registry, hibernation },
            ...{ maxChunkBytes, throttle, logger },
          }),
        ),
        fetchService(fetchHandler({ brokerId, clusterId, sessions, logger })),
        deliveryService(this.deliveries.handler()),
        groupService(groupHandler(brokerId, coordinator)),
        ...(this.records === undefined ? [] : [recordService(this.records.handler)]),
      ],
      limits: {
        maxFrameBytes: largestFrame(options),
        maxConnections: options['connections.max'],
      },
      largeMethods: LARGE_METHODS,
      logger,
      clock,
      metrics: new RequestMetrics(environment.metrics),
      ...environment.transport,
    });
  }

  private async serveOps(health: BrokerHealth): Promise<OpsServer | undefined> {
    const { http } = this.config;
    if (http === undefined) return undefined;
    const { metrics, logger } = this.environment;
    return startOpsServer({ ...http, metrics, logger, ...health.reports() });
  }
}

interface Deferred {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
}

function deferred(): Deferred {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((settle) => (resolve = settle));
  return { promise, resolve };
}

/** What runs between start and stop. */
interface Running {
  readonly store: LogStore;
  readonly replication: ReplicationParts;
  readonly fetch: FetchParts;
  readonly fetchRequests: FetchRequests;
  readonly groups: Groups;
  readonly stateRequests: StateRequests;
  readonly reports: LeaderReports;
  readonly assignments: Assignments;
  readonly ticker: RaftTicker;
  readonly retention: RetentionTask;
  readonly registration: Registration;
  readonly health: BrokerHealth;
  readonly server: RpcServer;
  readonly ops: OpsServer | undefined;
  readonly addresses: BrokerAddresses;
}

/** How long a start waits to become a member. */
const JOIN_PATIENCE_MS = 10_000;
/** Requests under way when the server closes. */
const CLOSE_GRACE_MS = 1_000;
/** To flush and to leave groups for those that use the record-level API. */
const RECORDS_GRACE_MS = 2_000;

function advertisedAddress({ advertise }: BrokerConfig, listening: HostPort): HostPort {
  if (advertise === undefined) return listening;
  return { host: advertise.host, port: advertise.port === 0 ? listening.port : advertise.port };
}

function leaderContext(
  assignments: Assignments,
  { transport }: ReplicationParts,
  replicaId: string | undefined,
): ErrorContext {
  const broker = replicaId === undefined ? undefined : transport.brokerOf(replicaId);
  const info = assignments.state?.brokers.find(({ endpoint }) => endpoint.id === broker);
  if (broker === undefined || info === undefined) return {};
  return { leader: broker, host: info.endpoint.host, port: info.endpoint.port };
}
