// Waiting in tests: for a condition, with a deadline. Nothing here sleeps for its own sake.

const LOOK_MS = 25;

export interface UntilOptions {
  /** Generous: machines are slow and shared; a minute by default. */
  readonly timeoutMs?: number;
  /** What stood in the way, for the failure's message. */
  readonly state?: () => unknown;
}

/** Resolves with the first truthy answer. An attempt that throws counts as "not yet"; the last error is reported. */
export async function until<T>(
  what: string,
  attempt: () => T | Promise<T>,
  { timeoutMs = 60_000, state }: UntilOptions = {},
): Promise<NonNullable<T>> {
  const deadline = performance.now() + timeoutMs;
  let last: unknown = 'never true';
  for (;;) {
    try {
      const answer = await attempt();
      if (answer) return answer;
      last = 'not yet true';
    } catch (error) {
      last = error instanceof Error ? error.stack : error;
    }
    if (performance.now() > deadline) {
      const found = state === undefined ? '' : `; found ${JSON.stringify(state())}`;
      throw new Error(`waited ${timeoutMs} ms for: ${what} (${String(last)}${found})`);
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}
