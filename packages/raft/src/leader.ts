// A replica that leads a term: it decides what is committed, who may read, and when it must go [Raft §5.3, §5.4, §6.4].
import { assert } from '@zhumq/base';
import type { Progress } from './progress.js';
import { majority, majorityValue } from './quorum.js';
import { ReadIndex } from './read-index.js';
import type { Replica } from './replica.js';
import { Replication } from './replication.js';
import type { RoleState, Transitions } from './role.js';
import { SpanQueue } from './span-queue.js';
import { Sleep } from './sleep.js';
import { Transfer } from './transfer.js';
import type {
  AppendReply,
  HeartbeatReply,
  Message,
  Offset,
  PeerStatus,
  ProposeRefusal,
  ReplicaId,
  SnapshotReply,
} from './types.js';

export class Leader implements RoleState {
  readonly role = 'leader';
  readonly replication: Replication;
  private readonly reads: ReadIndex;
  /** Offset of the leader-change batch: only from here on do entries commit by being counted [Raft §5.4.2]. */
  private readonly termStart: Offset;
  private readonly uncommitted = new SpanQueue();
  private readonly sleep: Sleep;
  private transfer: Transfer | undefined = undefined;
  private heartbeatTicks = 0;
  private electionTicks = 0;

  constructor(
    private readonly replica: Replica,
    private readonly transitions: Transitions,
  ) {
    this.replication = new Replication(replica);
    this.sleep = new Sleep(replica.config, this.replication);
    this.termStart = replica.log.lastOffset + 1;
    const { outbox, config } = replica;
    this.reads = new ReadIndex({
      voters: config.voters,
      confirmedBy: (voter, started) => this.confirmedBy(voter, started),
      broadcastHeartbeat: () => {
        this.broadcastHeartbeat();
      },
      readConfirmed: (id, offset) => {
        outbox.add({ kind: 'readConfirmed', id, offset });
      },
      readFailed: (id) => {
        outbox.add({ kind: 'readFailed', id });
      },
    });
  }

  /** The term's first entry; its replication tells the others who leads [Raft §8]. */
  start(): void {
    const { outbox, config, term } = this.replica;
    outbox.add({ kind: 'appendLeaderChange', term, voters: config.voters });
    this.replication.markAll();
  }

  get established(): boolean {
    return this.replica.commit >= this.termStart;
  }

  get asleep(): boolean {
    return this.sleep.asleep;
  }

  /** Somebody wants something: heartbeats leave again, at once, and a quorum must be heard of as ever. */
  wake(): void {
    if (!this.sleep.end()) return;
    // Who was heard of before the sleep counts for status only: the next quorum check wants answers from after it.
    for (const progress of this.replication.all()) {
      progress.wasActive = progress.active;
      progress.active = false;
    }
    this.electionTicks = 0;
    this.heartbeatTicks = 0;
    this.broadcastHeartbeat();
  }

  tick(): void {
    if (this.sleep.asleep) return;
    const { heartbeatTicks, electionTicks } = this.replica.config;
    this.electionTicks += 1;
    if (this.transfer?.tick(electionTicks) === true) this.transfer = undefined;
    if (this.electionTicks >= electionTicks) {
      this.electionTicks = 0;
      if (!this.hasQuorumContact()) {
        this.transitions.becomeFollower(this.replica.term, undefined);
        return;
      }
      this.replication.repeatOffers();
    }
    this.sleep.tick(this.isQuiet);
    this.heartbeatTicks += 1;
    if (this.heartbeatTicks < heartbeatTicks) return;
    this.heartbeatTicks = 0;
    this.reads.beforeHeartbeat();
    this.broadcastHeartbeat();
  }

  step(message: Message): void {
    switch (message.type) {
      case 'appendReply':
        this.handleAppendReply(message);
        break;
      case 'heartbeatReply':
        this.handleHeartbeatReply(message);
        break;
      case 'snapshotReply':
        this.handleSnapshotReply(message);
        break;
      default:
        break;
    }
  }

  /** The leader's own match moved [Raft §10.2.1 of the thesis: its write runs beside the replication]. */
  logSynced(): void {
    this.maybeCommit();
  }

  ballotSynced(): void {
    // A leader's ballot was on disk before it led.
  }

  leave(): void {
    this.reads.fail();
  }

  canPropose(): ProposeRefusal | undefined {
    if (this.transfer !== undefined) return 'transferring';
    const full = this.uncommitted.bytes >= this.replica.config.maxUncommittedBytes;
    return full ? 'uncommittedFull' : undefined;
  }

  proposed(lastOffset: Offset, bytes: number): void {
    const { log, term } = this.replica;
    assert(log.epochAt(lastOffset) === term, `proposed offset ${lastOffset} is not of ${term}`);
    this.wake();
    this.uncommitted.add(lastOffset, bytes);
    this.replication.markAll();
  }

  readIndex(id: number): void {
    this.wake();
    this.reads.read(id, this.established ? this.replica.commit : undefined);
  }

  /** To a voter that may lead; anything else is no order. A second one replaces the first. */
  transferLeadership(to: ReplicaId): void {
    const progress = this.replication.peer(to);
    if (progress === undefined || progress.tainted || !this.replica.isVoter(to)) return;
    if (this.transfer?.to === to) return;
    this.wake();
    this.transfer = new Transfer(to);
    this.maybeTellTarget(progress);
  }

  /** Before a failed disk silences it, a leader names the voter that has most, so that nobody waits out a timeout. */
  handOver(): void {
    let best: Progress | undefined;
    for (const progress of this.replication.all()) {
      const able = progress.active && !progress.tainted && this.replica.isVoter(progress.replica);
      if (able && progress.matched > (best?.matched ?? -1)) best = progress;
    }
    if (best !== undefined) this.sendTimeoutNow(best.replica);
  }

  peers(): readonly PeerStatus[] {
    return Array.from(this.replication.all(), (progress) => progress.status());
  }

  private handleAppendReply(reply: AppendReply): void {
    const counted = this.replication.countedMatch(reply.from);
    const progress = this.replication.hear(reply);
    if (progress === undefined) return;
    this.replication.handleAppendReply(progress, reply);
    this.afterReply(progress, counted);
  }

  private handleHeartbeatReply(reply: HeartbeatReply): void {
    const counted = this.replication.countedMatch(reply.from);
    const progress = this.replication.hear(reply);
    if (progress === undefined) return;
    const round = Math.min(reply.readContext, this.reads.round);
    if (round > progress.readRound) {
      progress.readRound = round;
      this.reads.confirm();
    }
    this.replication.handleHeartbeatReply(progress, reply);
    this.afterReply(progress, counted);
    if (!this.sleep.heard(progress, reply.asleep === true)) this.wake();
  }

  private handleSnapshotReply(reply: SnapshotReply): void {
    const counted = this.replication.countedMatch(reply.from);
    const progress = this.replication.handleSnapshotReply(reply);
    if (progress !== undefined) this.afterReply(progress, counted);
  }

  /** Nothing is under way here: all is on disk and committed, and nobody waits. */
  private get isQuiet(): boolean {
    const { log, commit } = this.replica;
    const level = log.durable === log.lastOffset && commit === log.lastOffset;
    return level && this.established && this.transfer === undefined && this.reads.idle;
  }

  /** `counted`: what the peer added to commits before. It grows with its match, and when its taint is gone. */
  private afterReply(progress: Progress, counted: Offset): void {
    if (this.replication.countedMatch(progress.replica) > counted) this.maybeCommit();
    this.maybeLiftTaint(progress);
    this.maybeTellTarget(progress);
    this.replication.maybeMark(progress);
    if (this.sleep.asleep && !progress.hasEverything(this.replica.log.lastOffset)) this.wake();
  }

  /**
   * Only an entry of this term commits by being counted; older ones commit with it. An older entry on a majority may
   * still be overwritten by a leader that has a newer last epoch (figure 8) [Raft §5.4.2].
   */
  private maybeCommit(): void {
    const { replica, replication } = this;
    const { voters } = replica.config;
    const offset = majorityValue(voters, (voter) => replication.countedMatch(voter));
    if (offset <= replica.commit || offset < this.termStart) return;
    const { log, term } = replica;
    assert(log.epochAt(offset) === term, `offset ${offset} is not of term ${term}`);
    const wasEstablished = this.established;
    replica.advanceCommit(offset);
    this.uncommitted.releaseThrough(offset);
    if (!wasEstablished) this.reads.established(offset);
  }

  private confirmedBy(voter: ReplicaId, started: number): number {
    if (voter === this.replica.self) return started;
    return this.replication.peer(voter)?.readRound ?? 0;
  }

  private maybeLiftTaint(progress: Progress): void {
    if (!progress.tainted || !this.established) return;
    const { taintLift } = progress;
    if (taintLift === undefined) {
      const round = this.reads.join();
      progress.taintLift = { round, commit: this.replica.commit, confirmed: false };
    } else if (!taintLift.confirmed && this.reads.isConfirmed(taintLift.round)) {
      progress.taintLift = { ...taintLift, confirmed: true };
    }
  }

  /** Contact is not a vote and not a match, so a tainted voter's counts: its term is durable like any other's. */
  private hasQuorumContact(): boolean {
    const { config, self } = this.replica;
    let heard = 0;
    for (const voter of config.voters) {
      if (voter === self || this.replication.peer(voter)?.active === true) heard += 1;
    }
    for (const progress of this.replication.all()) {
      progress.wasActive = progress.active;
      progress.active = false;
    }
    return heard >= majority(config.voters.length);
  }

  private broadcastHeartbeat(): void {
    for (const progress of this.replication.all()) this.sendHeartbeat(progress);
  }

  private sendHeartbeat(progress: Progress): void {
    const { self, term, commit, outbox } = this.replica;
    const to = progress.replica;
    const readContext = this.reads.round;
    const message = {
      type: 'heartbeat',
      from: self,
      to,
      term,
      commit: Math.min(commit, progress.matched),
      readContext,
    } as const;
    const { untaint } = progress;
    if (untaint !== undefined) outbox.send({ ...message, untaint });
    else outbox.send(this.sleep.wanted ? { ...message, sleep: true } : message);
  }

  private maybeTellTarget(progress: Progress): void {
    if (this.transfer?.to !== progress.replica) return;
    if (this.transfer.maybeTell(progress, this.replica.log.lastOffset)) {
      this.sendTimeoutNow(progress.replica);
    }
  }

  private sendTimeoutNow(to: ReplicaId): void {
    const { self, term, outbox } = this.replica;
    outbox.send({ type: 'timeoutNow', from: self, to, term });
  }
}
