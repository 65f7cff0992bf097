// Requests that name many partitions: after so many the event loop gets its turn, so that nobody else waits for them.

/** Each of them may cost some 20 microseconds: most of it for an error, when there is nothing of that name. */
export const ITEMS_PER_TURN = 128;

export const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
