// The decisions about one group, one after the other: each sees what those before it have committed. What arrives while
// records are being committed is decided together, on one draft, and committed together.
import { ZhumqError } from '@zhumq/base';
import { isError, zhumqError } from '@zhumq/model';
import type { StateRecord } from '../state-machine/state-machine.js';
import type { Moment } from './decision.js';
import { GroupDraft } from './group-draft.js';
import type { Group } from './group.js';

/** Throws what it refuses; then it has left the draft as it was. */
export type Decision<T> = (draft: GroupDraft, moment: Moment) => T;

export interface GroupQueuePort {
  readonly group: string;
  /** The group as applied, good for this turn. Throws when this broker does not coordinate it. */
  look(): { readonly base: Group | undefined; readonly moment: Moment };
  /** Settles when it is certain what became of the records, however long that takes: committed and applied, or lost. */
  propose(records: readonly StateRecord[]): Promise<unknown>;
  /** Resolves when this broker has led at a moment after the call. */
  confirm(): Promise<void>;
  /** Nothing waits any more. */
  idle(): void;
}

interface Waiting {
  readonly decide: Decision<unknown>;
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: unknown) => void;
}

interface Outcome {
  readonly answer?: unknown;
  readonly error?: unknown;
}

export class GroupQueue {
  private readonly waiting: Waiting[] = [];
  private working = false;

  constructor(private readonly port: GroupQueuePort) {}

  /**
   * Answers when what was decided is committed; when nothing is to be committed, when a quorum has confirmed that this
   * broker coordinates: a deposed one must neither grant nor refuse (rule 20).
   */
  run<T>(decide: Decision<T>): Promise<T> {
    if (this.waiting.length >= MAX_WAITING) {
      const { group } = this.port;
      const text = `${MAX_WAITING} decisions about group "${group}" wait already for what was decided before them to be committed`;
      return Promise.reject(zhumqError('OVERLOADED', text, { group, limit: MAX_WAITING }));
    }
    return new Promise<T>((resolve, reject) => {
      this.waiting.push({ decide, resolve: resolve as (answer: unknown) => void, reject });
      if (!this.working) void this.work();
    });
  }

  private async work(): Promise<void> {
    this.working = true;
    while (this.waiting.length > 0) await this.decide(this.waiting.splice(0, MAX_ROUND));
    this.working = false;
    this.port.idle();
  }

  private async decide(round: readonly Waiting[]): Promise<void> {
    try {
      const { base, moment } = this.port.look();
      const draft = new GroupDraft(this.port.group, base);
      const outcomes = round.map(({ decide }) => outcomeOf(() => decide(draft, moment)));
      const broken = outcomes.find(({ error }) => error !== undefined && !ZhumqError.is(error));
      if (broken !== undefined && round.length > 1) return await this.oneByOne(round);
      // Not a refusal: nobody knows what is in the draft.
      if (broken !== undefined) throw broken.error;
      const records = draft.records();
      if (records.length > 0) await this.port.propose(records);
      else {
        this.port.confirm().then(
          () => answer(round, outcomes),
          (error: unknown) => refuse(round, error),
        );
        return;
      }
      answer(round, outcomes);
    } catch (error) {
      if (isError(error, 'MESSAGE_TOO_LARGE') && round.length > 1) await this.oneByOne(round);
      else refuse(round, error);
    }
  }

  private async oneByOne(round: readonly Waiting[]): Promise<void> {
    for (const one of round) await this.decide([one]);
  }
}

/** Decisions that may wait: who asked for them may have gone long ago, when nothing can be committed. */
const MAX_WAITING = 10_000;
/** Decisions in one proposal. */
const MAX_ROUND = 100;

function outcomeOf(decide: () => unknown): Outcome {
  try {
    return { answer: decide() };
  } catch (error) {
    return { error };
  }
}

function answer(round: readonly Waiting[], outcomes: readonly Outcome[]): void {
  round.forEach(({ resolve, reject }, index) => {
    const { error, answer: value } = outcomes[index];
    if (error === undefined) resolve(value);
    else reject(error);
  });
}

function refuse(round: readonly Waiting[], error: unknown): void {
  for (const { reject } of round) reject(error);
}
