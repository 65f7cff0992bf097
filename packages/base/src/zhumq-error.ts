// The base of every expected failure. Codes, names and sentences stand in the error table of the model package.

export interface ErrorKind {
  /** Number on the wire; never used again for something else. */
  readonly code: number;
  /** Stable name for programs: `NOT_LEADER`. */
  readonly name: string;
  /** The same request may succeed later, or elsewhere. */
  readonly retriable: boolean;
  /** The object that raised it (producer, session …) can not be used any more. */
  readonly fatal: boolean;
  /**
   * Whether the request certainly had no effect (`rejected`) or may have had one (`unknown`). A caller that must not
   * do a thing twice looks at this.
   */
  readonly outcome: 'rejected' | 'unknown';
}

/** Values that the message speaks of, by name. */
export type ErrorContext = Readonly<Record<string, string | number | boolean>>;

/** An expected failure: what happened, to what, and what to do next. */
export class ZhumqError extends Error {
  override readonly name = 'ZhumqError';
  readonly code: string;
  readonly kind: ErrorKind;
  readonly retriable: boolean;
  readonly fatal: boolean;
  readonly outcome: 'rejected' | 'unknown';
  readonly context: ErrorContext;
  /** Where the error is explained, relative to the repository. */
  readonly helpUrl: string;

  constructor(kind: ErrorKind, message: string, context: ErrorContext = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.kind = kind;
    this.code = kind.name;
    this.retriable = kind.retriable;
    this.fatal = kind.fatal;
    this.outcome = kind.outcome;
    this.context = context;
    this.helpUrl = `docs/errors.md#${kind.name.toLowerCase()}`;
  }

  /** True for errors of this class, also when another copy of the package made them. */
  static is(error: unknown): error is ZhumqError {
    return error instanceof Error && error.name === 'ZhumqError' && 'kind' in error;
  }
}
