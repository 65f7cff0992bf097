// A valid history that something is done to. Each way of finding or changing something is said once here.
import type { Random } from '@zhumq/base';
import type { EventKind, HistoryEvent } from '../../history/events.js';

/** Events of a specimen are its own. */
type Mutable<T> = T extends object ? { -readonly [K in keyof T]: T[K] } : T;

export type Draft<K extends EventKind = EventKind> = Mutable<Extract<HistoryEvent, { kind: K }>>;
type Given = readonly [offset: number, value: string, epoch?: number];

export interface Read {
  readonly poll: Draft<'poll'>;
  readonly index: number;
  readonly offset: number;
  readonly value: string;
  readonly epoch: number | undefined;
}

/** One partition of a history. Every method that picks gives undefined when there is nothing to pick from. */
export class Specimen {
  constructor(
    readonly events: Draft[],
    readonly random: Random,
    readonly partition: number,
  ) {}

  get isExact(): boolean {
    return this.events.some((event) => event.kind === 'history' && event.exact === true);
  }

  /** Records that a reported loss took, or retention, are excused from much. */
  get isWhole(): boolean {
    return this.of('loss').length === 0 && this.of('log-start').length === 0;
  }

  of<K extends EventKind>(kind: K): Draft<K>[] {
    const { partition } = this;
    return this.events.filter(
      (event): event is Draft<K> =>
        event.kind === kind && (!('partition' in event) || event.partition === partition),
    );
  }

  lineOf(event: Draft): number {
    return this.events.indexOf(event);
  }

  pick<T>(items: readonly T[]): T | undefined {
    return items.length === 0 ? undefined : items[this.random.below(items.length)];
  }

  chance(probability: number): boolean {
    return this.random.fraction() < probability;
  }

  reads(): Read[] {
    return this.of('poll').flatMap((poll) =>
      poll.records.map(([offset, value, epoch], index) => ({ poll, index, offset, value, epoch })),
    );
  }

  /** Of consumers that do not read everything in the end. */
  earlyReads(): Read[] {
    return this.reads().filter(({ poll }) => !isFinal(poll));
  }

  /** Value at each offset, as the final reader was given it. */
  finalValues(): Map<number, string> {
    const reads = this.reads().filter(({ poll }) => isFinal(poll));
    return new Map(reads.map(({ offset, value }) => [offset, value]));
  }

  /** Acknowledged with an offset, and there in the end. */
  acknowledged(acks: 'all' | 'leader'): (Draft<'sent'> & { offset: number })[] {
    const there = this.finalValues();
    const asked = new Map(this.of('send').map((send) => [send.value, send.acks]));
    return this.of('sent').filter(
      (sent): sent is Draft<'sent'> & { offset: number } =>
        sent.outcome === 'ok' &&
        sent.offset !== undefined &&
        asked.get(sent.value) === acks &&
        there.get(sent.offset) === sent.value,
    );
  }

  insertAfter(event: Draft, ...added: object[]): void {
    const stamped = added.map((one) => ({ ...one, at: event.at }) as Draft);
    this.events.splice(this.lineOf(event) + 1, 0, ...stamped);
  }

  insertBefore(event: Draft, ...added: object[]): void {
    const stamped = added.map((one) => ({ ...one, at: event.at }) as Draft);
    this.events.splice(this.lineOf(event), 0, ...stamped);
  }

  remove(event: Draft): void {
    this.events.splice(this.lineOf(event), 1);
  }

  setRecords(poll: Draft<'poll'>, records: readonly Given[]): void {
    (poll as { records: readonly Given[] }).records = records;
  }

  /** Nobody was given what is named here, and no replica shows it. */
  hide(isHidden: (offset: number, value: string) => boolean): void {
    for (const poll of this.of('poll'))
      this.setRecords(
        poll,
        poll.records.filter(([offset, value]) => !isHidden(offset, value)),
      );
    for (const replica of this.of('replica')) delete replica.records;
  }

  /** The final reader is given one more record, behind all others. */
  readMore(value: string): boolean {
    const poll = this.of('poll').findLast(isFinal);
    if (poll === undefined) return false;
    delete poll.highWatermark;
    const last = Math.max(...this.reads().map(({ offset }) => offset));
    this.setRecords(poll, [...poll.records, [last + 1, value]]);
    return true;
  }

  /** Two polls of one consumer, one right after the other. */
  neighbours(): [Draft<'poll'>, Draft<'poll'>][] {
    const last = new Map<string, Draft<'poll'>>();
    const found: [Draft<'poll'>, Draft<'poll'>][] = [];
    for (const event of this.events) {
      if (!('partition' in event) || event.partition !== this.partition) continue;
      if (event.kind === 'seek') last.delete(event.consumer);
      if (event.kind === 'assign' || event.kind === 'revoke') last.delete(event.member);
      if (event.kind !== 'poll' || isFinal(event)) continue;
      const before = last.get(event.consumer);
      if (before !== undefined) found.push([before, event]);
      last.set(event.consumer, event);
    }
    return found;
  }

  newSend(value: string): object {
    const place = { topic: 'orders', partition: this.partition };
    return { kind: 'send', ...place, producer: `of ${value}`, value, acks: 'none' };
  }
}

function isFinal({ consumer }: Draft<'poll'>): boolean {
  return consumer.startsWith('final-');
}
