// Several replicas, a network that the test controls, and the checker that watches them.
import { assert, SeededRandom } from '@zhumq/base';
import type { Message, RaftConfig } from '../types.js';
import { SafetyChecker } from './safety-checker.js';
import { history } from './history.js';
import { freshState, SimReplica } from './sim-replica.js';

export interface ClusterOptions {
  readonly voters: number;
  readonly learners?: number;
  readonly seed?: number;
  readonly lossy?: boolean;
  readonly config?: Partial<RaftConfig>;
  /** Logs that replicas start with, as epochs of one-record batches, by replica. */
  readonly histories?: Readonly<Record<string, readonly number[]>>;
}

export const baseConfig: RaftConfig = {
  self: '1',
  incarnation: 1,
  voters: ['1', '2', '3'],
  learners: [],
  hardState: freshState,
  commit: -1,
  electionTicks: 10,
  heartbeatTicks: 2,
  maxInflightMessages: 4,
  maxInflightBytes: 10_000,
  maxAppendBytes: 1_000,
  maxUncommittedBytes: 100_000,
};

export class SimCluster {
  readonly random: SeededRandom;
  readonly replicas = new Map<string, SimReplica>();
  readonly checker: SafetyChecker;
  network: Message[] = [];
  /** Pairs "from>to" that lose everything. */
  readonly cut = new Set<string>();
  private batchIds = 0;

  constructor(options: ClusterOptions) {
    this.random = new SeededRandom(options.seed ?? 1);
    this.checker = new SafetyChecker(() => this.all(), options.lossy);
    const ids = Array.from(
      { length: options.voters + (options.learners ?? 0) },
      (_, at) => `${at + 1}`,
    );
    const voters = ids.slice(0, options.voters);
    const learners = ids.slice(options.voters);
    for (const self of ids) {
      const past = history(options.histories?.[self] ?? []);
      const term = past.at(-1)?.epoch ?? 0;
      const hardState = { ...freshState, term };
      const config = { ...baseConfig, self, voters, learners, hardState, ...options.config };
      this.replicas.set(self, new SimReplica(config, this.random, this.world(), past));
    }
  }

  replica(id: string): SimReplica {
    const replica = this.replicas.get(id);
    assert(replica !== undefined, `no replica ${id}`);
    return replica;
  }

  all(): SimReplica[] {
    return [...this.replicas.values()];
  }

  up(): SimReplica[] {
    return this.all().filter(({ up }) => up);
  }

  leader(): SimReplica | undefined {
    const leaders = this.up().filter(({ core }) => core.role === 'leader');
    return leaders.sort((left, right) => right.core.term - left.core.term)[0];
  }

  /** Delivers one message, or loses it when its way is cut or its receiver is down. */
  deliver(message: Message): void {
    const to = this.replicas.get(message.to);
    if (to?.up !== true || this.cut.has(`${message.from}>${message.to}`)) return;
    to.step(message);
  }

  /** Delivers what matches, in order, once; the rest stays. */
  deliverWhere(matches: (message: Message) => boolean): void {
    const [now, later] = [this.network.filter(matches), this.network.filter((m) => !matches(m))];
    this.network = later;
    for (const message of now) this.deliver(message);
  }

  dropWhere(matches: (message: Message) => boolean): void {
    this.network = this.network.filter((message) => !matches(message));
  }

  /** Syncs and delivers until nothing moves. */
  stabilize(): void {
    for (let round = 0; round < 10_000; round += 1) {
      const moved = this.up().filter(
        (replica) => replica.sync !== undefined || replica.startSync(),
      );
      for (const replica of moved) replica.finishSync();
      const messages = this.network.splice(0);
      for (const message of messages) this.deliver(message);
      if (moved.length === 0 && messages.length === 0) return;
    }
    throw new Error('the cluster does not come to rest');
  }

  /** Ticks everybody, coming to rest after each tick. */
  run(ticks: number): void {
    for (let tick = 0; tick < ticks; tick += 1) {
      for (const replica of this.up()) replica.tick();
      this.stabilize();
    }
  }

  elect(id: string): void {
    this.replica(id).campaign();
    this.stabilize();
    assert(this.replica(id).core.role === 'leader', `${id} was not elected`);
  }

  isolate(id: string): void {
    for (const other of this.replicas.keys()) {
      if (other !== id) this.cut.add(`${id}>${other}`).add(`${other}>${id}`);
    }
  }

  partition(...sides: readonly (readonly string[])[]): void {
    for (const side of sides) {
      for (const id of side) {
        for (const other of this.replicas.keys())
          if (!side.includes(other)) this.cut.add(`${id}>${other}`);
      }
    }
  }

  heal(): void {
    this.cut.clear();
  }

  restart(id: string, change: Partial<RaftConfig> = {}): void {
    const replica = this.replica(id);
    replica.restart(change);
    this.checker.restarted(replica);
  }

  private world() {
    return {
      send: (message: Message) => {
        this.checker.sending(this.replica(message.from), message);
        this.network.push(message);
      },
      observe: this.checker.observe.bind(this.checker),
      nextBatchId: () => (this.batchIds += 1),
    };
  }
}
