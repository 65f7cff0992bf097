// What consume has not read when a silence ends it: partitions that can not be read, or have more than was given.
// A silence of those does not mean that there is nothing more, and a person has to know it.
import type { ZhumqError } from '@zhumq/base';
import type { Client, Consumer } from '@zhumq/client';
import { counted, note } from '../../output.js';

/** So many partitions are named in one warning. */
const MAX_NAMED = 10;
const NO_ANSWER = 'its leader does not answer';

export class Unread {
  /** Partitions that can not be read at present, and why. */
  private readonly stalled = new Map<number, string>();
  /** Where partitions end, or why that is not known; those that are not here did not answer. */
  private ends = new Map<number, number | string>();

  constructor(
    private readonly client: Pick<Client, 'admin'>,
    private readonly consumer: Pick<Consumer, 'on' | 'position'>,
    private readonly topic: string,
    /** Those that this consumer is to read; in a group they change. */
    private readonly partitions: () => readonly number[],
  ) {
    consumer.on('stalled', ({ partition, error }) => {
      this.stalled.set(partition, error.message);
      note(`zhumq: partition ${partition} can not be read at present: ${error.message}`);
    });
    consumer.on('reconnected', ({ partition, broker }) => {
      this.stalled.delete(partition);
      note(`zhumq: partition ${partition} is read again, from ${broker}`);
    });
  }

  /** Asks each partition by itself where it ends: one that is in trouble holds up no other. */
  ask(timeout: number, signal: AbortSignal): void {
    const ends = new Map<number, number | string>();
    this.ends = ends;
    const { topic } = this;
    for (const partition of this.partitions()) {
      this.client
        .admin()
        .listOffsets({ topic, partitions: [partition] }, { signal, timeout })
        .then(
          ([{ offset }]) => ends.set(partition, offset),
          (error: ZhumqError) => ends.set(partition, reasonOf(error)),
        );
    }
  }

  /** One line for a person; nothing when everything was read. */
  warning(): string | undefined {
    const positions = new Map(
      this.consumer.position().map(({ partition, offset }) => [partition, offset]),
    );
    const failed = new Map<string, number[]>();
    const behind: string[] = [];
    for (const partition of this.partitions()) {
      const position = positions.get(partition);
      const end = this.ends.get(partition) ?? NO_ANSWER;
      const why = this.stalled.get(partition) ?? (typeof end === 'string' ? end : undefined);
      if (why !== undefined) failed.set(why, [...(failed.get(why) ?? []), partition]);
      else if (position === undefined)
        failed.set(NOT_BEGUN, [...(failed.get(NOT_BEGUN) ?? []), partition]);
      else if (Number(end) > position)
        behind.push(`partition ${partition} (${counted(Number(end) - position, 'offset')} more)`);
    }
    if (failed.size === 0 && behind.length === 0) return undefined;
    const parts = [...failed].map(
      ([why, numbers]) =>
        `partition ${listed(numbers.map(String))} could not be read (${why.replaceAll('\n', ' ')})`,
    );
    if (behind.length > 0) parts.push(`${listed(behind)} was not read to the end`);
    return (
      `zhumq: warning: there may be more messages in "${this.topic}": ${parts.join('; ')}. ` +
      `"zhumq partition describe ${this.topic}" shows the replicas; consume again with a longer --timeout`
    );
  }
}

const NOT_BEGUN = 'where to begin was not found in time';

/** The failure behind a deadline says more than the deadline. */
function reasonOf({ code, cause, message }: ZhumqError): string {
  if (code !== 'TIMEOUT' && code !== 'ABORTED') return message;
  return cause instanceof Error ? cause.message : NO_ANSWER;
}

function listed(names: readonly string[]): string {
  const more = names.length - MAX_NAMED;
  const shown = names.slice(0, MAX_NAMED).join(', ');
  return more > 0 ? `${shown} and ${more} more` : shown;
}
