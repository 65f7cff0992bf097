// Reads standard input to its end and sends each line, as fast as messages are acknowledged.
import type { Readable } from 'node:stream';
import type { OutgoingMessage } from '@zhumq/client';
import type { LineSender } from './line-sender.js';
import { LineSplitter } from './line-splitter.js';

/** How long messages under way may still be acknowledged after a signal. */
const GRACE_MS = 3_000;

/** Resolves when everything is acknowledged, something failed (see `sender.failure`), or after `signal`. */
export async function sendInput(
  input: Readable,
  sender: LineSender,
  toMessage: (line: Buffer, number: number) => OutgoingMessage,
  signal: AbortSignal,
): Promise<void> {
  const stop = AbortSignal.any([signal, sender.failed]);
  let number = 0;
  try {
    for await (const lines of inputLines(input, stop)) {
      for (const line of lines) {
        if (!sender.roomLeft) await sender.until(() => sender.roomLeft, stop);
        if (stop.aborted) break;
        number += 1;
        sender.send(number, toMessage(line, number), line.length);
      }
    }
  } catch (error) {
    sender.fail(number, error);
  }
  const settled = (): boolean => sender.underWay === 0;
  await sender.until(settled, signal);
  if (!settled()) await sender.until(settled, AbortSignal.timeout(GRACE_MS));
}

/** The lines of each chunk; `stop` also ends a read that waits for a person, or for a program that says nothing. */
export async function* inputLines(input: Readable, stop: AbortSignal): AsyncGenerator<Buffer[]> {
  const splitter = new LineSplitter();
  const stopReading = (): void => void input.destroy();
  stop.addEventListener('abort', stopReading, { once: true });
  try {
    for await (const chunk of input) {
      if (stop.aborted) return;
      yield splitter.push(chunk as Buffer);
    }
    const last = splitter.end();
    if (last !== undefined) yield [last];
  } catch (error) {
    if (!stop.aborted) throw error;
  } finally {
    stop.removeEventListener('abort', stopReading);
  }
}
