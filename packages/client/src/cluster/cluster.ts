// The cluster as producers, consumers and admins use it: topics, leaders, connections. Learns from failures; repeats no
// call itself.
import { Deadline, formatHostPort } from '@zhumq/base';
import type { Clock, HostPort, Random, ZhumqError } from '@zhumq/base';
import { isError, zhumqError } from '@zhumq/model';
import { ChannelPool, brokerClient, connectChannel, zkServerClient } from '@zhumq/rpc';
import type {
  BrokerClient,
  ChannelOptions,
  ClusterMetadata,
  RpcChannel,
  Transport,
  ZkServerClient,
} from '@zhumq/rpc';
import type { ClientLogger } from '../api/client.js';
import { asZhumqError, closedError } from '../errors.js';
import { retrying, withinSignal } from '../retry.js';
import { ClusterView } from './cluster-view.js';
import type { BrokerAddress } from './cluster-view.js';
import { LastingRefusals } from './lasting-refusals.js';
import { MetadataRefresher } from './metadata-refresher.js';
import { MetadataSources } from './metadata-sources.js';
import { SilentLeaders } from './silent-leaders.js';
import type { LedRequest, Watched } from './silent-leaders.js';
import type { TopicView } from './topic-view.js';
import { sharedController } from '../shared-signal.js';

export interface ClusterOptions {
  readonly bootstrap: readonly HostPort[];
  readonly connectTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly metadataMaxAgeMs: number;
  readonly logger: ClientLogger;
  readonly clock: Clock;
  readonly random: Random;
  /** TCP when undefined. */
  readonly transport?: Transport | undefined;
}

/** A topic that no server knows is asked for again for so long: the news of a new one may be on their way. */
const UNKNOWN_TOPIC_MS = 3000;
const CONNECT_ATTEMPT_MS = 3000;
/** Errors that say that another server is to be asked. */
const MOVED: ReadonlySet<string> = new Set([
  ...['NOT_LEADER', 'LEADER_NOT_AVAILABLE', 'LEADERSHIP_LOST', 'UNKNOWN_TOPIC', 'REPLICA_FAILED'],
  ...['UNKNOWN_PARTITION', 'STALE_GENERATION', 'STOPPING', 'CONNECTION_LOST'],
  ...['CONNECTION_REFUSED', 'TIMEOUT'],
]);

export class Cluster {
  readonly view = new ClusterView();
  private readonly channelOptions: Omit<ChannelOptions, 'host' | 'port'>;
  private readonly calls: ChannelPool;
  /** Long polls have connections of their own: they must not hold up what is quick. */
  private readonly pulls: ChannelPool;
  private readonly sources: MetadataSources;
  private readonly refresher: MetadataRefresher;
  private readonly silentLeaders: SilentLeaders;
  private readonly clients = new WeakMap<RpcChannel, BrokerClient>();
  private readonly listeners = new Set<() => void>();
  private readonly refusals = new LastingRefusals();
  private readonly stopped = sharedController();
  /** This client has changed something through the active zkserver: only there the change is sure to be seen. */
  private hasChanged = false;

  constructor(readonly options: ClusterOptions) {
    const { clock, random, requestTimeoutMs } = options;
    this.channelOptions = {
      ...options.transport,
      clock,
      random,
      callTimeoutMs: requestTimeoutMs,
      connectTimeoutMs: Math.min(CONNECT_ATTEMPT_MS, requestTimeoutMs),
      backoff: { minMs: 20, maxMs: 500 },
    };
    this.calls = new ChannelPool(this.channelOptions);
    this.pulls = new ChannelPool(this.channelOptions);
    this.sources = new MetadataSources(this.calls, clock);
    const fetch = (topics: ReadonlySet<string>): Promise<boolean> => this.fetch(topics);
    this.refresher = new MetadataRefresher(fetch, clock, random, this.stopped.signal);
    this.silentLeaders = new SilentLeaders({
      ...{ view: this.view, clock, random },
      ask: (address, topics) => this.askLeaders(address, topics),
      avoid: (address) => this.sources.avoid(address),
    });
  }

  /** Reaches one server. Rejects with CONNECTION_REFUSED, saying why, address by address. */
  async start(signal: AbortSignal | undefined): Promise<void> {
    const { clock, random, connectTimeoutMs, bootstrap } = this.options;
    const names = bootstrap.map(formatHostPort).join(', ');
    let last: ZhumqError | undefined;
    let outOfTime: () => void = () => undefined;
    const timeout = new Promise<never>((_resolve, reject) => {
      outOfTime = () => {
        const why = last?.message ?? 'no server answered';
        const text = `could not connect to ${names} within ${connectTimeoutMs} ms: ${why}; check the addresses and that the servers run`;
        reject(
          zhumqError('CONNECTION_REFUSED', text, { addresses: names, connectTimeoutMs }, last),
        );
      };
    });
    const timer = clock.after(connectTimeoutMs, () => outOfTime());
    const connecting = retrying(() => this.refresh([]), {
      clock,
      random,
      deadline: Deadline.after(clock, Infinity),
      signal: this.stopped.signal,
      failing: 'connecting',
      onFailure: (error) => (last = error),
    });
    try {
      await withinSignal(Promise.race([connecting, timeout]), signal);
    } finally {
      timer.cancel();
    }
  }

  get closed(): boolean {
    return this.stopped.signal.aborted;
  }

  /** What is known of a topic; news older than `maxAgeMs` are brought up to date in the background. */
  topic(name: string, maxAgeMs = this.options.metadataMaxAgeMs): TopicView | undefined {
    const topic = this.view.topic(name);
    if (topic === undefined) return undefined;
    const age = this.options.clock.monotonicMs() - topic.refreshedAtMs;
    if (age > maxAgeMs) {
      topic.refreshedAtMs = this.options.clock.monotonicMs();
      this.refresh([name]).catch(() => undefined);
    }
    return topic;
  }

  /** Asks until the topic is known, at most until the deadline. Rejects with UNKNOWN_TOPIC, TIMEOUT, ABORTED. */
  async loadTopic(name: string, deadline: Deadline, signal?: AbortSignal): Promise<TopicView> {
    const { clock, random } = this.options;
    const unknownUntil = deadline.within(UNKNOWN_TOPIC_MS);
    const attempt = async (): Promise<TopicView> => {
      const known = this.topic(name);
      if (known !== undefined) return known;
      await this.refresh([name]);
      const topic = this.view.topic(name);
      if (topic !== undefined) return topic;
      if (!unknownUntil.expired) throw unknownTopic(name);
      throw new UnknownTopicForGood(unknownTopic(name));
    };
    const failing = `topic ${name} could not be looked up`;
    try {
      const load = retrying(attempt, { clock, random, deadline, signal, failing });
      return await withinSignal(load, signal);
    } catch (error) {
      const cause = error instanceof Error ? error.cause : undefined;
      if (cause instanceof UnknownTopicForGood) throw cause.error;
      throw isError(error, 'TIMEOUT') && isError(cause, 'UNKNOWN_TOPIC') ? cause : error;
    }
  }

  leaderOf(topic: string, partition: number): BrokerAddress | undefined {
    const leader = this.topic(topic)?.partitions[partition]?.leader ?? -1;
    return leader < 0 ? undefined : this.view.broker(leader);
  }

  /** Asks for news; resolves when they are there. */
  refresh(topics: Iterable<string>): Promise<void> {
    if (this.closed) return Promise.reject(closedError('client'));
    return this.refresher.refresh(topics);
  }

  /** Called after each change of what is known; returns what removes the listener. */
  onChange(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  /** The broker for everything that is answered soon. */
  broker(address: HostPort): BrokerClient {
    return this.clientOf(this.calls.channel(address));
  }

  /** The broker for long polls. */
  pullBroker(address: HostPort): BrokerClient {
    return this.clientOf(this.pulls.channel(address));
  }

  /** A connection of its own, over which the other side may call, too. Who dials closes it. */
  dial({ host, port }: HostPort, options: Pick<ChannelOptions, 'services' | 'onLost'>): RpcChannel {
    return connectChannel({ ...this.channelOptions, ...options, host, port });
  }

  /** The connection under broker(). */
  channel(address: HostPort): RpcChannel {
    return this.calls.channel(address);
  }

  /** The connection under pullBroker(). */
  pullChannel(address: HostPort): RpcChannel {
    return this.pulls.channel(address);
  }

  /** Watches over a request to a leader until it is given to requestEnded(): the leader may be frozen. */
  watch(request: LedRequest): Watched {
    return this.silentLeaders.watch(request);
  }

  requestEnded(watched: Watched): void {
    this.silentLeaders.ended(watched);
  }

  zkserver(address: HostPort): ZkServerClient {
    return zkServerClient(this.calls.channel(address));
  }

  /** Learns from a failure of a partition at a broker: who leads now, or that it is to be asked. */
  partitionFailed(
    topic: string,
    partition: number,
    broker: BrokerAddress,
    error: ZhumqError,
  ): void {
    if (!MOVED.has(error.code)) return this.refused(topic, partition, broker, error);
    this.view.doubtLeader(topic, partition, broker.id);
    const leader = error.code === 'NOT_LEADER' ? leaderIn(error) : undefined;
    if (leader !== undefined && leader.id !== broker.id) {
      this.view.applyHint(topic, partition, leader);
      this.changed();
    }
    this.refresh([topic]).catch(() => undefined);
  }

  /** A call got no answer: the connection may be dead without knowing it, and the next call needs a fresh one. */
  callFailed(address: HostPort, error: ZhumqError, kind: 'call' | 'pull'): void {
    if (this.closed || error.code !== 'TIMEOUT') return;
    this.options.logger.warn({ address: formatHostPort(address) }, 'no answer: connecting anew');
    (kind === 'call' ? this.calls : this.pulls).drop(address);
  }

  /** Ends all connections at once. */
  close(): void {
    this.stopped.abort();
    this.silentLeaders.stop();
    this.calls.close();
    this.pulls.close();
    this.listeners.clear();
  }

  /** Ends all connections, after what nobody answers has left. Rejects when it is known that some of it was dropped. */
  async end(withinMs: number, signal: AbortSignal | undefined): Promise<void> {
    this.stopped.abort();
    this.silentLeaders.stop();
    this.listeners.clear();
    this.pulls.close();
    try {
      await withinSignal(this.calls.end(withinMs), signal);
    } finally {
      this.calls.close();
    }
  }

  /** It says that it leads. When it refuses for long, the others are asked: it may be cut off from them. */
  private refused(
    topic: string,
    partition: number,
    broker: BrokerAddress,
    error: ZhumqError,
  ): void {
    const nowMs = this.options.clock.monotonicMs();
    if (!error.retriable || !this.refusals.refused(topic, partition, broker.id, nowMs)) return;
    this.sources.avoid(broker);
    this.refresh([topic]).catch(() => undefined);
  }

  private clientOf(channel: RpcChannel): BrokerClient {
    let client = this.clients.get(channel);
    if (client === undefined) {
      client = brokerClient(channel);
      this.clients.set(channel, client);
    }
    return client;
  }

  /** To be called after each change that the active zkserver has made for this client. */
  changeWasMade(): void {
    this.hasChanged = true;
  }

  /**
   * The answer of one server as it is, for people; all topics when none is named. What this client has changed before is
   * in it, unless the active zkserver does not answer now: others hear of changes a moment later.
   */
  async fetchMetadata(topics: readonly string[] | undefined): Promise<ClusterMetadata> {
    const first = this.hasChanged ? this.view.activeZkServer : undefined;
    const isStale = ({ controllerEpoch }: ClusterMetadata): boolean =>
      controllerEpoch < this.view.controllerEpoch;
    let metadata = await this.sources.ask(this.addresses(), topics, first);
    if (first !== undefined && isStale(metadata)) {
      // It has lost the metadata store, say; the brokers still know what it was before.
      const isFirst = (one: HostPort): boolean => formatHostPort(one) === formatHostPort(first);
      const others = this.addresses().filter((one) => !isFirst(one));
      metadata = await this.sources.ask(others, topics);
    }
    if (!isStale(metadata)) return this.view.newest(metadata);
    throw zhumqError('STALE_CONTROLLER', 'the server that answered lags behind the others');
  }

  private async fetch(topics: ReadonlySet<string>): Promise<boolean> {
    const metadata = await this.sources.ask(this.addresses(), [...topics]);
    if (this.closed) throw closedError('client');
    const { changed } = this.view.apply(metadata, topics, this.options.clock.monotonicMs());
    this.changed();
    return changed;
  }

  /** What one server knows of the leaders, which may be more than the controller does. */
  private async askLeaders(address: HostPort, topics: readonly string[]): Promise<void> {
    const metadata = await this.sources.askOne(address, topics);
    if (this.closed) return;
    const { view } = this;
    const { changed } =
      metadata.controllerEpoch < view.controllerEpoch
        ? view.applyLeaders(metadata)
        : view.apply(metadata, [], this.options.clock.monotonicMs());
    if (changed) this.changed();
  }

  private changed(): void {
    this.silentLeaders.viewChanged();
    for (const listener of this.listeners) listener();
  }

  /** All servers that are known to live, and those that the program named. */
  private addresses(): HostPort[] {
    const { brokers, zkservers } = this.view;
    const alive = brokers.filter((broker) => broker.alive).map(({ endpoint }) => endpoint);
    const all = [...alive, ...zkservers, ...this.options.bootstrap];
    return [...new Map(all.map((address) => [formatHostPort(address), address])).values()];
  }
}

/** Ends the retrying of an error that is retriable by its kind. */
class UnknownTopicForGood extends Error {
  constructor(readonly error: ZhumqError) {
    super(error.message);
  }
}

function unknownTopic(topic: string): ZhumqError {
  const message = `topic ${topic} does not exist; create it, or check its name`;
  return zhumqError('UNKNOWN_TOPIC', message, { topic });
}

/** The leader that NOT_LEADER names, if it does; values of a context are strings after the wire. */
function leaderIn(error: ZhumqError): BrokerAddress | undefined {
  const { leader, host, port } = asZhumqError(error).context;
  const id = Number(leader ?? NaN);
  const valid = Number.isInteger(id) && id >= 0 && typeof host === 'string' && Number(port) > 0;
  return valid ? { id, host, port: Number(port) } : undefined;
}
