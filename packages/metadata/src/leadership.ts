// What a zkserver holds while it is the active one: its epoch, and writes that only succeed while nobody has a larger one.
import { zhumqError } from '@zhumq/model';
import type { MetadataStore, MultiDone, Refused, StoreOperation } from './metadata-store.js';
import { paths } from './paths.js';

export type DeposedReason =
  /** Own deadline or the servers' word; the ephemeral node may be there a little longer. */
  | 'session-lost'
  /** `/controller` is gone or another's. */
  | 'replaced'
  /** A write met a larger epoch. */
  | 'fenced'
  /** `stop` was called. */
  | 'resigned';

export class Leadership {
  private ended: DeposedReason | undefined;

  constructor(
    private readonly store: MetadataStore,
    /** The version of /controller_epoch: one more with every election, never again the same. From 1. */
    readonly epoch: number,
    /** The session in which the election was won. */
    readonly sessionNumber: number,
    private readonly onEnded: (reason: DeposedReason) => void,
  ) {}

  /** False from the moment of deposition on. Also false when the session was lost and nobody has noticed yet. */
  get isActive(): boolean {
    const { state, number } = this.store.session;
    return this.ended === undefined && state !== 'lost' && number === this.sessionNumber;
  }

  /**
   * A multi that is done only while this epoch is the newest. STALE_CONTROLLER when it is not (nothing was written);
   * the index of a refusal counts the caller's operations. STORE_UNAVAILABLE: it may have been done; a `fresh` read of
   * what it would have changed tells.
   */
  async fencedMulti(operations: readonly StoreOperation[]): Promise<MultiDone | Refused> {
    if (!this.isActive) throw this.stale();
    const fence = { kind: 'check', path: paths.controllerEpoch, version: this.epoch } as const;
    const outcome = await this.store.multi([fence, ...operations]);
    if (outcome.ok) return { ok: true, results: outcome.results.slice(1) };
    if (outcome.index > 0) return { ...outcome, index: outcome.index - 1 };
    this.end('fenced');
    throw this.stale();
  }

  /** Once. The listener runs before it returns. */
  end(reason: DeposedReason): void {
    if (this.ended !== undefined) return;
    this.ended = reason;
    this.onEnded(reason);
  }

  private stale(): Error {
    const message = `This zkserver is no longer the active one (its epoch was ${this.epoch}: ${this.ended ?? 'session-lost'})`;
    return zhumqError('STALE_CONTROLLER', message, { epoch: this.epoch });
  }
}
