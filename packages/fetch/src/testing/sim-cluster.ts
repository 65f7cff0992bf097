// Several replicas, a zkserver, a network and calls that the test controls, and the checker that watches them.
import { assert, SeededRandom } from '@zhumq/base';
import type { Effect, Epoch, FetchConfig, PartitionState, ReplicaId } from '../types.js';
import { history } from './history.js';
import { SafetyChecker } from './safety-checker.js';
import type { SimMessage } from './sim-replica.js';
import { SimReplica } from './sim-replica.js';
import type { EndAnswer, Proposal } from './sim-zkserver.js';
import { SimZkserver } from './sim-zkserver.js';

export interface ClusterOptions {
  readonly replicas: number;
  readonly seed?: number;
  readonly minInsyncReplicas?: number;
  /** Only a sync makes durable; otherwise a write does, and a power loss taints. */
  readonly fsync?: boolean;
  readonly config?: Partial<FetchConfig>;
  /** Logs that replicas start with, as epochs of one-record batches, by replica. */
  readonly histories?: Readonly<Record<string, readonly number[]>>;
  /** Epoch before the first election; at least the last of the histories. */
  readonly epoch?: Epoch;
}

export const baseConfig: FetchConfig = {
  self: '1',
  incarnation: 1,
  tainted: false,
  highWatermark: 0,
  durableEnd: 0,
  syncedEnd: 0,
  lagTicks: 10,
  retryTicks: 3,
};

/** A call to the zkserver that it has not carried out yet. */
interface ProposalCall {
  readonly from: ReplicaId;
  readonly incarnation: number;
  readonly proposal: Proposal;
  /** The caller waits no more. */
  abandoned: boolean;
}

/** A state on its way to a replica, perhaps as the answer to a proposal. */
interface Notice {
  readonly to: ReplicaId;
  readonly incarnation: number;
  readonly state: PartitionState;
  readonly settles: number | undefined;
}

export class SimCluster {
  readonly random: SeededRandom;
  readonly replicas = new Map<ReplicaId, SimReplica>();
  readonly zkserver: SimZkserver;
  readonly checker: SafetyChecker;
  network: { from: ReplicaId; message: SimMessage }[] = [];
  proposals: ProposalCall[] = [];
  notices: Notice[] = [];
  copies: { to: ReplicaId; incarnation: number; from: ReplicaId; epoch: Epoch }[] = [];
  /** Last epoch whose leader gave it up. */
  resigned: Epoch = 0;
  /** Pairs "from>to" that lose everything. */
  readonly cut = new Set<string>();
  private batchIds = 1_000_000;

  constructor(options: ClusterOptions) {
    const { replicas: count, histories = {}, minInsyncReplicas = 1, fsync = true } = options;
    this.random = new SeededRandom(options.seed ?? 1);
    const ids = Array.from({ length: count }, (_, at) => `${at + 1}`);
    this.zkserver = new SimZkserver(ids, minInsyncReplicas, options.epoch);
    this.checker = new SafetyChecker(this.replicas, this.zkserver);
    for (const self of ids) {
      const past = history(histories[self] ?? []);
      const ends = { durableEnd: past.length, syncedEnd: past.length };
      const config = { ...baseConfig, self, ...ends, ...options.config };
      this.replicas.set(self, new SimReplica(config, fsync, this.world(), past));
    }
  }

  replica(id: ReplicaId): SimReplica {
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

  /** The leader that the zkserver means, if it knows of it. */
  leader(): SimReplica | undefined {
    const { epoch } = this.zkserver.state;
    return this.up().find(({ core }) => core.role === 'leader' && core.epoch === epoch);
  }

  leaders(): SimReplica[] {
    return this.up().filter(({ core }) => core.role === 'leader');
  }

  // ---- network
  deliverAt(at: number): void {
    const [sent] = this.network.splice(at, 1);
    if (sent === undefined) return;
    const to = this.replicas.get(sent.message.to);
    if (to?.up !== true || this.cut.has(`${sent.from}>${sent.message.to}`)) return;
    to.deliver(sent.message);
  }

  isolate(id: ReplicaId): void {
    for (const other of this.replicas.keys()) {
      if (other !== id) this.cut.add(`${id}>${other}`).add(`${other}>${id}`);
    }
  }

  heal(): void {
    this.cut.clear();
  }

  // ---- zkserver
  /** Tells these replicas of the present state; all when none is named. */
  announce(...ids: ReplicaId[]): void {
    for (const id of ids.length === 0 ? this.replicas.keys() : ids) {
      this.notify(id, this.zkserver.state);
    }
  }

  notify(to: ReplicaId, state: PartitionState, settles?: number): void {
    this.notices.push({ to, incarnation: this.replica(to).incarnation, state, settles });
  }

  deliverNotice(at: number): void {
    const [notice] = this.notices.splice(at, 1);
    const to = notice === undefined ? undefined : this.replica(notice.to);
    if (notice === undefined || to?.up !== true || to.incarnation !== notice.incarnation) return;
    to.assign(notice.state);
    const { settles } = notice;
    if (settles === undefined) return;
    to.input((core) => {
      core.proposalSettled(settles);
    });
  }

  /** A call that never comes; an answer that is lost leaves the outcome of a proposal unknown. */
  loseNotice(at: number): void {
    const [notice] = this.notices.splice(at, 1);
    if (notice?.settles !== undefined) {
      this.outcomeUnknown(notice.to, notice.incarnation, notice.settles);
    }
  }

  /** The caller gives up waiting; the call may be carried out all the same, now or much later. */
  abandonProposal(at: number): void {
    const call = this.proposals[at];
    if (call === undefined || call.abandoned) return;
    call.abandoned = true;
    this.outcomeUnknown(call.from, call.incarnation, call.proposal.id);
  }

  carryOutProposal(at: number): void {
    const [call] = this.proposals.splice(at, 1);
    if (call === undefined) return;
    const { from, incarnation, proposal, abandoned } = call;
    const done = this.zkserver.changeIsr(from, incarnation, proposal);
    if (done) this.announce();
    if (!abandoned && this.replica(from).incarnation === incarnation) {
      this.notify(from, this.zkserver.state, proposal.id);
    }
  }

  get mustElect(): boolean {
    const { leader, epoch } = this.zkserver.state;
    if (leader === undefined || this.resigned >= epoch) return true;
    const replica = this.replica(leader.replica);
    return !replica.up || replica.incarnation !== leader.incarnation;
  }

  /** The answers of the live electors among `ids`. */
  ask(ids: readonly ReplicaId[] = [...this.replicas.keys()]): EndAnswer[] {
    const asked = this.zkserver.electors.filter((id) => ids.includes(id));
    return asked.flatMap((id) => {
      const { up, incarnation, core, log, disk } = this.replica(id);
      if (!up) return [];
      const { lastEpoch, logEnd: end } = log;
      return [{ replica: id, incarnation, lastEpoch, end, tainted: core.tainted || disk.tainted }];
    });
  }

  /** Elects among these and announces it; false when nobody may lead. */
  elect(...ids: ReplicaId[]): boolean {
    const answers = ids.length === 0 ? this.ask() : this.ask(ids);
    const elected = this.zkserver.elect(this.zkserver.state.version, answers);
    if (elected) this.announce();
    return elected;
  }

  // ---- faults
  restart(id: ReplicaId, change: Partial<FetchConfig> = {}): void {
    const replica = this.replica(id);
    replica.restart(change);
    this.checker.restarted(replica);
  }

  /** A follower's driver copies the leader's committed log in one go, or fails. */
  copy(at: number, fails: boolean): void {
    const [copy] = this.copies.splice(at, 1);
    if (copy === undefined) return;
    const [to, source] = [this.replica(copy.to), this.replica(copy.from)];
    const { core } = to;
    if (!to.up || to.incarnation !== copy.incarnation) return;
    if (core.leader !== copy.from || core.epoch !== copy.epoch) return;
    const leads = source.up && source.core.role === 'leader' && source.core.epoch === copy.epoch;
    if (fails || !leads || this.cut.has(`${copy.from}>${copy.to}`)) {
      to.input((present) => {
        present.copyFailed(copy.from, copy.epoch);
      });
      return;
    }
    const log = source.log.copy();
    const uncommitted = log.all.find(({ lastOffset }) => lastOffset >= source.core.highWatermark);
    if (uncommitted !== undefined) log.truncate(uncommitted.baseOffset);
    to.copied(log, copy.from, copy.epoch);
  }

  /** Everything that is under way arrives, in order, until nothing moves. */
  stabilize(): void {
    for (let round = 0; round < 10_000; round += 1) {
      const synced = this.up().filter((replica) => replica.syncOnce());
      const calls = this.proposals.length + this.notices.length + this.copies.length;
      const moved = synced.length + calls + this.network.length;
      if (moved === 0) return;
      while (this.proposals.length > 0) this.carryOutProposal(0);
      while (this.notices.length > 0) this.deliverNotice(0);
      for (let left = this.copies.length; left > 0; left -= 1) this.copy(0, false);
      for (let left = this.network.length; left > 0; left -= 1) this.deliverAt(0);
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

  private outcomeUnknown(from: ReplicaId, incarnation: number, id: number): void {
    const replica = this.replica(from);
    if (!replica.up || replica.incarnation !== incarnation) return;
    replica.input((core) => {
      core.proposalUnknown(id);
    });
  }

  private call(replica: SimReplica, effect: Effect): void {
    const { id: from, incarnation } = replica;
    switch (effect.kind) {
      case 'proposeIsr':
        this.proposals.push({ from, incarnation, proposal: effect, abandoned: false });
        break;
      case 'askState':
        this.announce(from);
        break;
      case 'resign':
        this.resigned = Math.max(this.resigned, effect.epoch);
        break;
      case 'copySegments':
        this.copies.push({ to: from, incarnation, from: effect.leader, epoch: effect.epoch });
        break;
      default:
        break;
    }
  }

  private world() {
    return {
      send: (message: SimMessage) => {
        const from = message.type === 'answer' ? message.answer.leader : message.position.replica;
        if (message.type !== 'answer') {
          this.checker.positionSent(this.replica(from), message.position);
        }
        this.network.push({ from, message });
      },
      observe: this.checker.observe.bind(this.checker),
      appended: this.checker.appended.bind(this.checker),
      call: this.call.bind(this),
      nextBatchId: () => (this.batchIds += 1),
    };
  }
}
