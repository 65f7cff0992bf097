// A server that a command started: what it says when it is ready, and how it ends.

export interface RunningServer {
  /** The ready line, as one JSON object. */
  readonly ready: Readonly<Record<string, unknown>>;
  /** The ready line for people. */
  readonly banner: string;
  /** Resolves when everything is closed. Called once. */
  stop(): Promise<void>;
  /** Resolves when the server can not go on, with the reason. */
  readonly failed: Promise<Error>;
}
