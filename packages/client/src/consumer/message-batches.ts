// batches(): many messages at a time, which the program acknowledges together. What was not acked when the loop ends is
// read again by the next one.
import { Deadline } from '@zhumq/base';
import type { Clock } from '@zhumq/base';
import { zhumqError } from '@zhumq/model';
import type { MessageBatch } from '../api/consumer.js';
import { settleWithin } from '../retry.js';
import { sharedSignal } from '../shared-signal.js';
import type { Assignment } from './assignment.js';
import type { RecordSource } from './record-source.js';
import type { Entrusted } from './taken-messages.js';
import { upTo } from './taken-messages.js';

export interface BatchesSetting<K, V> {
  readonly clock: Clock;
  readonly source: RecordSource;
  readonly assignment: Assignment;
  readonly max: number;
  readonly waitMs: number;
  readonly signal: AbortSignal | undefined;
  readonly stopped: AbortSignal;
  /** Throws when the consumer is being read otherwise. */
  begin(): void;
  take(): Entrusted<K, V> | undefined;
  progress(): void;
  end(): void;
}

export async function* batchesOf<K, V>(
  setting: BatchesSetting<K, V>,
): AsyncGenerator<MessageBatch<K, V>, void, undefined> {
  const { source, assignment, clock, signal, stopped } = setting;
  const open = new Set<OpenBatch<K, V>>();
  const told = (): boolean => stopped.aborted || (signal?.aborted ?? false);
  const wake = (): void => source.notify();
  setting.begin();
  if (signal !== undefined) sharedSignal(signal).addEventListener('abort', wake, { once: true });
  try {
    await settleWithin(assignment.open(), clock, { signal }, 'batches()');
    while (!told()) {
      const taken = await collect(setting, told);
      if (taken.length === 0) continue;
      const batch = new OpenBatch(setting, taken, () => open.delete(batch));
      open.add(batch);
      // Nothing is given to a program that has said that it is enough.
      if (told()) break;
      yield batch;
    }
  } catch (error) {
    if (!told()) throw error;
  } finally {
    signal?.removeEventListener('abort', wake);
    for (const batch of open) batch.abandon();
    for (const reader of source.readers) {
      if (reader.unfinished && !reader.leaving) reader.rewind();
    }
    setting.end();
    assignment.reading.wake();
    source.notify();
  }
}

/** Waits for the first message, and from then on so long for more. */
async function collect<K, V>(
  { source, clock, max, waitMs, take }: BatchesSetting<K, V>,
  told: () => boolean,
): Promise<Entrusted<K, V>[]> {
  const taken: Entrusted<K, V>[] = [];
  let deadline: Deadline | undefined;
  while (!told()) {
    taken.push(...(taken.length < max ? upTo(max - taken.length, take) : []));
    if (taken.length === max || deadline?.expired) break;
    if (taken.length > 0 && deadline === undefined) {
      deadline = Deadline.after(clock, waitMs);
      clock.after(waitMs, () => source.notify());
      if (deadline.expired) break;
    }
    await source.wait();
  }
  return taken;
}

class OpenBatch<K, V> implements MessageBatch<K, V> {
  readonly messages: MessageBatch<K, V>['messages'];
  private acking: Promise<void> | undefined;

  constructor(
    private readonly setting: BatchesSetting<K, V>,
    private readonly taken: readonly Entrusted<K, V>[],
    private readonly closed: () => void,
  ) {
    this.messages = taken.map(({ message }) => message);
  }

  ack(): Promise<void> {
    this.acking ??= this.ackOnce();
    return this.acking;
  }

  /** It comes again. */
  abandon(): void {
    for (const { done } of this.taken) done(false);
  }

  private async ackOnce(): Promise<void> {
    const { assignment, source } = this.setting;
    const { group } = assignment;
    // Another reading of the same partition is not acked by it.
    const gone = new Set(this.taken.filter(({ reader }) => reader.gone.aborted));
    for (const { done } of this.taken) done(true);
    this.closed();
    this.setting.progress();
    source.notify();
    if (group !== undefined) await group.commitHandled();
    // A commit has nothing to say about a partition that was lost while it waited for its turn.
    const isLost = (one: Entrusted<K, V>): boolean =>
      gone.has(one) ||
      (group !== undefined &&
        one.reader.gone.aborted &&
        group.committed(one.reader) <= one.message.offset);
    const first = this.taken.find(isLost)?.message;
    if (first === undefined) return;
    const text = `partition ${first.topic}-${first.partition} was lost before its messages from offset ${first.offset} were acked; whoever has it handles them again`;
    const { topic, partition, offset } = first;
    throw zhumqError('FENCED_MEMBER', text, { topic, partition, offset });
  }
}
