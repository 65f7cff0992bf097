// Closes all voters of a group at once and gathers what they answer, until that is enough to decide on. Each voter is
// asked again until it answers; one whose broker is not alive is asked as soon as it is.
import { Backoff, assert, delay } from '@zhumq/base';
import type { Clock, Random, Timer } from '@zhumq/base';
import type { BrokerRegistration, Replica } from '@zhumq/model';
import type { CloseAnswer } from './switch-events.js';
import { majorityOf } from './switched-partition.js';

export interface CloseRoundParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly signal: AbortSignal;
  readonly voters: readonly Replica[];
  /** undefined while it is not alive, or has another data directory. */
  readonly brokerOf: (voter: Replica) => BrokerRegistration | undefined;
  readonly close: (broker: BrokerRegistration, signal: AbortSignal) => Promise<CloseAnswer>;
  readonly onFailure: (voter: Replica, error: unknown) => void;
  /** How long a majority waits for the others, and whether also for those whose broker is not alive. */
  readonly waitMs: number;
  readonly waitForDead: boolean;
  /** The round ends then with what it has. */
  readonly limitMs: number;
}

const BACKOFF = { minMs: 5, maxMs: 250 };

export class CloseRound {
  private readonly answers = new Map<string, CloseAnswer>();
  private readonly ending = new AbortController();
  private readonly timers: Timer[] = [];
  private majoritySinceMs: number | undefined;

  constructor(private readonly parts: CloseRoundParts) {}

  /** Once. Rejects when the signal is aborted. */
  async run(): Promise<readonly CloseAnswer[]> {
    const { voters, signal, clock, limitMs } = this.parts;
    signal.throwIfAborted();
    const end = (): void => this.end();
    signal.addEventListener('abort', end, { once: true });
    if (Number.isFinite(limitMs)) this.timers.push(clock.after(limitMs, end));
    try {
      await Promise.all(voters.map((voter) => this.ask(voter)));
    } finally {
      for (const timer of this.timers) timer.cancel();
      signal.removeEventListener('abort', end);
    }
    signal.throwIfAborted();
    return [...this.answers.values()];
  }

  /** Until it has answered or the round has ended; never rejects. */
  private async ask(voter: Replica): Promise<void> {
    const { clock, random, brokerOf, close, onFailure } = this.parts;
    const { signal } = this.ending;
    const backoff = new Backoff(BACKOFF, random);
    while (!signal.aborted) {
      const broker = brokerOf(voter);
      try {
        if (broker !== undefined) return this.take(voter, await close(broker, signal));
      } catch (error) {
        if (!signal.aborted) onFailure(voter, error);
      }
      await delay(clock, backoff.nextMs(), signal).catch(() => undefined);
    }
  }

  private take(voter: Replica, answer: CloseAnswer): void {
    const { replicaId, broker } = voter;
    assert(answer.replicaId === replicaId, `broker ${broker} answered for another replica`);
    this.answers.set(replicaId, answer);
    this.endIfEnough();
  }

  private endIfEnough(): void {
    const { voters, clock, waitMs, waitForDead, brokerOf } = this.parts;
    if (this.answers.size < majorityOf(voters.length)) return;
    if (this.majoritySinceMs === undefined) {
      this.majoritySinceMs = clock.monotonicMs();
      this.timers.push(clock.after(waitMs, () => this.endIfEnough()));
    }
    const missing = voters.filter(({ replicaId }) => !this.answers.has(replicaId));
    const isWaitedFor = (voter: Replica): boolean => waitForDead || brokerOf(voter) !== undefined;
    const isLate = clock.monotonicMs() - this.majoritySinceMs >= waitMs;
    if (isLate || !missing.some(isWaitedFor)) this.end();
  }

  private end(): void {
    this.ending.abort(new Error('the round has ended'));
  }
}
