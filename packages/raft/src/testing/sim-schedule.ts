// One random history of a cluster: what happens next is drawn from the seed.
import { assert } from '@zhumq/base';
import type { Message } from '../types.js';
import type { SimReplica } from './sim-replica.js';
import { SimCluster } from './sim-cluster.js';

/** A third of them with traffic. */
const QUIET_STEPS = 700;

export interface ScheduleOptions {
  readonly voters: number;
  readonly seed: number;
  /** One replica may lose synced records; it comes back tainted. Hard states are never lost. */
  readonly lossy: boolean;
}

export class SimSchedule {
  readonly cluster: SimCluster;
  /** Moments at which a leader slept. */
  sleeps = 0;
  private readIds = 0;
  private quiet = false;

  constructor(private readonly options: ScheduleOptions) {
    const { voters, seed, lossy } = options;
    const learners = seed % 3 === 0 ? 1 : 0;
    // Every other history has long stretches without traffic, in which the group may fall asleep.
    const sleepTicks = seed % 2 === 0 ? 0 : 3;
    const config = { electionTicks: 5, heartbeatTicks: 1, sleepTicks };
    this.cluster = new SimCluster({ voters, learners, seed, lossy, config });
  }

  run(steps: number): void {
    for (let step = 0; step < steps; step += 1) {
      this.quiet = this.options.seed % 2 === 1 && step % QUIET_STEPS > QUIET_STEPS / 3;
      this.happen();
      if (this.cluster.leader()?.core.asleep === true) this.sleeps += 1;
    }
    this.recover();
  }

  private happen(): void {
    const dice = this.below(1_000);
    const replica = this.anyReplica();
    if (dice < 450) this.deliverAny();
    else if (dice < 650) this.tick(replica);
    else if (dice < 780) this.sync(replica);
    else if (this.quiet) this.deliverAny();
    else if (dice < 860) this.propose();
    else if (dice < 890) this.read();
    else if (dice < 900) this.transfer();
    else if (dice < 915)
      this.cluster.network.splice(this.below(this.cluster.network.length + 1), 1);
    else if (dice < 930) this.duplicate();
    else if (dice < 940) this.cutOne();
    else if (dice < 950) this.cluster.heal();
    else if (dice < 965) this.crash(replica);
    else if (dice < 985) this.restart(replica);
    else if (dice < 988) this.retain(replica);
    else if (dice < 994) this.wake(replica);
    else this.unreachable(replica);
    this.copySnapshots();
  }

  private deliverAny(): void {
    const { network } = this.cluster;
    if (network.length > 200) network.splice(0, 50);
    // Mostly in order, as on connections, so that the cluster gets somewhere.
    const at = this.below(10) < 7 ? 0 : this.below(network.length);
    const [message] = network.splice(at, 1);
    if (message === undefined) return;
    this.cluster.deliver(message);
    if (message.type === 'vote' && this.below(20) === 0) this.crashAfterGrant(message);
  }

  /** The moment at which a vote that is not on disk would be forgotten. */
  private crashAfterGrant(message: Message): void {
    const voter = this.cluster.replica(message.to);
    if (!voter.up || this.downCount() > 0) return;
    this.crash(voter);
    this.restart(voter);
  }

  private tick(replica: SimReplica): void {
    if (replica.up) replica.tick();
  }

  private sync(replica: SimReplica): void {
    if (!replica.up) return;
    if (replica.sync !== undefined) replica.finishSync();
    else replica.startSync();
    if (this.below(4) === 0) replica.finishPlans();
    replica.holdPlans = this.below(8) === 0;
  }

  private propose(): void {
    const leaders = this.cluster.up().filter(({ core }) => core.role === 'leader');
    for (const leader of leaders) leader.propose(1 + this.below(3), 50 + this.below(600));
  }

  private read(): void {
    const leaders = this.cluster.up().filter(({ core }) => core.role === 'leader');
    for (const leader of leaders) {
      this.readIds += 1;
      const id = this.readIds;
      this.cluster.checker.readStarted(id);
      leader.input((core) => {
        core.readIndex(id);
      });
    }
  }

  private transfer(): void {
    const to = this.anyReplica().id;
    this.cluster.leader()?.input((core) => {
      core.transferLeadership(to);
    });
  }

  private duplicate(): void {
    const { network } = this.cluster;
    const message = network[this.below(network.length)];
    if (message !== undefined) network.push(message);
  }

  private cutOne(): void {
    const [from, to] = [this.anyReplica().id, this.anyReplica().id];
    if (this.below(3) === 0) this.cluster.isolate(from);
    else this.cluster.cut.add(`${from}>${to}`);
  }

  private crash(replica: SimReplica): void {
    const most = Math.floor((this.options.voters - 1) / 2) + (this.below(10) === 0 ? 1 : 0);
    if (!replica.up || this.downCount() >= most) return;
    const unsynced = replica.disk.written - replica.disk.synced;
    replica.crash(this.below(unsynced + 1));
  }

  private restart(replica: SimReplica): void {
    if (replica.up) return;
    const loses = this.options.lossy && replica.id === '1' && this.below(2) === 0;
    if (!loses) {
      // A driver may remember the commit offset or not.
      const commit = this.below(2) === 0 ? replica.core.durableCommit : -1;
      this.cluster.restart(replica.id, { commit });
      return;
    }
    const { disk } = replica;
    const { batches } = disk.log;
    batches.length = this.below(batches.length + 1);
    this.cluster.restart(replica.id, { hardState: { ...disk.hardState, tainted: true } });
  }

  private retain(replica: SimReplica): void {
    if (replica.up && this.below(3) === 0) replica.dropThrough(replica.core.commit - this.below(5));
  }

  private unreachable(replica: SimReplica): void {
    const peer = this.anyReplica().id;
    if (!replica.up) return;
    replica.input((core) => {
      core.unreachable(peer);
    });
  }

  /** What a driver believes of other brokers may be wrong. */
  private wake(replica: SimReplica): void {
    if (!replica.up) return;
    const leaderLost = this.below(2) === 0;
    replica.input((core) => {
      core.wake(leaderLost);
    });
  }

  /** A follower's driver copies the leader's committed log in one go, or fails. */
  private copySnapshots(): void {
    for (const replica of this.cluster.up()) {
      const at = replica.effects.findIndex(({ kind }) => kind === 'installSnapshot');
      const effect = replica.effects[at];
      if (effect?.kind !== 'installSnapshot') {
        replica.effects.length = 0;
        continue;
      }
      if (this.below(10) > 0) continue;
      replica.effects.length = 0;
      this.copySnapshot(replica, effect.from, effect.term);
    }
  }

  private copySnapshot(replica: SimReplica, from: string, term: number): void {
    const source = this.cluster.replica(from);
    const current = source.up && source.core.role === 'leader' && source.core.term === term;
    const cut = this.cluster.cut.has(`${from}>${replica.id}`);
    if (!current || cut || this.below(4) === 0) {
      replica.input((core) => {
        core.snapshotFailed(from, term);
      });
      return;
    }
    const copy = source.log.copy();
    const committed = copy.batches.findIndex(({ lastOffset }) => lastOffset > source.core.commit);
    if (committed !== -1) copy.batches.length = committed;
    replica.installLog(copy);
    replica.input((core) => {
      core.snapshotInstalled(from, term, copy.lastOffset);
    });
  }

  /** Everything heals: a leader must come up and commit something new, and all must get it. */
  private recover(): void {
    const { cluster } = this;
    cluster.heal();
    for (const replica of cluster.all()) {
      replica.holdPlans = false;
      if (replica.up) replica.finishPlans();
      else cluster.restart(replica.id);
      // Drivers that watch over sleepers have seen that others were gone.
      replica.input((core) => {
        core.wake(false);
      });
    }
    for (let tick = 0; tick < 400; tick += 1) {
      cluster.run(1);
      this.copySnapshots();
      cluster.stabilize();
      const leader = cluster.leader();
      if (leader?.core.established === true && tick > 60 && leader.propose(1, 10)) break;
    }
    cluster.run(20);
    for (let copy = 0; copy < 200; copy += 1) {
      this.copySnapshots();
      cluster.run(1);
    }
    const leader = cluster.leader();
    assert(leader !== undefined, 'no leader after everything healed');
    for (const { core, id, log } of cluster.all()) {
      assert(log.lastOffset === leader.log.lastOffset, `${id} did not catch up`);
      assert(core.commit === leader.core.commit, `${id} does not know the commit offset`);
      assert(!core.tainted, `${id} is still tainted`);
    }
    assert(leader.core.commit === leader.log.lastOffset, 'nothing new is committed');
  }

  private downCount(): number {
    return this.cluster.all().filter(({ up }) => !up).length;
  }

  private anyReplica(): SimReplica {
    const all = this.cluster.all();
    const replica = all[this.below(all.length)];
    assert(replica !== undefined, 'no replicas');
    return replica;
  }

  private below(limit: number): number {
    return this.cluster.random.below(Math.max(limit, 1));
  }
}
