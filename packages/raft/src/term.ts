// The number line of terms and where it ends.
import type { Term } from './types.js';

/** A record batch stores its epoch in an i32, so a larger term could not be written down. */
export const MAX_TERM: Term = 2 ** 31 - 1;

export function isTerm(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0 && value <= MAX_TERM;
}
