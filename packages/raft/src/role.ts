// What a role is, and how one asks for another. The transitions themselves are in roles.ts.
import type { Message, ReplicaId, Role, Term } from './types.js';

export interface RoleState {
  readonly role: Role;
  /** See RaftStateMachine. */
  readonly asleep: boolean;
  tick(): void;
  /** A well-formed message of the present term (or a pre-vote reply for the next one). */
  step(message: Message): void;
  /** More of the log is on disk. */
  logSynced(): void;
  /** Term and vote are on disk. */
  ballotSynced(): void;
  /** Ends a sleep; see RaftStateMachine. */
  wake(leaderLost: boolean): void;
  /** The role ends here. */
  leave(): void;
}

export interface Transitions {
  becomeFollower(term: Term, leader: ReplicaId | undefined): void;
  becomePreCandidate(): void;
  becomeCandidate(transfer: boolean): void;
  becomeLeader(): void;
  /** Something that cannot happen happened: steps down and does nothing any more. */
  halt(reason: string): void;
  /** The log is to be emptied and filled again: does nothing any more. */
  startOver(): void;
}
