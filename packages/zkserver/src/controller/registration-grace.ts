// How long a broker that is not registered is waited for. Every registration ends with its session, and after an outage of
// the metadata store all sessions may be over while all brokers live: to elect everywhere and to shrink every ISR to one
// member in that moment would do more harm than a late election. So, for one session timeout after our own session was
// lost and another one began, absence counts for nothing. A standby that kept its session takes office without any delay.
//
// A zkserver that has just started does not know what was before: it waits for brokers that it has not seen yet.
import type { Clock } from '@zhumq/base';
import type { MetadataStore, Session } from '@zhumq/metadata';
import type { ClusterView } from '../view/cluster-view.js';

export interface RegistrationGraceOptions {
  readonly store: Pick<MetadataStore, 'session' | 'onSession'>;
  readonly clock: Clock;
  /** Of the brokers: whoever lives has registered again by then. */
  readonly sessionTimeoutMs: number;
}

export class RegistrationGrace {
  private readonly seen = new Set<number>();
  private readonly forgetSession: () => void;
  private session: number;
  private endMs: number;
  private afterLoss = false;

  constructor(private readonly options: RegistrationGraceOptions) {
    const { store, clock, sessionTimeoutMs } = options;
    this.session = store.session.number;
    this.endMs = clock.monotonicMs() + sessionTimeoutMs;
    this.forgetSession = store.onSession((session) => this.follow(session));
  }

  /** 0: who is absent is gone. */
  get remainingMs(): number {
    return Math.max(0, Math.ceil(this.endMs - this.options.clock.monotonicMs()));
  }

  /** To be called with every view. */
  see({ liveBrokers }: Pick<ClusterView, 'liveBrokers'>): void {
    for (const id of liveBrokers.keys()) this.seen.add(id);
  }

  /** Whether a broker that is not registered counts as alive. */
  isAwaited(broker: number): boolean {
    return this.remainingMs > 0 && (this.afterLoss || !this.seen.has(broker));
  }

  stop(): void {
    this.forgetSession();
  }

  private follow({ state, number }: Session): void {
    if (state !== 'connected' || number === this.session) return;
    this.afterLoss = this.session > 0;
    this.session = number;
    this.endMs = this.options.clock.monotonicMs() + this.options.sessionTimeoutMs;
  }
}
