// Which topics are deleted for certain, so that what groups keep of them can go. A broker that held a replica is told by a
// tombstone. Of the others the active zkserver is asked: an identity that it does not list for a whole minute, in two
// answers at least, is gone, because identities never come back. One answer says nothing, and those of a zkserver older than
// the one that this broker serves say nothing either: it may not know topics that were made since.
import type { Clock, Timer } from '@zhumq/base';
import type { ZkServerLink } from '../membership/zkserver-link.js';

export interface DeletedTopicsOptions {
  readonly link: Pick<ZkServerLink, 'callActiveWithin'>;
  readonly clock: Clock;
  /** Identities of the topics of which groups coordinated here keep something. */
  readonly kept: () => ReadonlySet<string>;
  readonly tombstones: () => Iterable<string>;
  /** Of the zkserver that told this broker last what it holds; -1: none has. */
  readonly controllerEpoch: () => number;
  /** Aborted when the broker stops. */
  readonly stopping: AbortSignal;
}

export class DeletedTopics {
  /** Kept here and not listed: since when. */
  private missingSince = new Map<string, number>();
  private isAsking = false;
  private readonly timer: Timer;

  constructor(private readonly options: DeletedTopicsOptions) {
    this.timer = options.clock.every(LOOK_MS, () => void this.look());
  }

  identities(): ReadonlySet<string> {
    const now = this.options.clock.monotonicMs();
    const gone = new Set(this.options.tombstones());
    for (const [topicId, since] of this.missingSince)
      if (now - since >= CERTAIN_MS) gone.add(topicId);
    return gone;
  }

  close(): void {
    this.timer.cancel();
  }

  private async look(): Promise<void> {
    const { link, clock, kept, stopping } = this.options;
    const asked = kept();
    if (asked.size === 0 || this.isAsking) return;
    this.isAsking = true;
    try {
      const options = { timeoutMs: TIMEOUT_MS };
      const { topics, controllerEpoch } = await link.callActiveWithin(
        TIMEOUT_MS,
        (zkServer) => zkServer.metadata({}, options),
        stopping,
      );
      if (controllerEpoch < this.options.controllerEpoch()) {
        this.missingSince.clear();
        return;
      }
      const listed = new Set(topics.map(({ topicId }) => topicId));
      const now = clock.monotonicMs();
      const missing = [...asked].filter((topicId) => !listed.has(topicId));
      this.missingSince = new Map(
        missing.map((topicId) => [topicId, this.missingSince.get(topicId) ?? now]),
      );
    } catch {
      // Nothing is known to be missing for longer than somebody said so: what was counted begins anew.
      this.missingSince.clear();
    } finally {
      this.isAsking = false;
    }
  }
}

const LOOK_MS = 30_000;
/** Longer than a zkserver that was deposed can take itself for the active one. */
const CERTAIN_MS = 60_000;
const TIMEOUT_MS = 5_000;
