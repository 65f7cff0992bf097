// For tests: a broker as the zkserver sees one. It registers, takes desired states over a real connection and remembers
// them; it stores nothing.
import { paths } from '@zhumq/metadata';
import type { EmbeddedStore, MetadataStore } from '@zhumq/metadata';
import { brokerRegistrationCodec, zhumqError } from '@zhumq/model';
import type { BrokerRegistration } from '@zhumq/model';
import { brokerService, createRpcServer } from '@zhumq/rpc';
import type { BrokerHandler, DesiredState, PartitionRef, ReplicaEnd, RpcServer } from '@zhumq/rpc';

export class RecordingBroker {
  readonly received: DesiredState[] = [];
  /** Refuses desired states while it is set. */
  deaf = false;
  /** Everything that it was asked for in elections. */
  readonly asked: PartitionRef[] = [];
  /** Calls that asked. */
  questions = 0;
  /** How far its replica of a partition goes; undefined: it gives no answer for it. By default: empty and whole. */
  endOf: (ref: PartitionRef) => Partial<ReplicaEnd> | undefined = () => ({});
  /** Answers nothing to elections while it is unresolved. */
  answering: Promise<void> = Promise.resolve();
  /** Served instead of being refused: read when it starts. */
  serves: Partial<BrokerHandler> = {};
  /** Whether deletions are confirmed. */
  confirms = true;
  private server: RpcServer | undefined;
  private store: MetadataStore | undefined;
  private port = 0;
  private registration: BrokerRegistration | undefined;
  incarnation = 1;

  constructor(
    private readonly cluster: EmbeddedStore,
    readonly id: number,
    private readonly given: Partial<BrokerRegistration> = {},
  ) {}

  get last(): DesiredState | undefined {
    return this.received.at(-1);
  }

  /** `<topic>-<partition>` of everything that it was told to hold. */
  get assigned(): readonly string[] {
    const { partitions = [] } = this.last ?? {};
    return partitions.map(({ topic, info }) => `${topic}-${info.partition}`).sort();
  }

  async start(changes: Partial<BrokerRegistration> = {}): Promise<this> {
    this.server = createRpcServer({
      services: [brokerService(this.handler())],
      largeMethods: { reconcile: Infinity },
    });
    const { host, port } = await this.server.listen(this.port, '127.0.0.1');
    this.port = port;
    const registration: BrokerRegistration = {
      ...{ id: this.id, host, port, rack: '', weight: 1, incarnation: 1 },
      ...{ directoryId: String(this.id).padStart(32, '0'), clean: true },
      ...this.given,
      ...changes,
    };
    this.incarnation = registration.incarnation;
    this.registration = registration;
    this.store = this.cluster.connect();
    await this.register();
    return this;
  }

  /** Again, after its session was over. */
  async register(): Promise<void> {
    if (this.store === undefined || this.registration === undefined)
      throw new Error('never started');
    const data = brokerRegistrationCodec.encode(this.registration);
    const created = await this.store.create(paths.liveBroker(this.id), data, { ephemeral: true });
    if (!created.ok) throw new Error(`broker ${this.id} can not register: ${created.reason}`);
  }

  async stop(): Promise<void> {
    await this.store?.close();
    await this.server?.close(0);
  }

  /** Nobody reaches it any more, and its session goes on. */
  async hangUp(): Promise<void> {
    await this.server?.close(0);
  }

  /** Its session is over, and the broker goes on: it was cut off. */
  expire(): void {
    if (this.store !== undefined) this.cluster.expireSession(this.store.session.token);
  }

  private async replicaEnds(refs: readonly PartitionRef[]): Promise<ReplicaEnd[]> {
    this.questions++;
    this.asked.push(...refs);
    await this.answering;
    return refs.flatMap((ref) => {
      const end = this.endOf(ref);
      return end === undefined ? [] : [{ ...this.emptyEnd(ref), ...end }];
    });
  }

  private emptyEnd({ topicId, partition }: PartitionRef): ReplicaEnd {
    const held = this.last?.partitions.find(
      (one) => one.topicId === topicId && one.info.partition === partition,
    );
    const replica = held?.info.replicas.find(({ broker }) => broker === this.id);
    return {
      ...{ topicId, partition, broker: this.id, incarnation: this.incarnation },
      ...{ replicaId: replica?.replicaId ?? '', epoch: held?.info.epoch ?? 0 },
      ...{ logEnd: { epoch: 0, offset: 0 }, tainted: false },
    };
  }

  private handler(): BrokerHandler {
    const refuse = (): never => {
      throw zhumqError('UNSUPPORTED', 'a recording broker stores nothing');
    };
    return {
      ...{ produce: refuse, produceOneway: refuse, pull: refuse, listOffsets: refuse },
      backlogs: refuse,
      ...{ metadata: refuse, initProducer: refuse, describeReplicas: refuse },
      ...{ transferLeadership: refuse },
      ...{ sealPartition: refuse, closePartition: refuse },
      replicaEnds: (refs) => this.replicaEnds(refs),
      reconcile: (state) => {
        if (this.deaf) throw zhumqError('OVERLOADED', 'deaf');
        this.received.push(state);
        return { deletedTopicIds: this.confirms ? state.tombstones.map((t) => t.topicId) : [] };
      },
      ...this.serves,
    };
  }
}
