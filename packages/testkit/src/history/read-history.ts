// Reads a history file event by event; memory does not grow with the file.
import { createReadStream } from 'node:fs';
import type { HistoryEvent } from './events.js';
import { HistoryInvalid, parseEvent } from './parse-event.js';

/** Of one line; a poll of a million records is shorter. */
const LINE_BYTES = 64 * 1024 * 1024;
const NEWLINE = 0x0a;

/** Calls back with each event and the number of its line (from 1). Empty lines are passed over. Throws HistoryInvalid. */
export async function readHistory(
  file: string,
  take: (event: HistoryEvent, line: number) => void,
): Promise<void> {
  let line = 0;
  let rest: Buffer[] = [];
  let restBytes = 0;
  const end = (bytes: Buffer): void => {
    line += 1;
    const text = bytes.toString('utf8').trim();
    if (text !== '') take(parseEvent(text, line), line);
  };
  for await (const chunk of createReadStream(file, { highWaterMark: 1024 * 1024 })) {
    let bytes = chunk as Buffer;
    for (let at = bytes.indexOf(NEWLINE); at !== -1; at = bytes.indexOf(NEWLINE)) {
      const own = bytes.subarray(0, at);
      end(rest.length === 0 ? own : Buffer.concat([...rest, own]));
      rest = [];
      restBytes = 0;
      bytes = bytes.subarray(at + 1);
    }
    if (bytes.length === 0) continue;
    rest.push(bytes);
    restBytes += bytes.length;
    if (restBytes > LINE_BYTES)
      throw new HistoryInvalid(line + 1, `is longer than ${LINE_BYTES} bytes`);
  }
  if (rest.length > 0) end(Buffer.concat(rest));
}
