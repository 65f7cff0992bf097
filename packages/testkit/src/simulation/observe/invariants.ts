// What must be true after every event, seen from inside the brokers: one leader per epoch; what a replica knows to be
// committed is the same everywhere, never goes back, is on the disks of a majority, and is in the log of every later
// leader. The outside view, over the whole run, is the business of the checkers.
import type { Broker, Partition } from '@zhumq/broker';
import type { PartitionRecord } from '@zhumq/model';
import type { Recorder } from '../../history/history.js';
import type { ServerSlot } from '../simulated-cluster.js';
import type { Life } from '../world/life.js';
import { ReplicaPromises } from './replica-promises.js';
import type { Commitment, Report } from './replica-promises.js';
import type { StoreObserver } from './store-observer.js';
import { SwitchPromises } from './switch-promises.js';
import { SyncWatch } from './sync-watch.js';

export interface Finding {
  readonly check: string;
  readonly sentence: string;
}

/** What was seen of one replica in one life of its broker. */
interface Seen {
  leads: boolean;
  epoch: number;
  highWatermark: number;
}

/** What was seen of one partition, over all replicas and lives. */
interface Common extends Commitment {
  /** Life that led each generation and epoch. */
  readonly leaders: Map<string, number>;
  /** Epoch of each committed offset that was the last one somewhere. */
  readonly epochs: Map<number, number>;
  readonly counted: Map<string, { readonly end: number; readonly epoch: number }>;
  committed: number;
  losses: number;
}

export class Invariants {
  elections = 0;
  private readonly seen = new WeakMap<Partition, Seen>();
  /** Null: a life of something else. */
  private readonly slots = new WeakMap<Life, ServerSlot | null>();
  private readonly commons = new Map<string, Common>();
  /** By name, of topics of which a leader was seen. */
  private readonly topicIds = new Map<string, string>();
  private readonly failed = new WeakSet<Partition>();
  private readonly promises: ReplicaPromises;
  private readonly switches: SwitchPromises;
  private readonly syncs: SyncWatch;

  constructor(
    private readonly brokers: readonly ServerSlot[],
    private readonly store: StoreObserver,
    private readonly history: Recorder,
    /** Grows with every event of the run. */
    moment: () => number,
    private readonly onFinding: (finding: Finding) => void,
  ) {
    const report: Report = (...found) => this.report(...found);
    this.promises = new ReplicaPromises(brokers, store, report);
    this.switches = new SwitchPromises(brokers, store, report);
    this.syncs = new SyncWatch(moment, report);
    store.onRecord = (...change) => this.checkRecord(...change);
  }

  /** To be called after every event. */
  check(life: Life): void {
    if (!life.alive) return;
    let slot = this.slots.get(life);
    if (slot === undefined) {
      slot = this.brokers.find(({ machine }) => machine.life === life) ?? null;
      this.slots.set(life, slot);
    }
    if (slot?.broker !== undefined) this.checkBroker(slot, slot.broker, life);
  }

  /** What anybody knows to be committed, and after how many reported losses. */
  committed(topic: string, partition: number): { readonly end: number; readonly losses: number } {
    const topicId = this.topicIds.get(topic) ?? '';
    const { committed = 0, losses = 0 } = this.commons.get(`${topicId} ${partition}`) ?? {};
    return { end: committed, losses };
  }

  private checkBroker(slot: ServerSlot, broker: Broker, life: Life): void {
    for (const partition of broker.partitions) {
      if (!partition.isOpen) continue;
      let seen = this.seen.get(partition);
      if (seen === undefined) {
        seen = { leads: false, epoch: -1, highWatermark: partition.highWatermark };
        this.seen.set(partition, seen);
      }
      const { leads, highWatermark } = partition;
      const ledBefore = leads && seen.leads && partition.replicator.epoch === seen.epoch;
      if (leads !== seen.leads || (leads && partition.replicator.epoch !== seen.epoch)) {
        seen.leads = leads;
        seen.epoch = partition.replicator.epoch;
        if (leads) this.checkLeader(slot, partition, life);
      }
      if (highWatermark !== seen.highWatermark) {
        const before = seen.highWatermark;
        seen.highWatermark = highWatermark;
        this.checkCommitted(slot, partition, before, ledBefore);
      }
      this.checkPromises(slot, partition);
    }
  }

  private checkLeader({ id }: ServerSlot, partition: Partition, life: Life): void {
    const { topic, topicId, partition: number, generation } = partition.name;
    this.topicIds.set(topic, topicId);
    const { epoch, mode } = partition.replicator;
    const common = this.common(partition);
    const key = `${generation} ${epoch}`;
    const other = common.leaders.get(key);
    if (other !== undefined && other !== life.number) {
      this.report('election-safety', partition, id, `two leaders in epoch ${epoch}`);
    }
    common.leaders.set(key, life.number);
    if (mode === 'raft') {
      this.elections++;
      this.history.record({
        ...{ kind: 'leader', topic, partition: number, broker: id, epoch, generation, mode },
        incarnation: life.number,
      });
    }
    this.checkCompleteness(id, partition, common);
    this.promises.checkProducers(id, partition, common);
    this.switches.checkLeader(id, partition);
  }

  /** Whatever anybody knew to be committed is in the log of a leader, unless a loss was reported. */
  private checkCompleteness(id: number, partition: Partition, common: Common): void {
    const { committed } = common;
    if (this.forgetAfterLoss(partition, common) || committed === 0) return;
    const { log, replicator } = partition;
    // Elected in an older term by votes that were late: it lacks what later leaders committed, and commits nothing itself.
    if (replicator.epoch < (common.epochs.get(committed - 1) ?? 0)) return;
    if (log.logEnd < committed) {
      const sentence = `leads with a log that ends at ${log.logEnd}; ${committed} was committed`;
      return this.report('leader-completeness', partition, id, sentence);
    }
    this.compareEpoch(id, partition, common, committed - 1);
  }

  private checkRecord(
    topic: string,
    partition: number,
    before: PartitionRecord | undefined,
    record: PartitionRecord,
  ): void {
    this.switches.recordChanged(topic, partition, before, record);
    const common = this.commons.get(`${this.topicIds.get(topic) ?? ''} ${partition}`);
    if (common !== undefined) this.promises.checkAllElectable(topic, partition, common);
  }

  private checkPromises(slot: ServerSlot, partition: Partition): void {
    const common = this.common(partition);
    this.forgetAfterLoss(partition, common);
    this.promises.look(slot, partition, common);
    this.switches.look(slot, partition);
    this.syncs.look(slot, partition);
    this.checkService(slot, partition);
  }

  /** A replica gives up by itself only what its disk has broken: anything else is a promise that somebody broke. */
  private checkService({ id, machine }: ServerSlot, partition: Partition): void {
    if (partition.replicator.role !== 'failed' || machine.disk?.failures !== 0) return;
    if (this.failed.has(partition)) return;
    this.failed.add(partition);
    this.report('fails-for-no-fault', partition, id, 'is out of service, and its disk is whole');
  }

  private checkCommitted(
    slot: ServerSlot,
    partition: Partition,
    before: number,
    ledBefore: boolean,
  ): void {
    const { id } = slot;
    const { highWatermark, leads } = partition;
    const common = this.common(partition);
    const wasLost = this.forgetAfterLoss(partition, common);
    // A replica whose log is thrown away and filled anew has nothing there that could be committed, and counts for nothing
    // until it is done. One that still has the records does not forget that they are committed, tainted or not.
    const { hardState, logEnd } = partition.log;
    if (highWatermark < before && !leads && hardState?.tainted === true && logEnd < before) return;
    const { topic, partition: number } = partition.name;
    this.history.record({
      ...{ kind: 'watermark', topic, partition: number, broker: id, highWatermark },
      ...{ role: leads ? 'leader' : 'follower', epoch: partition.replicator.epoch },
    });
    if (highWatermark < before) {
      if (!wasLost && common.losses === 0)
        this.report('high-watermark', partition, id, `fell from ${before} to ${highWatermark}`);
      return;
    }
    this.compareEpoch(id, partition, common, highWatermark - 1);
    if (leads && highWatermark > common.committed) this.checkDurable(id, partition);
    if (highWatermark <= common.committed) return;
    common.committed = highWatermark;
    if (!leads) return;
    this.promises.committed(slot, partition, ledBefore);
    this.promises.checkAllElectable(topic, number, common);
  }

  /** The same offset is committed with the same epoch everywhere. */
  private compareEpoch(id: number, partition: Partition, common: Common, offset: number): void {
    const epoch = partition.log.epochAt(offset);
    if (epoch === undefined) return;
    const known = common.epochs.get(offset);
    if (known === undefined) common.epochs.set(offset, epoch);
    else if (known !== epoch) {
      const sentence = `offset ${offset} is committed in epoch ${known}, and here in ${epoch}`;
      this.report('state-machine-safety', partition, id, sentence);
    }
  }

  /** Raft with flush=fsync: a majority has it on disk at the moment at which it is committed. */
  private checkDurable(id: number, partition: Partition): void {
    const { highWatermark, log, replicator } = partition;
    if (replicator.mode !== 'raft' || log.config.flush !== 'fsync') return;
    const { topicId, topic, partition: number } = partition.name;
    const members = this.store.recordOf(topic, number)?.replicas;
    if (members === undefined) return;
    const replicas = members.length;
    let durable = 0;
    let unknown = 0;
    for (const slot of this.brokers) {
      if (!members.some(({ broker }) => broker === slot.id)) continue;
      const copy = [...(slot.broker?.partitions ?? [])].find(
        ({ name }) => name.topicId === topicId && name.partition === number,
      );
      if (copy === undefined) unknown++;
      else if (copy.log.syncedEnd >= highWatermark) durable++;
    }
    // A broker that is down, or has lost its disk since, may have synced it before.
    if (durable + unknown > replicas / 2) return;
    const sentence = `${highWatermark} is committed and on ${durable} of ${replicas} disks`;
    this.report('committed-is-durable', partition, id, sentence);
  }

  /** True when the cluster reported a loss since the last look: nothing from before is known any more. */
  private forgetAfterLoss({ name }: Partition, common: Common): boolean {
    const record = this.store.recordOf(name.topic, name.partition);
    const losses = record?.lossEpoch ?? 0;
    if (losses === common.losses) return false;
    common.losses = losses;
    common.committed = 0;
    common.epochs.clear();
    common.counted.clear();
    return true;
  }

  private common({ name }: Partition): Common {
    const key = `${name.topicId} ${name.partition}`;
    let common = this.commons.get(key);
    if (common === undefined) {
      common = {
        ...{ leaders: new Map(), epochs: new Map(), counted: new Map() },
        ...{ committed: 0, losses: 0 },
      };
      this.commons.set(key, common);
    }
    return common;
  }

  private report(check: string, { name }: Partition, broker: number, what: string): void {
    const sentence = `${name.topic}-${name.partition} on broker ${broker}: ${what}`;
    this.onFinding({ check, sentence });
  }
}
