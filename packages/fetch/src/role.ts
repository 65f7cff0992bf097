// What a role is, and how one asks for another. The transitions themselves are in roles.ts.
import type { Role } from './types.js';

export interface RoleState {
  readonly role: Role;
  tick(): void;
  /** More of the log is on disk or synced. */
  logSynced(): void;
}

export interface Transitions {
  /** A larger epoch exists: this leader is deposed. */
  stepDown(): void;
  /** Something that cannot happen happened: does nothing any more. */
  halt(reason: string): void;
}
