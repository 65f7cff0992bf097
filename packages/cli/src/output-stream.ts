// Much data to standard output, no faster than it is read there.
import type { OutputFormat } from './output.js';

export class OutputStream {
  private count = 0;

  constructor(
    private readonly output: NodeJS.WritableStream,
    private readonly format: OutputFormat,
  ) {}

  /** Rows written. */
  get rows(): number {
    return this.count;
  }

  /** Each text is one row: JSON in the formats json and jsonl. Resolves when there is room for more, or after `signal`. */
  async write(rows: readonly (string | Buffer)[], signal?: AbortSignal): Promise<void> {
    if (rows.length === 0) return;
    if (!this.output.write(this.framed(rows))) await drained(this.output, signal);
  }

  /**
   * As write(), but resolves when the rows have left this process: true; or false after `signal`, when nobody knows whether
   * they will. Rejects when nobody reads any more (EPIPE), or they can not be written.
   */
  flush(rows: readonly (string | Buffer)[], signal: AbortSignal): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const giveUp = (): void => resolve(false);
      this.output.write(this.framed(rows), (error) => {
        signal.removeEventListener('abort', giveUp);
        if (error) reject(error);
        else resolve(true);
      });
      signal.addEventListener('abort', giveUp, { once: true });
      if (signal.aborted) giveUp();
    });
  }

  /** Completes what was begun: the array of format json. */
  end(): void {
    if (this.format === 'json') this.output.write(this.count === 0 ? '[]\n' : '\n]\n');
  }

  private framed(rows: readonly (string | Buffer)[]): Buffer {
    const pieces = rows.flatMap((text) => {
      const row = typeof text === 'string' ? Buffer.from(text) : text;
      const first = this.count === 0;
      this.count += 1;
      if (this.format !== 'json') return [row, LINE_FEED];
      return [first ? OPENING : COMMA, row];
    });
    return Buffer.concat(pieces);
  }
}

const LINE_FEED = Buffer.from('\n');
const OPENING = Buffer.from('[\n');
const COMMA = Buffer.from(',\n');

function drained(output: NodeJS.WritableStream, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      output.removeListener('drain', done);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    output.once('drain', done);
    signal?.addEventListener('abort', done, { once: true });
    if (signal?.aborted === true) done();
  });
}
