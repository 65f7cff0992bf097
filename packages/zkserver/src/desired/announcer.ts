// Tells every live broker what it must hold until it has acknowledged that version: level-triggered, so a call that is
// lost delays and nothing else. One announcement per life of a broker; stopped at once when the zkserver is deposed.
// A newer state does not wait for the answer to an older one: clients may be waiting for what it says.
import { Backoff } from '@zhumq/base';
import type { Clock, Logger, Random, Timer } from '@zhumq/base';
import type { BrokerRegistration } from '@zhumq/model';
import { brokerClient } from '@zhumq/rpc';
import type { ChannelPool, DesiredState } from '@zhumq/rpc';
import type { ClusterView } from '../view/cluster-view.js';

export interface AnnouncerOptions {
  readonly channels: ChannelPool;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly timeoutMs: number;
  /** The state of a broker at this moment. */
  readonly stateOf: (broker: number) => DesiredState;
  /** The broker holds nothing of these topics any more; resolves when that was written down. */
  readonly onDeleted: (broker: number, topicIds: readonly string[]) => Promise<unknown>;
  readonly onSent: (outcome: 'acknowledged' | 'failed') => void;
}

/** Calls to one broker that are under way. A call carries everything, so more of them would do more harm than good. */
const MAX_CALLS = 2;
const BACKOFF = { minMs: 50, maxMs: 5000 };

export class Announcer {
  private readonly announcements = new Map<number, Announcement>();

  constructor(private readonly options: AnnouncerOptions) {}

  /** To be called with every new view: starts, ends and wakes announcements. */
  follow(view: ClusterView): void {
    for (const [id, announcement] of this.announcements) {
      if (announcement.isFor(view.liveBrokers.get(id))) continue;
      announcement.stop();
      this.options.channels.drop(announcement.broker);
      this.announcements.delete(id);
    }
    for (const broker of view.liveBrokers.values()) {
      const announcement =
        this.announcements.get(broker.id) ?? new Announcement(broker, this.options);
      this.announcements.set(broker.id, announcement);
      announcement.wake();
    }
  }

  /** Nothing is sent any more once it returns. */
  stop(): void {
    for (const announcement of this.announcements.values()) announcement.stop();
    this.announcements.clear();
  }

  /** Brokers that have not acknowledged their state yet. */
  get behind(): readonly number[] {
    return [...this.announcements].filter(([, one]) => one.isBehind).map(([id]) => id);
  }
}

class Announcement {
  private readonly stopping = new AbortController();
  private readonly backoff: Backoff;
  private acknowledged = 0;
  /** Newest version that was acknowledged or is on its way. */
  private sent = 0;
  private senders = 0;
  /** Until the same state is sent again; a newer one does not wait for it. */
  private again: Timer | undefined;

  constructor(
    readonly broker: BrokerRegistration,
    private readonly options: AnnouncerOptions,
  ) {
    this.backoff = new Backoff(BACKOFF, options.random);
  }

  get isBehind(): boolean {
    return this.senders > 0 || this.again !== undefined;
  }

  /** A broker that started anew, moved or changed its disk is told everything again. */
  isFor(broker: BrokerRegistration | undefined): boolean {
    return JSON.stringify(broker) === JSON.stringify(this.broker);
  }

  wake(): void {
    if (this.senders >= MAX_CALLS || this.stopping.signal.aborted) return;
    this.senders++;
    void this.run();
  }

  stop(): void {
    this.stopping.abort(new Error('the announcement was stopped'));
    this.again?.cancel();
  }

  /** Never rejects. A sender ends in one turn with its last look at the state, so that no waking is lost. */
  private async run(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      const state = this.options.stateOf(this.broker.id);
      if (state.version <= this.sent) break;
      this.sent = state.version;
      if (await this.trySend(state)) {
        this.acknowledged = Math.max(this.acknowledged, state.version);
        this.backoff.reset();
      } else if (this.sent === state.version) {
        this.sendAgainLater();
      }
    }
    this.senders--;
  }

  private sendAgainLater(): void {
    if (this.stopping.signal.aborted) return;
    this.again ??= this.options.clock.after(this.backoff.nextMs(), () => {
      this.again = undefined;
      // Whoever sends at this moment sees to it.
      if (this.senders > 0) return;
      this.sent = this.acknowledged;
      this.wake();
    });
  }

  private async trySend(state: DesiredState): Promise<boolean> {
    try {
      return await this.send(state);
    } catch (error) {
      if (!this.stopping.signal.aborted) this.reportFailure(error, state);
      return false;
    }
  }

  /** True when the broker has done everything that the state asks for. */
  private async send(state: DesiredState): Promise<boolean> {
    const { channels, timeoutMs, onDeleted, onSent } = this.options;
    const { signal } = this.stopping;
    const client = brokerClient(channels.channel(this.broker));
    const { deletedTopicIds } = await client.reconcile(state, { timeoutMs, signal });
    signal.throwIfAborted();
    onSent('acknowledged');
    const asked = state.tombstones.map(({ topicId }) => topicId);
    const deleted = asked.filter((topicId) => deletedTopicIds.includes(topicId));
    if (deleted.length > 0) await onDeleted(this.broker.id, deleted);
    return deleted.length === asked.length;
  }

  private reportFailure(error: unknown, state: DesiredState): void {
    this.options.onSent('failed');
    this.options.logger.warn(
      { err: error, broker: this.broker.id, version: state.version },
      'the desired state did not reach the broker; it will be sent again',
    );
  }
}
