// How long partitions have refused with PARTITION_SEALED. A switch of modes takes some milliseconds, and its leader needs no
// look-up of metadata to be asked again. But one that was cut off behind its seal says the same for ever: what lasts longer
// is looked up.

const PATIENCE_MS = 500;
/** A seal that was last heard of so long ago is over. */
const FORGET_MS = 2_000;

export class SealedPartitions {
  private readonly sealed = new Map<string, { readonly sinceMs: number; lastMs: number }>();

  /** The partition refused at `nowMs`; whether it has for so long that somebody else should be asked. */
  refused(topic: string, partition: number, nowMs: number): boolean {
    const name = `${topic}-${partition}`;
    const known = this.sealed.get(name);
    if (known === undefined || nowMs - known.lastMs > FORGET_MS) {
      this.forget(nowMs);
      this.sealed.set(name, { sinceMs: nowMs, lastMs: nowMs });
      return false;
    }
    known.lastMs = nowMs;
    return nowMs - known.sinceMs > PATIENCE_MS;
  }

  private forget(nowMs: number): void {
    for (const [name, { lastMs }] of this.sealed) {
      if (nowMs - lastMs > FORGET_MS) this.sealed.delete(name);
    }
  }
}
