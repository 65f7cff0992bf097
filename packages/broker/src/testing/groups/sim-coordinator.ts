// A broker that coordinates while it believes to lead: requests wait in a queue, one round of decisions is out at a time,
// its answers are given when its records are committed. What a driver of the pure decisions must do, and, on demand, fails
// to do.
import type { StateRecord } from '../../state-machine/state-machine.js';
import type { Moment } from '../../groups/decision.js';
import { GroupDraft } from '../../groups/group-draft.js';
import type { Group } from '../../groups/group.js';
import { GroupsState } from '../../groups/groups-state.js';
import { expireMembers, heartbeat } from '../../groups/heartbeat.js';
import { commitPositions } from '../../groups/positions.js';
import { Sessions } from '../../groups/sessions.js';

/** What a test may put in the place of the real thing. */
export interface Ways {
  readonly newDraft: (name: string, group: Group | undefined) => GroupDraft;
  readonly heartbeat: typeof heartbeat;
  readonly commitPositions: typeof commitPositions;
  readonly answersBeforeCommit: boolean;
  readonly decidesMeanwhile: boolean;
}

export const RIGHT_WAYS: Ways = {
  newDraft: (name, group) => new GroupDraft(name, group),
  heartbeat,
  commitPositions,
  answersBeforeCommit: false,
  decidesMeanwhile: false,
};

/** Decides on a draft and gives the answer, or throws. `tell` gets what comes of it. */
export interface Request {
  readonly decide: (draft: GroupDraft, moment: Moment, ways: Ways) => unknown;
  readonly tell: (outcome: { answer: unknown } | { error: unknown }) => void;
  /** Only the checker wants to know: when the decision's records are committed, before they are applied. */
  readonly committing?: (answer: unknown) => void;
}

interface Outcome {
  readonly request: Request;
  readonly answer: unknown;
}

export interface Round {
  readonly term: number;
  readonly records: readonly StateRecord[];
  readonly outcomes: readonly Outcome[];
}

export const GROUP = 'g';

export class SimCoordinator {
  state = new GroupsState();
  /** Term in which it believes to lead; 0: it does not. */
  term = 0;
  sessions = new Sessions();
  private queue: Request[] = [];
  private rounds: Round[] = [];

  constructor(private readonly ways: Ways) {}

  /** Everything that is committed is applied here before it serves. */
  lead(term: number, log: readonly StateRecord[]): void {
    this.state = new GroupsState();
    for (const record of log) this.state.apply(record);
    this.sessions = new Sessions();
    this.term = term;
    this.queue = [];
    this.rounds = [];
  }

  resign(): void {
    this.term = 0;
    for (const request of this.queue.splice(0)) request.tell({ error: 'NOT_COORDINATOR' });
    this.rounds = [];
  }

  receive(request: Request, memberId: string, now: number): void {
    if (this.term === 0) {
      request.tell({ error: 'NOT_COORDINATOR' });
      return;
    }
    if (memberId !== '') this.sessions.hear(GROUP, memberId, now);
    this.queue.push(request);
  }

  look(now: number): void {
    if (this.term === 0) return;
    const memberIds = this.sessions.expired(this.state.all(), now).get(GROUP) ?? [];
    if (memberIds.length === 0) return;
    this.queue.push({
      tell: () => undefined,
      decide: (draft, moment) => {
        const group = this.state.get(GROUP);
        const still = memberIds.filter((one) =>
          group === undefined ? false : this.sessions.isExpired(group, one, moment.now),
        );
        expireMembers(draft, still, moment);
      },
    });
  }

  /** Decides what waits; gives back a round that is to be committed. */
  work(moment: Moment): Round | undefined {
    if (this.term === 0 || this.queue.length === 0) return undefined;
    if (this.rounds.length > 0 && !this.ways.decidesMeanwhile) return undefined;
    const draft = this.ways.newDraft(GROUP, this.state.get(GROUP));
    const outcomes: Outcome[] = [];
    for (const request of this.queue.splice(0)) {
      try {
        outcomes.push({ request, answer: request.decide(draft, moment, this.ways) });
      } catch (error) {
        request.tell({ error });
      }
    }
    const round = { term: this.term, records: draft.records(), outcomes };
    if (round.records.length === 0) {
      answer(round);
      return undefined;
    }
    if (this.ways.answersBeforeCommit) answer(round);
    this.rounds.push(round);
    return round;
  }

  /** The round is in the log. */
  committed(round: Round): void {
    if (!this.rounds.includes(round)) return;
    this.rounds = this.rounds.filter((one) => one !== round);
    for (const record of round.records) this.state.apply(record);
    if (!this.ways.answersBeforeCommit) answer(round);
  }
}

function answer(round: Round): void {
  for (const { request, answer: given } of round.outcomes) request.tell({ answer: given });
}
