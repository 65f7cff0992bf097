// What is replicated by a partition of an internal topic: state that follows from the records of its log, in order, and from
// nothing else. Pure and synchronous: no time, no randomness, no I/O; all of that stands in the records.

/** What the state is told, and what it tells of itself in a snapshot. */
export interface StateRecord {
  readonly key: Buffer;
  /** null: what the key named is gone. */
  readonly value: Buffer | null;
}

/** A record that is committed. Its buffers are parts of larger ones: what is kept of them for long is to be copied. */
export interface AppliedRecord extends StateRecord {
  readonly offset: number;
  /** Milliseconds since 1970: when it was proposed; of a record of a snapshot, when that was written. */
  readonly timestamp: number;
}

export interface StateMachine {
  /**
   * A record, also one that `snapshot` gave. What it throws puts the state machine out of service on this broker: the
   * same record would give other states elsewhere.
   */
  apply(record: AppliedRecord): void;
  /**
   * The whole state as records: applied to an empty state machine, in order, they give this state. Read bit by bit over
   * several turns; nothing is applied meanwhile.
   */
  snapshot(): Iterable<StateRecord>;
  /** Back to the beginning: nothing was applied yet. */
  reset(): void;
}
