// A leader's side of sealing its generation: who asked, and when they may be answered. Committed is enough to be safe;
// but when every voter that is there has the seal, the switch finds a majority of equal ends and needs no repair, so a
// committed seal waits a moment for the rest (decision 14).
import type { Clock, Timer } from '@zhumq/base';
import type { ReplicaLog } from '@zhumq/log';
import { zhumqError } from '@zhumq/model';
import type { RaftCore } from '@zhumq/raft';
import type { Seal, SealTracker } from '../../partition/seal-tracker.js';
import type { SealedEnd } from '../replicator.js';

export interface RaftSealingOptions {
  readonly core: RaftCore;
  readonly log: ReplicaLog;
  readonly voters: readonly string[];
  readonly clock: Clock;
  readonly seals: SealTracker;
  /** Appends the seal of that intent. */
  readonly append: (transitionId: string) => void;
}

interface Asking {
  readonly resolve: (end: SealedEnd) => void;
  readonly reject: (error: Error) => void;
  readonly timer: Timer;
}

export class RaftSealing {
  private asking: Asking[] = [];
  /** When a look found the seal committed first. */
  private committed: { readonly seal: Seal; readonly sinceMs: number } | undefined;
  private graceTimer: Timer | undefined;

  constructor(private readonly options: RaftSealingOptions) {}

  /** The caller has made sure that this replica leads and knows whether its log is sealed. */
  seal(transitionId: string, deadlineMs: number): Promise<SealedEnd> {
    const { seals, clock, append } = this.options;
    if (this.asking.length >= MAX_ASKING)
      throw zhumqError(
        'OVERLOADED',
        `${MAX_ASKING} calls wait for the seal of this partition already`,
      );
    return new Promise((resolve, reject) => {
      const waitMs = Math.max(deadlineMs - clock.monotonicMs(), 0);
      const asking: Asking = {
        resolve,
        reject,
        timer: clock.after(waitMs, () => this.expire(asking)),
      };
      this.asking.push(asking);
      try {
        // Whoever's seal is there: there is one in a generation, and asking again changes nothing (rule 17).
        if (seals.seal === undefined) append(transitionId);
      } catch (error) {
        this.fail(error as Error);
        return;
      }
      this.check();
    });
  }

  /** After everything that may have moved the commit or a match. */
  check(): void {
    if (this.asking.length === 0) return;
    const { core, seals, clock } = this.options;
    const { seal } = seals;
    if (core.role !== 'leader' || seal === undefined) {
      this.fail(this.error('LEADERSHIP_LOST', 'lost its leader while it was being sealed'));
      return;
    }
    if (core.commit < seal.endOffset - 1) return;
    const nowMs = clock.monotonicMs();
    if (this.committed?.seal !== seal) {
      this.committed = { seal, sinceMs: nowMs };
      this.graceTimer?.cancel();
      this.graceTimer = clock.after(GRACE_MS, () => this.check());
    }
    if (nowMs - this.committed.sinceMs < GRACE_MS && !this.allActiveHold(seal)) return;
    const end: SealedEnd = { ...seal, replicas: this.holders(seal) };
    for (const { resolve } of this.take()) resolve(end);
  }

  fail(error: Error): void {
    for (const { reject } of this.take()) reject(error);
  }

  private take(): Asking[] {
    const asking = this.asking;
    this.asking = [];
    this.graceTimer?.cancel();
    this.graceTimer = undefined;
    this.committed = undefined;
    for (const { timer } of asking) timer.cancel();
    return asking;
  }

  private expire(asking: Asking): void {
    this.asking = this.asking.filter((one) => one !== asking);
    asking.reject(
      this.error(
        'TIMEOUT',
        'could not commit its seal in time: a majority of its voters is slow or away; it may be sealed all the same',
      ),
    );
  }

  private allActiveHold({ endOffset }: Seal): boolean {
    const { core, voters } = this.options;
    return core
      .peers()
      .filter(({ replica, active }) => active && voters.includes(replica))
      .every(({ matched }) => matched >= endOffset - 1);
  }

  private holders({ endOffset }: Seal): readonly string[] {
    const { core, log } = this.options;
    const holders = core
      .peers()
      .filter(({ matched, tainted }) => matched >= endOffset - 1 && !tainted)
      .map(({ replica }) => replica);
    if (log.durableEnd >= endOffset) holders.push(log.identity.replicaId);
    return holders;
  }

  private error(code: 'LEADERSHIP_LOST' | 'TIMEOUT', predicate: string): Error {
    const { topic, partition } = this.options.log.identity;
    return zhumqError(code, `partition ${topic}-${partition} ${predicate}`, { topic, partition });
  }
}

/** After the commit: for voters that are there and a little behind. */
const GRACE_MS = 200;
/** Calls that may wait: a zkserver that asks again and again, or several, must not cost memory without end. */
const MAX_ASKING = 100;
