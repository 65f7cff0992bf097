// One random history of a cluster: what happens next is drawn from the seed.
import { assert } from '@zhumq/base';
import { SimCluster } from './sim-cluster.js';
import type { SimReplica } from './sim-replica.js';
import type { EndAnswer } from './sim-zkserver.js';

export class SimSchedule {
  readonly cluster: SimCluster;
  private readonly minInsyncReplicas: number;
  private readonly mayPowerFail: boolean;
  private election: { version: number; answers: EndAnswer[] } | undefined;
  private maySeal = false;

  constructor(seed: number) {
    const replicas = 3 + (seed % 3);
    this.minInsyncReplicas = 1 + (Math.floor(seed / 3) % 3);
    const fsync = Math.floor(seed / 9) % 2 === 0;
    this.mayPowerFail = Math.floor(seed / 18) % 3 > 0;
    const { minInsyncReplicas } = this;
    const config = { lagTicks: 6, retryTicks: 2 };
    this.cluster = new SimCluster({ replicas, seed, minInsyncReplicas, fsync, config });
  }

  run(steps: number): void {
    // The state in which everybody starts is on its way.
    this.cluster.elect();
    const sealing = this.below(3) === 0;
    for (let step = 0; step < steps; step += 1) {
      this.maySeal = sealing && step > steps / 2;
      this.happen();
    }
    this.recover();
  }

  private happen(): void {
    const { cluster } = this;
    const dice = this.below(1_000);
    const replica = this.anyReplica();
    if (dice < 500) this.deliverAny();
    else if (dice < 520) this.tick(replica);
    else if (dice < 570) this.tickAll();
    else if (dice < 680) this.sync(replica);
    else if (dice < 740) this.produce();
    else if (dice < 800) this.callZkserver();
    else if (dice < 860) this.deliverNotice();
    else if (dice < 890) this.maybeElect();
    else if (dice < 895) cluster.network.splice(this.below(cluster.network.length + 1), 1);
    else if (dice < 905) this.duplicate();
    else if (dice < 910) this.cutOne();
    else if (dice < 930) cluster.heal();
    else if (dice < 937) this.fail(replica);
    else if (dice < 965) this.restart(replica);
    else if (dice < 970) this.retain(replica);
    else if (dice < 975) cluster.announce();
    else if (dice < 978) this.askForElection();
    else if (dice < 985) this.deliverNotice();
    else if (dice < 990) this.seal();
    else cluster.copy(this.below(cluster.copies.length), this.below(3) === 0);
  }

  private deliverAny(): void {
    const { network } = this.cluster;
    if (network.length > 200) network.splice(0, 50);
    // Mostly in order, as on connections, so that the cluster gets somewhere.
    this.cluster.deliverAt(this.below(10) < 7 ? 0 : this.below(network.length));
  }

  private tick(replica: SimReplica): void {
    if (replica.up) replica.tick();
  }

  private tickAll(): void {
    for (const replica of this.cluster.up()) replica.tick();
  }

  private sync(replica: SimReplica): void {
    if (!replica.up) return;
    replica.finishSync();
    if (this.below(3) > 0) replica.startSync();
  }

  private produce(): void {
    for (const leader of this.cluster.leaders()) {
      leader.produce(this.below(3) - 1, 1 + this.below(3), 50 + this.below(600));
    }
  }

  private seal(): void {
    if (this.maySeal) this.cluster.leader()?.seal();
    // The zkserver asks again, whoever leads now.
    for (const leader of this.cluster.leaders()) leader.tellSeal();
  }

  private callZkserver(): void {
    const { cluster } = this;
    const at = this.below(cluster.proposals.length);
    const dice = this.below(10);
    // Calls that were given up may stay on their way for long.
    if (dice < 2) cluster.abandonProposal(at);
    else if (cluster.proposals[at]?.abandoned !== true || dice === 2) cluster.carryOutProposal(at);
  }

  private deliverNotice(): void {
    const { cluster } = this;
    const at = this.below(2) === 0 ? 0 : this.below(cluster.notices.length);
    if (this.below(8) === 0) cluster.loseNotice(at);
    else cluster.deliverNotice(at);
  }

  private maybeElect(): void {
    const { cluster, election } = this;
    if (election !== undefined) {
      this.election = undefined;
      if (cluster.zkserver.elect(election.version, election.answers)) cluster.announce();
    } else if (cluster.mustElect) this.askForElection();
  }

  /** Also of a healthy leader: the zkserver may take it for dead. */
  private askForElection(): void {
    const { cluster } = this;
    const asked = [...cluster.replicas.keys()].filter(() => this.below(4) > 0);
    this.election = { version: cluster.zkserver.state.version, answers: cluster.ask(asked) };
  }

  private retain(replica: SimReplica): void {
    if (replica.up) replica.dropBefore(replica.core.highWatermark - this.below(5));
  }

  private duplicate(): void {
    const { network } = this.cluster;
    const sent = network[this.below(network.length)];
    if (sent !== undefined) network.push(sent);
  }

  private cutOne(): void {
    const [from, to] = [this.anyReplica().id, this.anyReplica().id];
    if (this.below(3) === 0) this.cluster.isolate(from);
    else this.cluster.cut.add(`${from}>${to}`);
  }

  private fail(replica: SimReplica): void {
    if (!replica.up) return;
    const power = this.mayPowerFail && this.below(2) === 0;
    const unsynced = replica.disk.written - replica.disk.synced;
    if (power) replica.losePower(this.below(unsynced + 1));
    else if (this.below(4) > 0) replica.crash();
    else {
      replica.input((core) => {
        core.localWriteFailed();
      });
      replica.crash();
    }
    if (this.below(3) === 0) this.restart(replica);
  }

  private restart(replica: SimReplica): void {
    if (replica.up) return;
    const { cluster } = this;
    const { id } = replica;
    // What a driver remembers of the high watermark may lag.
    const highWatermark =
      this.below(2) === 0 ? replica.highWatermark : this.below(replica.highWatermark + 1);
    cluster.restart(id, { highWatermark: replica.log.boundaryBefore(highWatermark) });
    if (this.below(4) > 0) cluster.zkserver.registered.set(id, replica.incarnation);
    const states = cluster.zkserver.history;
    const late = states[Math.max(0, states.length - 1 - this.below(6))];
    if (late !== undefined && this.below(3) > 0) cluster.notify(id, late);
  }

  /** Everything heals: a leader must come up and commit something new, and all must get it. */
  private recover(): void {
    const { cluster } = this;
    const { zkserver } = cluster;
    cluster.heal();
    for (const replica of cluster.all()) {
      if (!replica.up) cluster.restart(replica.id);
      zkserver.registered.set(replica.id, replica.incarnation);
    }
    cluster.announce();
    for (let tick = 0; tick < 60; tick += 1) {
      if (cluster.mustElect) cluster.elect();
      cluster.run(1);
      if (tick === 30) cluster.leader()?.produce(1);
    }
    const leader = cluster.leader();
    assert(leader?.core.established === true, 'no leader after everything healed');
    cluster.checker.assertHolds(leader.log);
    assert(zkserver.state.isr.length === cluster.replicas.size, 'not all are in sync');
    for (const { core, id, log } of cluster.all()) {
      assert(log.logEnd === leader.log.logEnd && log.lastId === leader.log.lastId, `${id} differs`);
      assert(core.highWatermark === leader.log.logEnd, `${id} does not know what is committed`);
      assert(!core.tainted, `${id} is still tainted`);
    }
    if (leader.log.seal === undefined) leader.seal();
    const { seals } = cluster.checker;
    leader.tellSeal();
    cluster.run(5);
    assert(cluster.checker.seals > seals, 'the seal is not reported');
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
