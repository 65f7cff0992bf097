// What consume does besides reading when it is a member of a group: knows its partitions, tells a person what becomes of them,
// keeps account of what is printed, and at the end commits exactly that, then leaves.
import type { Consumer, Message } from '@zhumq/client';
import { note } from '../../output.js';
import { tellIfSlow } from '../../waiting.js';

/** A coordinator that died is replaced within this time. */
const COMMIT_TIMEOUT_MS = 10_000;
const LEAVE_TIMEOUT_MS = 2_000;

/** Rows that are written together: so much goes into a pipe as a whole or not at all (PIPE_BUF). */
const SLICE_BYTES = 4096;
/** Of a row: its line feed, or in JSON what parts it from the one before. */
const FRAME_BYTES = 2;

type Member = Pick<Consumer, 'on' | 'health' | 'commit' | 'close'>;

export class GroupReader {
  private readonly owned = new Set<number>();
  /** The messages given last did not all go out. */
  private partly = false;
  /** Of them: behind the last one that did, by partition. */
  private readonly printedTo = new Map<number, number>();

  constructor(
    private readonly consumer: Member,
    private readonly group: string,
    private readonly topic: string,
    private readonly tell: (line: string) => void = note,
  ) {
    consumer.on('assigned', ({ partitions }) => partitions.forEach((one) => this.owned.add(one)));
    consumer.on('revoked', ({ partitions }) => partitions.forEach((one) => this.owned.delete(one)));
    consumer.on('blocked', ({ delayMs }) =>
      tell(`zhumq: this process stood still for ${Math.round(delayMs / 1000)} s`),
    );
    consumer.on('fenced', ({ error }) =>
      tell(
        `zhumq: group "${group}" took this member for gone (${error.message}); it joins again, and what was printed but not committed is printed again`,
      ),
    );
    consumer.on('commitFailed', ({ error }) =>
      tell(`zhumq: what was printed is not committed yet: ${error.message}`),
    );
  }

  /** Its share of the topic at present. */
  get partitions(): readonly number[] {
    return [...this.owned].sort((one, other) => one - other);
  }

  /** Not a member so far: nothing can come. */
  get joining(): boolean {
    const { memberId = '' } = this.consumer.health();
    return memberId === '';
  }

  /** Why nothing came in a silence; undefined when this member has partitions. */
  emptyHanded(): string | undefined {
    const { group, topic, owned } = this;
    if (owned.size > 0) return undefined;
    const why = this.joining
      ? `this consumer did not become a member of group "${group}" in time`
      : `other members of group "${group}" have all partitions`;
    return `zhumq: warning: nothing was read of "${topic}": ${why}; "zhumq group describe ${group}" shows them`;
  }

  /**
   * Prints messages in slices; each is out of this process before the next one. After `signal` no further one begins: then
   * false, as when `write` gave one up. Rejects as `write` does.
   */
  async print(
    messages: readonly Message[],
    rowOf: (message: Message) => string | Buffer,
    write: (rows: readonly (string | Buffer)[]) => Promise<boolean>,
    signal: AbortSignal,
  ): Promise<boolean> {
    this.partly = true;
    this.printedTo.clear();
    for (let begin = 0; begin < messages.length;) {
      if (signal.aborted) return false;
      const rows = slice(messages, begin, rowOf);
      if (!(await write(rows))) {
        this.tell(
          'zhumq: the last messages did not reach the reader of the output in time; they are not committed and come again',
        );
        return false;
      }
      const printed = messages.slice(begin, begin + rows.length);
      for (const { partition, offset } of printed) this.printedTo.set(partition, offset + 1);
      begin += rows.length;
    }
    this.partly = false;
    return true;
  }

  /** Commits what was printed, then leaves. Never rejects: what is not committed is printed again. */
  async end(): Promise<void> {
    const { consumer, tell } = this;
    const work = this.commit();
    await tellIfSlow('the commit of what was printed', work).catch((error: Error) =>
      tell(`zhumq: warning: some of what was printed is not committed: ${error.message}`),
    );
    await consumer.close({ timeout: LEAVE_TIMEOUT_MS }).catch(() => undefined);
  }

  /** Without positions everything that was taken of the consumer counts as handled. */
  private async commit(): Promise<void> {
    const timeout = COMMIT_TIMEOUT_MS;
    if (!this.partly) return this.consumer.commit(undefined, { timeout });
    // Those of partitions that were lost meanwhile are not ours to commit.
    const positions = [...this.printedTo]
      .filter(([partition]) => this.owned.has(partition))
      .map(([partition, offset]) => ({ partition, offset, lastEpoch: -1 }));
    if (positions.length > 0) await this.consumer.commit(positions, { timeout });
  }
}

/** One row at least, and no more than go out together. */
function slice(
  messages: readonly Message[],
  begin: number,
  rowOf: (message: Message) => string | Buffer,
): readonly (string | Buffer)[] {
  const rows: (string | Buffer)[] = [];
  let bytes = 0;
  for (const message of messages.slice(begin, begin + SLICE_BYTES / FRAME_BYTES)) {
    const row = rowOf(message);
    bytes += Buffer.byteLength(row) + FRAME_BYTES;
    if (rows.length > 0 && bytes > SLICE_BYTES) break;
    rows.push(row);
  }
  return rows;
}
