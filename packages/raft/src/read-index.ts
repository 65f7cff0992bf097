// Linearizable reads without a log entry: the commit offset of now, once a majority has confirmed after now that this
// leader still leads [Raft §6.4]. No leases (rule 34).
import { majorityValue } from './quorum.js';
import type { Offset, ReplicaId } from './types.js';

/** More reads than this wait for nothing: they fail at once. */
export const MAX_PENDING_READS = 100_000;

interface PendingRead {
  readonly id: number;
  readonly round: number;
  readonly offset: Offset;
}

export interface ReadHost {
  readonly voters: readonly ReplicaId[];
  /** Newest round that a voter confirmed; for the leader itself, the newest one started. */
  confirmedBy(voter: ReplicaId, started: number): number;
  broadcastHeartbeat(): void;
  readConfirmed(id: number, offset: Offset): void;
  readFailed(id: number): void;
}

export class ReadIndex {
  // Rounds are numbered by this leader and never reused in its term: an answer to an old heartbeat confirms old rounds
  // only, whatever ids the callers chose. Invariant: confirmed <= started.
  private started = 0;
  private confirmed = 0;
  private nextWanted = false;
  private pending: PendingRead[] = [];
  /** Reads from before the first commit of the term: until then the leader may not know what is committed. */
  private early: number[] = [];

  constructor(private readonly host: ReadHost) {}

  /** The newest round, for heartbeats to carry. */
  get round(): number {
    return this.started;
  }

  /** No read waits, and no round is out. */
  get idle(): boolean {
    const waiting = this.pending.length + this.early.length;
    return waiting === 0 && !this.nextWanted && this.confirmed === this.started;
  }

  read(id: number, commit: Offset | undefined): void {
    if (this.pending.length + this.early.length >= MAX_PENDING_READS) this.host.readFailed(id);
    else if (commit === undefined) this.early.push(id);
    else {
      this.pending.push({ id, round: this.join(), offset: commit });
      this.confirm();
    }
  }

  /** The first entry of the term is committed. */
  established(commit: Offset): void {
    if (this.early.length === 0) return;
    const round = this.join();
    for (const id of this.early) this.pending.push({ id, round, offset: commit });
    this.early = [];
    this.confirm();
  }

  /**
   * A round whose heartbeats leave after this moment. While one is out, those who come wait together for the next, so
   * that a busy reader costs one exchange at a time.
   */
  join(): number {
    if (this.started > this.confirmed) {
      this.nextWanted = true;
      return this.started + 1;
    }
    this.started += 1;
    this.host.broadcastHeartbeat();
    return this.started;
  }

  isConfirmed(round: number): boolean {
    return round <= this.confirmed;
  }

  /** Heartbeats are about to leave anyway: they start the round that is wanted. */
  beforeHeartbeat(): void {
    if (!this.nextWanted) return;
    this.nextWanted = false;
    this.started += 1;
  }

  /** Another peer answered. */
  confirm(): void {
    const { voters } = this.host;
    const round = majorityValue(voters, (voter) => this.host.confirmedBy(voter, this.started));
    if (round <= this.confirmed) return;
    this.confirmed = round;
    this.releaseConfirmed();
    if (this.nextWanted && this.confirmed === this.started) {
      this.beforeHeartbeat();
      this.host.broadcastHeartbeat();
    }
  }

  fail(): void {
    for (const id of this.early) this.host.readFailed(id);
    for (const { id } of this.pending) this.host.readFailed(id);
    this.early = [];
    this.pending = [];
  }

  private releaseConfirmed(): void {
    // Rounds grow along the queue.
    const waiting = this.pending.findIndex(({ round }) => round > this.confirmed);
    const released = waiting === -1 ? this.pending : this.pending.slice(0, waiting);
    this.pending = waiting === -1 ? [] : this.pending.slice(waiting);
    for (const { id, offset } of released) this.host.readConfirmed(id, offset);
  }
}
