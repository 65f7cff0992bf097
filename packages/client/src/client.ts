// The client that programs hold: makes producers, consumers and admins over one cluster, and closes what it made.
import { Deadline, SystemClock, systemRandom } from '@zhumq/base';
import type { Clock, Random } from '@zhumq/base';
import type { Transport } from '@zhumq/rpc';
import type { Admin } from './api/admin.js';
import type { CallOptions, Client, ClientLogger, ConnectOptions } from './api/client.js';
import type {
  Consumer,
  ConsumerOptions,
  RawConsumerOptions,
  TopicsConsumerOptions,
} from './api/consumer.js';
import type { Producer, ProducerOptions } from './api/producer.js';
import { ClusterAdmin } from './admin/admin.js';
import { parseBootstrap } from './cluster/addresses.js';
import { Cluster } from './cluster/cluster.js';
import { ZhumqConsumer } from './consumer/consumer.js';
import type { MakeAssignment } from './consumer/consumer.js';
import { consumerSettings } from './consumer/consumer-settings.js';
import { ExplicitAssignment } from './consumer/explicit-assignment.js';
import { closedError } from './errors.js';
import { GroupAssignment } from './group/group-assignment.js';
import { groupSettings } from './group/group-settings.js';
import { durationOption, invalidOption } from './option-values.js';
import { producerSettings } from './producer/producer-settings.js';
import { ZhumqProducer } from './producer/producer.js';
import { sharedSignal } from './shared-signal.js';

const CLOSE_TIMEOUT = '30s';

/** What tests put in the place of the machine. */
export interface ClientEnvironment {
  readonly clock?: Clock;
  readonly random?: Random;
  /** TCP when absent. */
  readonly transport?: Transport;
}

const SILENT: ClientLogger = Object.freeze({
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
});

type AnyConsumerOptions =
  RawConsumerOptions | TopicsConsumerOptions | ConsumerOptions<unknown, unknown, unknown, unknown>;

interface Closable {
  close(options?: CallOptions): Promise<void>;
}

/** Resolves when one server answered. */
export async function connectClient(
  bootstrap: string | readonly string[],
  options: ConnectOptions,
  environment: ClientEnvironment = {},
): Promise<Client> {
  const cluster = new Cluster({
    bootstrap: parseBootstrap(bootstrap),
    connectTimeoutMs: durationOption('connectTimeout', options.connectTimeout, '10s'),
    requestTimeoutMs: durationOption('requestTimeout', options.requestTimeout, '10s'),
    metadataMaxAgeMs: durationOption('metadataMaxAge', options.metadataMaxAge, '5m'),
    logger: options.logger ?? SILENT,
    clock: environment.clock ?? new SystemClock(),
    random: environment.random ?? systemRandom(),
    transport: environment.transport,
  });
  try {
    await cluster.start(options.signal);
  } catch (error) {
    cluster.close();
    throw error;
  }
  return new ZhumqClient(cluster, options.signal);
}

class ZhumqClient implements Client {
  private readonly producers = new Set<Closable>();
  private readonly consumers = new Set<Closable>();
  private closing: Promise<void> | undefined;
  private readonly onAbort = (): void => void this.close().catch(() => undefined);

  constructor(
    private readonly cluster: Cluster,
    private readonly signal: AbortSignal | undefined,
  ) {
    if (signal !== undefined) {
      sharedSignal(signal).addEventListener('abort', this.onAbort, { once: true });
    }
    if (signal?.aborted) this.onAbort();
  }

  get clusterId(): string {
    return this.cluster.view.clusterId;
  }

  producer(options: ProducerOptions = {}): Producer {
    this.checkOpen();
    const settings = producerSettings(options);
    const producer = new ZhumqProducer(this.cluster, settings, (closed) =>
      this.producers.delete(closed),
    );
    this.producers.add(producer);
    return producer as Producer;
  }

  consumer<KeyIn, ValueIn, KeyOut, ValueOut>(
    options: ConsumerOptions<KeyIn, ValueIn, KeyOut, ValueOut>,
  ): Consumer<KeyOut, ValueOut>;
  consumer(options: RawConsumerOptions | TopicsConsumerOptions): Consumer;
  consumer(options: AnyConsumerOptions): Consumer<unknown, unknown> {
    this.checkOpen();
    const codecs =
      'topic' in options && typeof options.topic !== 'string' ? options.topic : undefined;
    const topics = topicsOf(options);
    const consumer = new ZhumqConsumer<unknown, unknown>(
      this.cluster,
      topics,
      codecs,
      this.assignmentOf(topics, options),
      (closed) => this.consumers.delete(closed),
    );
    this.consumers.add(consumer);
    return consumer;
  }

  private assignmentOf(topics: readonly string[], options: AnyConsumerOptions): MakeAssignment {
    const { cluster } = this;
    const settings = consumerSettings(options);
    const group = groupSettings(options);
    return (source, stopping, emit) =>
      group === undefined
        ? new ExplicitAssignment(cluster, topics[0], settings, source, stopping, emit)
        : new GroupAssignment(cluster, topics, group, settings, source, stopping, emit);
  }

  admin(): Admin {
    this.checkOpen();
    return new ClusterAdmin(this.cluster);
  }

  close(options: CallOptions = {}): Promise<void> {
    this.closing ??= this.closeAll(options);
    return this.closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  private async closeAll(options: CallOptions): Promise<void> {
    this.signal?.removeEventListener('abort', this.onAbort);
    const { clock } = this.cluster.options;
    const timeoutMs = durationOption('timeout', options.timeout, CLOSE_TIMEOUT);
    const deadline = Deadline.after(clock, timeoutMs);
    // Handlers that run may still send.
    await Promise.all([...this.consumers].map((consumer) => consumer.close(options)));
    await Promise.all([...this.producers].map((producer) => producer.close(options)));
    await this.cluster.end(Math.max(0, deadline.remainingMs()), options.signal);
  }

  private checkOpen(): void {
    if (this.closing !== undefined) throw closedError('client');
  }
}

function topicsOf(options: AnyConsumerOptions): readonly string[] {
  if ('topic' in options) {
    return [typeof options.topic === 'string' ? options.topic : options.topic.name];
  }
  const topics = [...new Set(options.topics)];
  if (topics.length === 0) throw invalidOption('topics', '[]', 'one topic at least');
  if ((options.group as string | undefined) !== undefined) return topics;
  throw invalidOption('topics', topics.join(', '), 'a consumer with a `group` only');
}
