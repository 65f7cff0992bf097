// What loops, fetch() and take() took. Without a group a message that was taken counts as read. In a group it counts as handled when
// the program asks for the next one, and its partition waits for that before it is given up.
import type { Handling, TakenMessage } from '../api/consumer.js';
import type { Message } from '../api/message.js';
import type { Assignment } from './assignment.js';
import type { PartitionReader } from './partition-reader.js';
import type { RecordSource, SourceItem } from './record-source.js';

/** What a header costs besides its name and value, roughly. */
const HEADER_BYTES = 16;

/** A message that counts as handled only when it is said to be. */
export interface Entrusted<K, V> {
  readonly message: Message<K, V>;
  readonly reader: PartitionReader;
  readonly done: (handled: boolean) => void;
}

export class TakenMessages<K, V> {
  private outstanding: ((handled: boolean) => void)[] = [];

  constructor(
    private readonly source: RecordSource,
    private readonly assignment: Assignment,
    private readonly messageOf: (item: SourceItem) => Message<K, V>,
    private readonly progress: () => void,
  ) {}

  /** The next message, if there is one. */
  one(): Message<K, V> | undefined {
    const { group } = this.assignment;
    if (group !== undefined) {
      const entrusted = this.entrust();
      if (entrusted !== undefined) this.outstanding.push(entrusted.done);
      return entrusted?.message;
    }
    const item = this.source.next();
    if (item === undefined) return undefined;
    const message = this.messageOf(item);
    const { reader, record } = item;
    const before = reader.bufferedBytes;
    reader.advance(record);
    if (reader.bufferedBytes < before) this.assignment.reading.wake();
    this.progress();
    return message;
  }

  /** The next message, whose position moves only when it is done. */
  entrust(): Entrusted<K, V> | undefined {
    const item = this.source.next();
    if (item === undefined) return undefined;
    const message = this.messageOf(item);
    const { reader, record } = item;
    const before = reader.bufferedBytes;
    const done = reader.handOut(record);
    if (reader.bufferedBytes < before) this.assignment.reading.wake();
    return { message, reader, done };
  }

  /** Up to `max` messages, the last of them the one that reaches `maxBytes`; each says for itself when it is handled. */
  several(max: number, maxBytes: number): TakenMessage<K, V>[] {
    let bytes = 0;
    return upTo(max, () => {
      if (bytes >= maxBytes) return undefined;
      const item = this.source.next();
      if (item === undefined) return undefined;
      bytes += sizeOf(item.record);
      const entrusted = this.entrust();
      if (entrusted === undefined) return undefined;
      const { message, reader, done } = entrusted;
      return { message, handling: new OpenHandling(this, reader, done) };
    });
  }

  /** A message that several() gave is handled. */
  handled(): void {
    this.progress();
    this.assignment.group?.handled(1);
    this.source.notify();
  }

  committed(reader: PartitionReader): number {
    return this.assignment.group?.committed(reader) ?? -1;
  }

  /** What was taken is handled. */
  settle(): void {
    const { outstanding } = this;
    if (outstanding.length === 0) return;
    this.outstanding = [];
    for (const done of outstanding) done(true);
    this.progress();
    this.assignment.group?.handled(outstanding.length);
    this.source.notify();
  }
}

function sizeOf({ key, value, headers }: SourceItem['record']): number {
  let bytes = (key?.length ?? 0) + (value?.length ?? 0);
  for (const [name, content] of headers)
    bytes += HEADER_BYTES + name.length + (content?.length ?? 0);
  return bytes;
}

/** Holds no message: it may be kept for long. */
class OpenHandling implements Handling {
  private finished = false;
  /** Where the position was after done(). */
  private position = Infinity;

  constructor(
    private readonly owner: Pick<TakenMessages<never, never>, 'handled' | 'committed'>,
    private readonly reader: PartitionReader,
    private readonly finish: (handled: boolean) => void,
  ) {}

  get lost(): boolean {
    return this.reader.gone.aborted;
  }

  get committed(): boolean {
    return this.owner.committed(this.reader) >= this.position;
  }

  done(): void {
    if (this.finished) return;
    this.finished = true;
    this.finish(true);
    // Of a partition that is lost the position stays where it was.
    if (!this.lost) this.position = this.reader.position().offset;
    this.owner.handled();
  }
}

/** As many as there are, up to `max`. An error that comes after the first one is told by the next call. */
export function upTo<T>(max: number, take: () => T | undefined): T[] {
  const taken: T[] = [];
  try {
    while (taken.length < max) {
      const one = take();
      if (one === undefined) break;
      taken.push(one);
    }
  } catch (error) {
    if (taken.length === 0) throw error;
  }
  return taken;
}
