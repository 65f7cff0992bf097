// What fetch replication promises, checked as the cluster moves. Log matching is also checked by SimLog: a batch may only
// follow the batch that it was first written after.
import { assert } from '@zhumq/base';
import type { Effect, Offset, Position } from '../types.js';
import type { SimBatch, SimLog } from './sim-log.js';
import type { SimReplica } from './sim-replica.js';
import type { SimZkserver } from './sim-zkserver.js';

export class SafetyChecker {
  /** Everything that anybody called committed, from offset 0 on. */
  private chain: SimBatch[] = [];
  private readonly identities = new Map<string, number>();
  private readonly leaders = new Map<number, string>();
  private readonly marks = new Map<string, Offset>();
  /** Last epoch of the log in whose place a copy is put. */
  private readonly copiedOver = new Map<string, number>();
  /** Loss for which the chain has been cut. */
  private lossEpoch = 0;
  commits = 0;
  losses = 0;
  seals = 0;

  constructor(
    private readonly replicas: ReadonlyMap<string, SimReplica>,
    private readonly zkserver: SimZkserver,
  ) {}

  get committedEnd(): Offset {
    const last = this.chain.at(-1);
    return last === undefined ? 0 : last.lastOffset + 1;
  }

  restarted(replica: SimReplica): void {
    this.marks.set(replica.id, replica.core.highWatermark);
  }

  observe(replica: SimReplica, effect: Effect): void {
    switch (effect.kind) {
      case 'roleChanged':
        if (effect.role === 'leader') this.led(replica, effect.epoch);
        break;
      case 'append':
        this.oneValue(effect.payload as SimBatch[]);
        break;
      case 'truncate':
        this.cut(replica, effect.from);
        break;
      case 'highWatermark':
        this.marked(replica, effect.highWatermark);
        break;
      case 'copySegments':
        this.copiedOver.set(replica.id, replica.log.lastEpoch);
        break;
      case 'sealSynced':
        this.sealed(replica, effect.end);
        break;
      case 'fatal':
        throw new Error(`${replica.id} is fatal: ${effect.reason}`);
      default:
        break;
    }
  }

  /** A leader wrote it. */
  appended(replica: SimReplica, batch: SimBatch): void {
    const owner = `${replica.id} ${replica.incarnation}`;
    assert((this.leaders.get(batch.epoch) ?? owner) === owner, `two write in ${batch.epoch}`);
    this.oneValue([batch]);
  }

  /** What is said of the disk must be there. */
  positionSent(replica: SimReplica, position: Position): void {
    const { durableEnd, syncedEnd } = position;
    assert(holds(replica.disk.log, replica.log, syncedEnd), 'a synced end that is not');
    const durable = replica.fsync ? replica.disk.log : replica.log;
    assert(holds(durable, replica.log, durableEnd), 'a durable end that is not on disk');
  }

  /** Every committed batch is in the log, as far as it reaches back. */
  assertHolds(log: SimLog): void {
    const last = this.chain.at(-1);
    if (last === undefined || last.lastOffset < log.logStart) return;
    assert(log.batchAt(last.lastOffset)?.id === last.id, 'committed records are lost');
  }

  private led(replica: SimReplica, epoch: number): void {
    const owner = `${replica.id} ${replica.incarnation}`;
    assert(!this.leaders.has(epoch), `epoch ${epoch} is led twice`);
    this.leaders.set(epoch, owner);
    const { lossEpoch } = this.zkserver.state;
    if (lossEpoch > this.lossEpoch && epoch >= lossEpoch) this.acceptLoss(replica.log, lossEpoch);
    // One that is deposed already may lack what its successor has committed.
    if (epoch === this.zkserver.state.epoch) this.assertHolds(replica.log);
  }

  private acceptLoss(log: SimLog, lossEpoch: number): void {
    this.lossEpoch = lossEpoch;
    this.losses += 1;
    const kept = this.chain.filter(
      ({ lastOffset, id }) => lastOffset < log.logStart || log.batchAt(lastOffset)?.id === id,
    );
    this.chain = kept;
  }

  private oneValue(batches: readonly SimBatch[]): void {
    for (const { epoch, lastOffset, id } of batches) {
      const key = `${epoch} ${lastOffset}`;
      const known = this.identities.get(key) ?? id;
      assert(known === id, `epoch and offset ${key} have two values`);
      this.identities.set(key, id);
    }
  }

  /** Within a life a high watermark falls only by a cut in a possible loss. */
  private cut(replica: SimReplica, from: Offset): void {
    const mark = this.marks.get(replica.id) ?? 0;
    if (from >= mark) return;
    const { lossEpoch } = this.zkserver.state;
    assert(replica.log.lastEpoch < lossEpoch, `${replica.id} cuts ${from} below ${mark}`);
    this.marks.set(replica.id, from);
  }

  private marked(replica: SimReplica, mark: Offset): void {
    const before = this.marks.get(replica.id) ?? 0;
    const copyOver = this.copiedOver.get(replica.id) ?? Infinity;
    const lossy = copyOver < this.zkserver.state.lossEpoch;
    assert(
      mark >= before || lossy,
      `${replica.id}: high watermark falls from ${before} to ${mark}`,
    );
    this.marks.set(replica.id, mark);
    // A leader from before a loss commits what nobody will know of.
    if (replica.core.epoch < this.zkserver.state.lossEpoch) return;
    assert(mark <= replica.log.logEnd, `${replica.id}: high watermark beyond the log`);
    this.extendChain(replica, mark);
    const { role, established } = replica.core;
    if (role !== 'leader') return;
    this.commits += 1;
    assert(!established || mark >= this.committedEnd, 'an established leader knows too little');
    this.inSyncHaveIt(replica, mark);
  }

  private extendChain(replica: SimReplica, mark: Offset): void {
    if (mark <= this.committedEnd) {
      const id = replica.log.idBefore(mark);
      const known = this.chain.find(({ lastOffset }) => lastOffset === mark - 1)?.id;
      assert(id === undefined || id === known, `${mark - 1} is committed with two values`);
      return;
    }
    assert(replica.core.role === 'leader', 'a follower knows of a commit before its leader');
    this.skipUnwatched(replica.log);
    while (this.committedEnd < mark) {
      const batch = replica.log.batchAt(this.committedEnd);
      assert(batch?.baseOffset === this.committedEnd, 'a commit inside a batch');
      assert(batch.previousId === (this.chain.at(-1)?.id ?? 0), 'commits diverge');
      this.chain.push(batch);
    }
  }

  /** What a deposed leader committed after the zkserver decided on a loss was not watched, and retention may have cut it. */
  private skipUnwatched(log: SimLog): void {
    const { logStart, lastEpoch: epoch, idBeforeStart: id } = log;
    if (this.losses === 0 || logStart <= this.committedEnd) return;
    const place = { baseOffset: this.committedEnd, lastOffset: logStart - 1, epoch, bytes: 0 };
    this.chain.push({ ...place, id, previousId: 0, content: 'records' });
  }

  /** Whoever may be elected has it; also when the one that says so is deposed (rule 10). */
  private inSyncHaveIt(leader: SimReplica, mark: Offset): void {
    const { isr } = this.zkserver.state;
    for (const member of isr) {
      const replica = this.replicas.get(member);
      if (replica === undefined || replica.disk.tainted) continue;
      const durable = replica.fsync ? replica.disk.log : replica.log;
      assert(holds(durable, leader.log, mark), `${member} is in sync and lacks ${mark - 1}`);
    }
  }

  /** No replica without it could win a Raft election (rule 12). */
  private sealed(leader: SimReplica, end: Offset): void {
    if (leader.core.epoch < this.zkserver.state.epoch) return;
    this.seals += 1;
    const all = [...this.replicas.values()];
    const has = ({ disk }: SimReplica) => holds(disk.log, leader.log, end);
    const holders = all.filter(has);
    assert(holders.length * 2 > all.length, 'a seal without a synced majority');
    for (const replica of all) {
      if (holds(replica.log, leader.log, end)) continue;
      const ahead = holders.filter(({ disk }) => isAhead(disk.log, replica.log));
      assert(ahead.length * 2 > all.length, `${replica.id} lacks the seal and could win`);
    }
  }
}

/** Whether `left` refuses its vote to `right` [Raft §5.4.1]. */
function isAhead(left: SimLog, right: SimLog): boolean {
  if (left.lastEpoch !== right.lastEpoch) return left.lastEpoch > right.lastEpoch;
  return left.logEnd > right.logEnd;
}

function holds(log: SimLog, like: SimLog, end: Offset): boolean {
  if (end <= log.logStart || end <= like.logStart) return true;
  return log.batchAt(end - 1)?.id === like.batchAt(end - 1)?.id && log.logEnd >= end;
}
