// For tests: a broker as the zkserver sees one. It registers, takes desired states over a real connection and remembers
// them; it stores nothing.
import { paths } from '@zhumq/metadata';
import type { EmbeddedStore, MetadataStore } from '@zhumq/metadata';
import { brokerRegistrationCodec, zhumqError } from '@zhumq/model';
import type { BrokerRegistration } from '@zhumq/model';
import { brokerService, createRpcServer } from '@zhumq/rpc';
import type { BrokerHandler, DesiredState, RpcServer } from '@zhumq/rpc';

export class RecordingBroker {
  readonly received: DesiredState[] = [];
  /** Refuses desired states while it is set. */
  deaf = false;
  /** Whether deletions are confirmed. */
  confirms = true;
  private server: RpcServer | undefined;
  private store: MetadataStore | undefined;
  private port = 0;

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
    this.server = createRpcServer({ services: [brokerService(this.handler())] });
    const { host, port } = await this.server.listen(this.port, '127.0.0.1');
    this.port = port;
    const registration: BrokerRegistration = {
      ...{ id: this.id, host, port, rack: '', weight: 1, incarnation: 1 },
      ...{ directoryId: String(this.id).padStart(32, '0'), clean: true },
      ...this.given,
      ...changes,
    };
    this.store = this.cluster.connect();
    const data = brokerRegistrationCodec.encode(registration);
    const created = await this.store.create(paths.liveBroker(this.id), data, { ephemeral: true });
    if (!created.ok) throw new Error(`broker ${this.id} can not register: ${created.reason}`);
    return this;
  }

  async stop(): Promise<void> {
    await this.store?.close();
    await this.server?.close(0);
  }

  private handler(): BrokerHandler {
    const refuse = (): never => {
      throw zhumqError('UNSUPPORTED', 'a recording broker stores nothing');
    };
    return {
      ...{ produce: refuse, produceOneway: refuse, pull: refuse, listOffsets: refuse },
      ...{ metadata: refuse, initProducer: refuse, describeReplicas: refuse },
      ...{ transferLeadership: refuse, replicaEnds: refuse },
      ...{ sealPartition: refuse, closePartition: refuse },
      reconcile: (state) => {
        if (this.deaf) throw zhumqError('OVERLOADED', 'deaf');
        this.received.push(state);
        return { deletedTopicIds: this.confirms ? state.tombstones.map((t) => t.topicId) : [] };
      },
    };
  }
}
