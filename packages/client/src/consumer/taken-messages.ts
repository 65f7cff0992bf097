// What loops and fetch() took. Without a group a message that was taken counts as read. In a group it counts as handled when
// the program asks for the next one, and its partition waits for that before it is given up.
import type { Message } from '../api/message.js';
import type { Assignment } from './assignment.js';
import type { PartitionReader } from './partition-reader.js';
import type { RecordSource, SourceItem } from './record-source.js';

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
