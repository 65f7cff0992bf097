// Waiting for a condition, with a deadline.

const LOOK_MS = 50;

/** Resolves with the first answer that is neither false nor undefined; an attempt that throws counts as "not yet". */
export async function until<T>(
  what: string,
  timeoutMs: number,
  attempt: () => T | Promise<T>,
  lookMs = LOOK_MS,
): Promise<Exclude<T, false | undefined>> {
  const deadline = performance.now() + timeoutMs;
  let last: unknown = 'not yet';
  for (;;) {
    try {
      const answer = await attempt();
      if (answer !== false && answer !== undefined) return answer as Exclude<T, false | undefined>;
      last = 'not yet';
    } catch (error) {
      last = error;
    }
    if (performance.now() > deadline)
      throw new Error(`waited ${timeoutMs} ms for: ${what} (${String(last)})`);
    await new Promise((resolve) => setTimeout(resolve, lookMs));
  }
}
