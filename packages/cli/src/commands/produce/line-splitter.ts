// Bytes to lines. Only a line feed (0x0A) ends a line; every other byte belongs to it, also a carriage return before it.
import { UsageError } from '../../exit-codes.js';

const LINE_FEED = 0x0a;
/** The most that a topic can take as one message. */
export const MAX_LINE_BYTES = 64 * 2 ** 20;

export class LineSplitter {
  private parts: Buffer[] = [];
  private partBytes = 0;

  /** The lines that this chunk ends. Throws UsageError for a line that no topic can take. */
  push(chunk: Buffer): Buffer[] {
    const lines: Buffer[] = [];
    let start = 0;
    for (;;) {
      const end = chunk.indexOf(LINE_FEED, start);
      if (end < 0) break;
      lines.push(this.completed(chunk.subarray(start, end)));
      start = end + 1;
    }
    if (start < chunk.length) this.keep(chunk.subarray(start));
    return lines;
  }

  /** The last line, when it does not end with a line feed. */
  end(): Buffer | undefined {
    return this.parts.length === 0 ? undefined : this.completed(Buffer.alloc(0));
  }

  private completed(rest: Buffer): Buffer {
    if (this.parts.length === 0) return rest;
    const line = Buffer.concat([...this.parts, rest]);
    this.parts = [];
    this.partBytes = 0;
    return line;
  }

  private keep(part: Buffer): void {
    this.parts.push(part);
    this.partBytes += part.length;
    if (this.partBytes > MAX_LINE_BYTES)
      throw new UsageError(
        'A line of the input is longer than 64 MiB, the most that a message can be',
      );
  }
}
