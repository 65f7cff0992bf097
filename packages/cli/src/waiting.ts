// Nothing is silent for long: says on standard error what a command waits for. And the pause between two looks.
import { note } from './output.js';

/** From then on a silence is explained. */
export const SILENCE_MS = 1_500;
const AGAIN_MS = 10_000;

/** Gives the result of `work`; meanwhile says what is waited for when it takes longer than a person expects. */
export async function tellIfSlow<T>(what: string, work: Promise<T>): Promise<T> {
  const startedMs = Date.now();
  const tell = (): void => {
    const seconds = Math.round((Date.now() - startedMs) / 1000);
    note(`zhumq: waiting for ${what}${seconds > 2 ? `, for ${seconds} s now` : ''} ...`);
    timer = setTimeout(tell, AGAIN_MS);
  };
  let timer = setTimeout(tell, SILENCE_MS);
  try {
    return await work;
  } finally {
    clearTimeout(timer);
  }
}

/** Between two looks of --watch; over at once when the signal is aborted. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener('abort', end, { once: true });
  });
}
