// The topics that groups read, as a zkserver last told: asked again every few seconds, and at once for a topic that is not
// known. What no zkserver tells stays as it was: that a topic is missing here does not say that it is deleted.
import type { Clock, Timer } from '@zhumq/base';
import { topicNameFault } from '@zhumq/model';
import type { ZkServerLink } from '../membership/zkserver-link.js';
import type { TopicLookup, TopicSeen } from './decision.js';

export interface GroupTopicsOptions {
  readonly link: Pick<ZkServerLink, 'callAny'>;
  readonly clock: Clock;
  /** Names of the topics that members of groups coordinated here read. */
  readonly inUse: () => ReadonlySet<string>;
}

export class GroupTopics implements TopicLookup {
  private readonly seen = new Map<string, TopicSeen>();
  private readonly names = new Map<string, string>();
  /** Asked for since the last look: their members may not be recorded yet. */
  private recent = new Set<string>();
  private asking: Promise<void> | undefined;
  private askedAllMs = -Infinity;
  /** When a topic that nobody knew was last asked for. */
  private missedMs = -Infinity;
  private controllerEpoch = -1;
  /** Answers may overtake one another: what a later question told is newer. */
  private asks = 0;
  private answered = 0;
  private readonly timer: Timer;

  constructor(private readonly options: GroupTopicsOptions) {
    this.timer = options.clock.every(REFRESH_MS, () => this.refreshUsed());
  }

  byName(topic: string): TopicSeen | undefined {
    return this.seen.get(topic);
  }

  nameOf(topicId: string): string | undefined {
    return this.names.get(topicId);
  }

  /** Asks for those that are not known; resolves in any case. */
  async prepare(topics: readonly string[]): Promise<void> {
    const unknown = topics.filter((topic) => !this.seen.has(topic) && mayBeName(topic));
    if (unknown.length === 0) return;
    const now = this.options.clock.monotonicMs();
    // Somebody who reads a topic that does not exist asks with every heartbeat.
    if (unknown.every((topic) => this.recent.has(topic)) && now - this.missedMs < MISSED_MS) return;
    this.missedMs = now;
    for (const topic of unknown) if (this.recent.size < MAX_RECENT) this.recent.add(topic);
    await this.ask(unknown);
  }

  /** Asks for all, so that positions can be shown by the names of their topics; resolves in any case. */
  async prepareAll(): Promise<void> {
    const now = this.options.clock.monotonicMs();
    if (now - this.askedAllMs < MISSED_MS) return;
    this.askedAllMs = now;
    await this.ask(undefined);
  }

  /** Asks for these in any case: one may have been created again; resolves in any case. */
  async refresh(topics: readonly string[]): Promise<void> {
    await this.ask(topics.filter(mayBeName));
  }

  close(): void {
    this.timer.cancel();
  }

  private refreshUsed(): void {
    const wanted = new Set([...this.options.inUse(), ...this.recent]);
    this.recent.clear();
    // What was asked for all topics may still be on its way into an answer.
    const isNew = this.options.clock.monotonicMs() - this.askedAllMs < KEEP_ALL_MS;
    for (const [topic, { topicId }] of this.seen) {
      if (wanted.has(topic) || isNew) continue;
      this.seen.delete(topic);
      this.names.delete(topicId);
    }
    if (wanted.size === 0 || this.asking !== undefined) return;
    this.asking = this.ask([...wanted]).finally(() => (this.asking = undefined));
  }

  private async ask(topics: readonly string[] | undefined): Promise<void> {
    if (topics?.length === 0) return;
    const asked = ++this.asks;
    const options = { timeoutMs: TIMEOUT_MS };
    const request = topics === undefined ? {} : { topics: [...topics] };
    try {
      const metadata = await this.options.link.callAny((zkServer) =>
        zkServer.metadata(request, options),
      );
      // Older news than those before would bring a topic back that was created again meanwhile.
      if (metadata.controllerEpoch < this.controllerEpoch) return;
      this.controllerEpoch = metadata.controllerEpoch;
      for (const { name, topicId, partitions } of metadata.topics) {
        const before = this.seen.get(name);
        if (before !== undefined && asked < this.answered) continue;
        if (before !== undefined && before.topicId !== topicId) this.names.delete(before.topicId);
        this.seen.set(name, { topicId, partitions: partitions.length });
        this.names.set(topicId, name);
      }
      this.answered = Math.max(this.answered, asked);
    } catch {
      // Without zkservers groups go on with what is known.
    }
  }
}

/** Strangers name topics: what can not be one is neither kept nor sent on with the questions of others. */
function mayBeName(topic: string): boolean {
  return topicNameFault(topic) === undefined;
}

const REFRESH_MS = 3_000;
const KEEP_ALL_MS = 10_000;
const MISSED_MS = 1_000;
const TIMEOUT_MS = 1_000;
const MAX_RECENT = 10_000;
