// The zkserver's part in a test of mode fetch, played by a script: one record, changed as the protocol says, by the brokers'
// calls or by the test. Calls reach it while it is `reachable`; answers may be lost.
import { delay } from '@zhumq/base';
import type { ManualClock } from '@zhumq/base';
import { zhumqError } from '@zhumq/model';
import type { ErrorCode } from '@zhumq/model';
import { failureOf } from '@zhumq/rpc';
import type {
  DesiredState,
  IsrChange,
  IsrChangeResult,
  LeaderReport,
  PartitionInfo,
  ZkServerClient,
} from '@zhumq/rpc';
import type { TestBroker } from './test-broker.js';
import type { TestCluster } from './test-cluster.js';

/** What the record of the one partition says in mode fetch. */
export interface FetchRecord {
  version: number;
  epoch: number;
  /** Broker id; -1: nobody. */
  leader: number;
  leaderIncarnation: number;
  /** Broker ids. */
  isr: readonly number[];
  lossEpoch: number;
}

export class TestZkServer {
  reachable = true;
  /** The next answer to a change of the ISR gets lost after the change was made. */
  loseAnswer = false;
  readonly changes: IsrChange[] = [];
  readonly resigned: LeaderReport[] = [];
  record: FetchRecord = {
    version: 0,
    epoch: 0,
    leader: -1,
    leaderIncarnation: -1,
    isr: [],
    lossEpoch: 0,
  };

  constructor(
    private readonly cluster: TestCluster,
    private readonly clock: ManualClock,
  ) {}

  /** The fields of a PartitionInfo that it decides. */
  get info(): Partial<PartitionInfo> {
    const { isr, ...record } = this.record;
    return { ...record, isr: isr.map((id) => this.cluster.replicaId(id)) };
  }

  /** As a broker calls it. */
  link(broker: TestBroker) {
    const client = {
      changeIsr: (changes: readonly IsrChange[]) => this.changeIsr(changes),
      resignLeaders: (reports: readonly LeaderReport[]) => this.resign(reports),
      desiredState: () => Promise.resolve(this.cluster.state()),
      electLeader: (_topic: string, _partition: number, id: number) => this.elect(id),
    } as unknown as ZkServerClient;
    return {
      callActive: async <T>(call: (to: ZkServerClient) => Promise<T>, signal: AbortSignal) => {
        while (!this.reachable || broker.cutFromZkServer) await delay(this.clock, 100, signal);
        signal.throwIfAborted();
        return call(client);
      },
    };
  }

  /** Makes a broker lead the next epoch, and tells everybody who can be told. */
  async elect(id: number, change: Partial<FetchRecord> = {}): Promise<void> {
    const { record, cluster } = this;
    this.record = {
      ...record,
      version: record.version + 1,
      epoch: record.epoch + 1,
      leader: id,
      leaderIncarnation: cluster.broker(id).store.incarnation,
      ...change,
    };
    await cluster.tellAll();
  }

  private changeIsr(changes: readonly IsrChange[]): Promise<IsrChangeResult[]> {
    this.changes.push(...changes);
    const results = changes.map((change) => this.changeOne(change));
    if (!this.loseAnswer) return Promise.resolve(results);
    this.loseAnswer = false;
    return Promise.reject(zhumqError('CONNECTION_LOST', 'the answer got lost'));
  }

  private changeOne(change: IsrChange): IsrChangeResult {
    const { record, cluster } = this;
    const refusal = this.refusalOf(change);
    if (refusal === undefined) {
      const ids = cluster.brokers.map(({ id }) => id);
      const isr = change.isr.map(({ replicaId }) =>
        ids.find((id) => cluster.replicaId(id) === replicaId),
      );
      this.record = { ...record, version: record.version + 1, isr: isr as number[] };
    }
    const [assignment] = (cluster.state() as DesiredState).partitions;
    const failure = refusal && failureOf(zhumqError(refusal, 'refused'));
    return { assignment, failure };
  }

  private refusalOf(change: IsrChange): ErrorCode | undefined {
    const { record, cluster } = this;
    const { version, epoch, broker, incarnation } = change;
    if (version !== record.version || epoch !== record.epoch) return 'STALE_EPOCH';
    if (broker !== record.leader || incarnation !== record.leaderIncarnation) return 'STALE_EPOCH';
    const isOld = ({ replicaId, incarnation: life }: IsrChange['isr'][number]): boolean =>
      cluster.brokers.some(
        ({ id, store }) =>
          cluster.replicaId(id) === replicaId && life !== -1 && life !== store.incarnation,
      );
    return change.isr.some(isOld) ? 'STALE_INCARNATION' : undefined;
  }

  private async resign(reports: readonly LeaderReport[]): Promise<void> {
    this.resigned.push(...reports);
    await Promise.resolve();
  }
}
