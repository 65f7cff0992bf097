// Places in the write-ahead log: file number, then byte in that file.

export interface WalPosition {
  /** Number of the file: its name, and its generation. The first is 1; numbers are never used again. */
  readonly file: number;
  readonly offset: number;
}

/** Before everything: what is known to be durable in a log that nobody wrote yet. */
export const WAL_BEGINNING: WalPosition = { file: 0, offset: 0 };

/** Negative, zero or positive, as in a sort. */
export function comparePositions(one: WalPosition, other: WalPosition): number {
  return one.file === other.file ? one.offset - other.offset : one.file - other.file;
}

export function laterPosition(one: WalPosition, other: WalPosition): WalPosition {
  return comparePositions(one, other) < 0 ? other : one;
}
