// When a sealed log is safe to be led by Raft: synced, whatever the flush policy says, on the whole maximal ISR and on a
// majority of the replicas (rule 12).
import type { Replica } from './replica.js';
import type { Offset, ReplicaId } from './types.js';

export class Seal {
  private reported = false;

  constructor(
    private readonly replica: Replica,
    /** End of the leader's first batch. */
    private readonly epochStart: Offset,
    private readonly syncedEnd: (member: ReplicaId) => Offset,
  ) {}

  /**
   * What must be synced: the seal, and this epoch's first batch. A leader between the seal and now may have lacked the seal;
   * in a Raft election its last epoch would win over the seal's, but not over this one.
   */
  get end(): Offset | undefined {
    const { seal } = this.replica;
    return seal === undefined ? undefined : Math.max(seal, this.epochStart);
  }

  /** Somebody wants to know (again) when it is safe. */
  asked(): void {
    this.reported = false;
    const { outbox, log } = this.replica;
    if (this.end !== undefined && log.syncedEnd < this.end) {
      outbox.add({ kind: 'syncNow', through: this.end });
    }
  }

  maybeReport(isr: readonly ReplicaId[], replicas: readonly ReplicaId[]): void {
    const { end, replica } = this;
    if (end === undefined || replica.seal === undefined || this.reported) return;
    const has = (member: ReplicaId) => this.syncedEnd(member) >= end;
    const holders = replicas.filter(has);
    if (!has(replica.self) || !isr.every(has) || holders.length * 2 <= replicas.length) return;
    this.reported = true;
    replica.outbox.add({ kind: 'sealSynced', end: replica.seal, replicas: holders });
  }
}
