// The leader's side of log replication: who gets the next append, from where, and what the answers say [Raft §5.3].
import { assert } from '@zhumq/base';
import { findProbe } from './conflict.js';
import { Progress } from './progress.js';
import type { Replica } from './replica.js';
import type {
  AppendPlan,
  AppendReply,
  HeartbeatReply,
  Offset,
  ReplicaId,
  SnapshotReply,
} from './types.js';

export class Replication {
  private readonly peers = new Map<ReplicaId, Progress>();

  constructor(private readonly replica: Replica) {
    const { config, log } = replica;
    for (const id of [...config.voters, ...config.learners]) {
      if (id !== replica.self) this.peers.set(id, new Progress(id, log.lastOffset + 1, config));
    }
  }

  get lastOffset(): Offset {
    return this.replica.log.lastOffset;
  }

  /** There is nobody to replicate to. */
  get isAlone(): boolean {
    return this.peers.size === 0;
  }

  all(): Iterable<Progress> {
    return this.peers.values();
  }

  peer(id: ReplicaId): Progress | undefined {
    return this.peers.get(id);
  }

  /** What a voter adds to a commit: the leader what it has on disk itself, a tainted one nothing (rule 16). */
  countedMatch(voter: ReplicaId): Offset {
    if (voter === this.replica.self) return this.replica.log.durable;
    const progress = this.peers.get(voter);
    return progress === undefined || progress.tainted ? -1 : progress.matched;
  }

  /** The sender of a reply, or undefined when it is unknown, or was in an earlier life when it answered. */
  hear(message: AppendReply | HeartbeatReply): Progress | undefined {
    const progress = this.peers.get(message.from);
    if (progress === undefined) return undefined;
    const { incarnation, tainted } = message;
    const known = progress.incarnation ?? -1;
    if (incarnation < known) return undefined;
    if (incarnation > known) progress.heardFrom(incarnation, tainted);
    else progress.says(tainted);
    progress.active = true;
    return progress;
  }

  handleAppendReply(progress: Progress, reply: AppendReply): void {
    if (reply.rejected) this.handleRefusal(progress, reply);
    else this.acknowledge(progress, reply.matched);
  }

  handleHeartbeatReply(progress: Progress, reply: HeartbeatReply): void {
    this.acknowledge(progress, reply.matched);
    progress.heartbeatAnswered();
  }

  handleSnapshotReply(reply: SnapshotReply): Progress | undefined {
    const progress = this.peers.get(reply.from);
    if (progress?.state !== 'snapshot' || progress.incarnation !== reply.incarnation) {
      return undefined;
    }
    progress.active = true;
    if (!reply.rejected) this.acknowledge(progress, reply.matched);
    // Refused, or shorter than what the log holds here by now: another try with the next heartbeat.
    if (progress.state === 'snapshot') progress.becomeProbe(progress.matched + 1, true);
    return progress;
  }

  markAll(): void {
    for (const progress of this.peers.values()) this.maybeMark(progress);
  }

  maybeMark(progress: Progress): void {
    if (progress.marked || !progress.maySend(this.replica.log.lastOffset)) return;
    progress.marked = true;
    this.replica.outbox.add({ kind: 'replicate', to: progress.replica });
  }

  nextAppend(to: ReplicaId): AppendPlan | undefined {
    const progress = this.peers.get(to);
    if (progress === undefined) return undefined;
    const plan = this.maybePlan(progress);
    if (plan === undefined) progress.marked = false;
    else progress.planned(plan);
    return plan;
  }

  appendSent(plan: AppendPlan, lastOffset: Offset, bytes: number): void {
    const progress = this.peers.get(plan.to);
    if (progress?.plan !== plan) return;
    assert(lastOffset <= this.replica.log.lastOffset, 'sent more than the log holds');
    if (progress.planDone()) {
      const nothing = lastOffset < plan.from && plan.from <= this.replica.log.lastOffset;
      if (nothing && progress.state === 'replicate') progress.becomeProbe(plan.from, true);
      else progress.sent(lastOffset, bytes);
    }
    this.maybeMark(progress);
  }

  appendFailed(plan: AppendPlan): void {
    const progress = this.peers.get(plan.to);
    if (progress?.plan !== plan) return;
    const behindStart = plan.from < this.replica.log.startOffset;
    if (progress.planDone()) progress.becomeProbe(plan.from, !behindStart);
    this.maybeMark(progress);
  }

  unreachable(peer: ReplicaId): void {
    const progress = this.peers.get(peer);
    if (progress?.state !== 'replicate') return;
    progress.becomeProbe(progress.matched + 1, true);
  }

  /** An offer may have been lost; the follower ignores those that it does not need. */
  repeatOffers(): void {
    for (const progress of this.peers.values()) {
      if (progress.state === 'snapshot') this.offerSnapshot(progress);
    }
  }

  private maybePlan(progress: Progress): AppendPlan | undefined {
    const { log, term, commit, config } = this.replica;
    if (!progress.maySend(log.lastOffset)) return undefined;
    const from = progress.next;
    const prevOffset = from - 1;
    const prevEpoch = prevOffset < log.startOffset - 1 ? undefined : log.epochAt(prevOffset);
    if (prevEpoch === undefined) {
      this.offerSnapshot(progress);
      return undefined;
    }
    const maxBytes = config.maxAppendBytes;
    const plan = { to: progress.replica, term, prevOffset, prevEpoch, from, maxBytes, commit };
    const { untaint } = progress;
    return untaint === undefined ? plan : { ...plan, untaint };
  }

  private offerSnapshot(progress: Progress): void {
    const { log, outbox, self, term } = this.replica;
    const prevOffset = log.startOffset - 1;
    const prevEpoch = log.epochAt(prevOffset);
    assert(
      prevEpoch !== undefined,
      `the log does not know the epoch before its start ${prevOffset}`,
    );
    progress.becomeSnapshot(prevOffset);
    const to = progress.replica;
    outbox.send({ type: 'snapshot', from: self, to, term, prevOffset, prevEpoch });
  }

  private acknowledge(progress: Progress, matched: Offset): void {
    // A peer cannot have validated more than there is: the message is not from a correct one.
    if (matched > this.replica.log.lastOffset) this.replica.rejectedMessages += 1;
    else progress.acknowledged(matched);
  }

  private handleRefusal(progress: Progress, reply: AppendReply): void {
    // Only the newest probe counts, and nothing that was acknowledged since is refused: anything else is late.
    const { next, matched, state } = progress;
    const late = state === 'probe' ? reply.probe !== next - 1 : reply.probe <= matched;
    if (late || state === 'snapshot') return;
    const probe = findProbe(this.replica.log, { offset: reply.matched, epoch: reply.matchedEpoch });
    progress.becomeProbe(Math.min(probe + 1, reply.probe), false);
  }
}
