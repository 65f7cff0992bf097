// How long partitions have been refusing at one broker, with errors that say that it leads but can not do it now: a switch
// of modes, too few replicas in sync, a full disk. Most of these are over soon, and the leader needs no look-up of metadata to
// be asked again. But one that was cut off from its replicas says the same for ever, while another one leads: what lasts is
// looked up, again and again, with longer and longer pauses.

const PATIENCE_MS = 500;
/** The pause between two look-ups doubles up to this. */
const MAX_PAUSE_MS = 5_000;
/** A refusal that was last heard of so long ago is over. Longer than any pause between two tries. */
const FORGET_MS = 5_000;

interface Refusal {
  readonly broker: number;
  lastMs: number;
  lookAtMs: number;
  pauseMs: number;
}

export class LastingRefusals {
  /** Those that were heard of last are last. */
  private readonly refusals = new Map<string, Refusal>();

  get size(): number {
    return this.refusals.size;
  }

  /** The broker refused at `nowMs`; whether it is time to ask somebody else who leads. */
  refused(topic: string, partition: number, broker: number, nowMs: number): boolean {
    this.forget(nowMs);
    const name = `${topic}-${partition}`;
    let refusal = this.refusals.get(name);
    if (refusal?.broker !== broker) {
      const lookAtMs = nowMs + PATIENCE_MS;
      refusal = { broker, lastMs: nowMs, lookAtMs, pauseMs: PATIENCE_MS };
    }
    refusal.lastMs = nowMs;
    this.refusals.delete(name);
    this.refusals.set(name, refusal);
    if (nowMs <= refusal.lookAtMs) return false;
    refusal.lookAtMs = nowMs + refusal.pauseMs;
    refusal.pauseMs = Math.min(2 * refusal.pauseMs, MAX_PAUSE_MS);
    return true;
  }

  private forget(nowMs: number): void {
    for (const [name, { lastMs }] of this.refusals) {
      if (nowMs - lastMs <= FORGET_MS) return;
      this.refusals.delete(name);
    }
  }
}
