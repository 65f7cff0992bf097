// The loop of consume: fetches, prints, and knows when it is done.
import { SystemClock } from '@zhumq/base';
import type { Clock } from '@zhumq/base';
import type { Consumer, Message } from '@zhumq/client';
import { note } from '../../output.js';
import { SILENCE_MS } from '../../waiting.js';

/** Messages that are printed with one write. */
const BATCH_MESSAGES = 500;
/** To become a member of a group may take so long before a silence counts. */
const JOINING_MS = 10_000;
const LOOK_JOINED_MS = 100;
/** One fetch waits this long, so that the limits are looked at in between. */
const FETCH_WAIT_MS = 1_000;
/** So long before a silence is over it is asked what was not read: the answer is there at its end, which is not put off. */
const ASK_BEFORE_MS = 500;
/** So much later than it was to end, a fetch is given up: it has not found the topic yet. */
const OVERDUE_MS = 50;

export interface ReadLimits {
  /** Messages over all partitions. */
  readonly max: number;
  /** Ends when nothing came for this long, counted from the call and from each message. */
  readonly idleMs: number;
  /** The silence begins when this is over, JOINING_MS after the call at the latest: so long nothing can come. */
  readonly joining?: () => boolean;
  /** Told when a silence is over in `leftMs`, unless something comes. */
  readonly silenceEnds?: (leftMs: number) => void;
  readonly clock?: Clock;
}

export interface ReadEnd {
  readonly printed: number;
  readonly by: 'max' | 'silence' | 'signal';
}

/**
 * `print` resolves when there is room for more: false when that was given up, because a signal came. Rejects with what
 * reading ends with that no waiting can cure, and with what `print` rejects with.
 */
export async function readMessages(
  consumer: Pick<Consumer, 'fetch'>,
  print: (messages: readonly Message[]) => Promise<boolean>,
  { max, idleMs, joining, silenceEnds, clock = new SystemClock() }: ReadLimits,
  signal: AbortSignal,
): Promise<ReadEnd> {
  const beganMs = clock.monotonicMs();
  let lastMs = beganMs;
  let joined = joining === undefined;
  let printed = 0;
  let told = false;
  let asked = false;
  while (printed < max) {
    if (signal.aborted) return { printed, by: 'signal' };
    const nowMs = clock.monotonicMs();
    if (!joined) {
      joined = joining?.() !== true || nowMs - beganMs >= JOINING_MS;
      lastMs = nowMs;
    }
    const leftMs = joined ? idleMs - (nowMs - lastMs) : Infinity;
    if (!asked && leftMs <= ASK_BEFORE_MS) {
      asked = true;
      silenceEnds?.(Math.max(0, leftMs));
    }
    if (leftMs <= 0) return { printed, by: 'silence' };
    if (!told && printed === 0 && nowMs - beganMs >= SILENCE_MS) {
      told = true;
      note(
        `zhumq: waiting for ${joined ? 'messages, none came yet' : 'the group'}; Ctrl-C ends ...`,
      );
    }
    const untilToldMs = told ? Infinity : Math.max(1, SILENCE_MS - (nowMs - beganMs));
    const untilAskedMs = asked ? leftMs : leftMs - ASK_BEFORE_MS;
    const untilLookedMs = joined ? FETCH_WAIT_MS : LOOK_JOINED_MS;
    const wait = Math.ceil(Math.min(untilLookedMs, untilAskedMs, untilToldMs));
    const request = { max: Math.min(BATCH_MESSAGES, max - printed), wait };
    const messages = await fetchWithin(consumer, request, leftMs + OVERDUE_MS, clock, signal);
    if (messages.length === 0) continue;
    if (!(await print(messages))) return { printed, by: 'signal' };
    printed += messages.length;
    lastMs = clock.monotonicMs();
    asked = false;
  }
  return { printed, by: 'max' };
}

/** Nothing, when it was aborted or took longer than it may. */
async function fetchWithin(
  consumer: Pick<Consumer, 'fetch'>,
  request: { readonly max: number; readonly wait: number },
  limitMs: number,
  clock: Clock,
  signal: AbortSignal,
): Promise<Message[]> {
  const giveUp = new AbortController();
  const abort = (): void => giveUp.abort(signal.reason);
  const timer = limitMs === Infinity ? undefined : clock.after(limitMs, abort);
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await consumer.fetch({ ...request, signal: giveUp.signal });
  } catch (error) {
    if (giveUp.signal.aborted) return [];
    throw error;
  } finally {
    timer?.cancel();
    signal.removeEventListener('abort', abort);
  }
}
