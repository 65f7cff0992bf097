// Everything a history says about one partition, in the shape that the checks ask for. Memory grows with the distinct
// values and with what is out of the ordinary, not with the number of reads.
import type { AckLevel, HistoryEvent, Mode, Outcome } from '../history/events.js';
import { HistoryInvalid } from '../history/parse-event.js';
import { LossList } from './losses.js';

export type EventOf<K extends HistoryEvent['kind']> = Extract<HistoryEvent, { kind: K }>;
/** An event and the number of its line. */
export type Lined<K extends HistoryEvent['kind']> = EventOf<K> & { readonly line: number };

export const UNKNOWN = -1;

export interface Send {
  readonly producer: string;
  readonly acks: AckLevel;
  readonly idempotent: boolean;
  readonly line: number;
  readonly at: number;
  outcome: Outcome;
  /** Where it was acknowledged, in which epoch, by whom; UNKNOWN if the answer does not say. */
  offset: number;
  epoch: number;
  broker: number;
  mode: Mode | undefined;
  retriable: boolean | undefined;
  code: string;
  /** Of the answer; 0 and Infinity without one. */
  answerLine: number;
  answeredAt: number;
}

/** A value and where it was seen. */
export interface Written {
  readonly value: string;
  send: Send | undefined;
  readonly places: Place[];
}

/** A value at an offset, as a consumer or a replica showed it. */
export interface Place {
  readonly offset: number;
  readonly written: Written;
  epoch: number;
  /** First event that shows it. */
  readonly line: number;
  /** Whatever was lost before this line, this was not: somebody who began to read behind it was given it. */
  seenSince: number;
  /** Line of the last final reader that was given it; 0: none. */
  finalLine: number;
  /** Another value (or epoch) at this offset. */
  next: Place | undefined;
}

/** Two records that a consumer was given one after the other, not neighbours in the numbers: perhaps a skip, perhaps back. */
export interface PollStep {
  readonly consumer: string;
  readonly from: number;
  readonly to: number;
  readonly isWithinPoll: boolean;
  readonly fromLine: number;
  readonly line: number;
  /** It did not read later than this what it was given here. */
  readonly since: number;
}

/** Given to a consumer, or acknowledged to acks all, at or above what was committed as far as anybody knew. */
export interface Early {
  readonly what: 'read' | 'ack';
  readonly offset: number;
  readonly value: string;
  readonly highWatermark: number;
  readonly line: number;
}

interface ConsumerState {
  last: number;
  lastLine: number;
  soughtLine: number;
  finalLine: number;
  highWatermark: number;
  highWatermarkLine: number;
}

export interface ConsumerFall {
  readonly consumer: string;
  readonly from: number;
  readonly to: number;
  readonly lines: readonly [number, number];
}

export class PartitionIndex {
  readonly written = new Map<string, Written>();
  readonly placesAt = new Map<number, Place>();
  /** Of each producer in the order of sending. */
  readonly sends = new Map<string, Written[]>();
  readonly steps: PollStep[] = [];
  readonly early: Early[] = [];
  readonly consumerFalls: ConsumerFall[] = [];
  readonly losses = new LossList();
  readonly leaders: Lined<'leader'>[] = [];
  readonly switches: Lined<'switch'>[] = [];
  readonly watermarks: Lined<'watermark'>[] = [];
  /** Appends of one (epoch, offset) that are not the same, in pairs. */
  readonly rewrites: (readonly [Lined<'append'>, Lined<'append'>])[] = [];
  readonly replicas: Lined<'replica'>[] = [];
  /** Everything below may be gone. */
  logStart = 0;
  /** Largest offset that anybody read; -1: none. */
  lastRead = -1;
  /** Line of the last final reader; 0: none. */
  finalLine = 0;
  private committed = -1;
  private readonly appends = new Map<string, Lined<'append'>>();
  private readonly consumers = new Map<string, ConsumerState>();
  private offsets: number[] | undefined;

  constructor(
    readonly topic: string,
    readonly partition: number,
  ) {}

  /** All offsets at which anything was read, rising; to be asked for when the history is complete. */
  readOffsets(): readonly number[] {
    this.offsets ??= [...this.placesAt.keys()].sort((one, other) => one - other);
    return this.offsets;
  }

  /** A reported loss took it: it need not be there any more. */
  isGone(place: Place): boolean {
    return this.losses.of(place) !== undefined;
  }

  /** The same, of an acknowledged send that nobody read. */
  isSendGone({ offset, epoch, line }: Send): boolean {
    const seenSince = epoch === UNKNOWN ? line : 0;
    return this.losses.of({ offset, epoch, seenSince }) !== undefined;
  }

  /** First offset at which the value is, as far as anybody read it. */
  placeOf(written: Written): Place | undefined {
    let first: Place | undefined;
    for (const place of written.places)
      if (!this.isGone(place) && (first === undefined || place.offset < first.offset))
        first = place;
    return first;
  }

  addSend(event: EventOf<'send'>, line: number): void {
    const written = this.valueNamed(event.value);
    if (written.send !== undefined)
      throw new HistoryInvalid(line, `"${event.value}" was sent in line ${written.send.line}`);
    written.send = {
      ...{ producer: event.producer, acks: event.acks, idempotent: event.idempotent ?? true },
      ...{ line, at: event.at, outcome: 'unknown', offset: UNKNOWN, epoch: UNKNOWN },
      ...{ broker: UNKNOWN, mode: undefined, retriable: undefined, code: '' },
      ...{ answerLine: 0, answeredAt: Infinity },
    };
    const own = this.sends.get(event.producer);
    if (own === undefined) this.sends.set(event.producer, [written]);
    else own.push(written);
  }

  addAnswer(event: EventOf<'sent'>, line: number, isExact: boolean): void {
    const send = this.written.get(event.value)?.send;
    if (send === undefined || send.answerLine !== 0 || send.producer !== event.producer)
      throw new HistoryInvalid(
        line,
        `"${event.value}" is not a send of ${event.producer} that waits for its answer`,
      );
    send.outcome = event.outcome;
    send.offset = event.offset ?? UNKNOWN;
    send.epoch = event.epoch ?? UNKNOWN;
    send.broker = event.broker ?? UNKNOWN;
    send.mode = event.mode;
    send.retriable = event.retriable;
    send.code = event.code ?? '';
    send.answerLine = line;
    send.answeredAt = event.at;
    if (send.outcome === 'ok' && send.acks === 'all' && isExact)
      this.noteEarly('ack', send.offset, event.value, this.committed, line);
  }

  addSeek(event: EventOf<'seek'>, line: number): void {
    this.beginReading(event.consumer, line, event.final === true);
  }

  /** What this consumer read before says nothing about what it is given next. */
  beginReading(consumer: string, line: number, isFinal = false): void {
    if (isFinal) this.finalLine = line;
    this.consumers.set(consumer, {
      ...{ last: UNKNOWN, lastLine: 0, soughtLine: line, finalLine: isFinal ? line : 0 },
      ...{ highWatermark: UNKNOWN, highWatermarkLine: 0 },
    });
  }

  addPoll(event: EventOf<'poll'>, line: number, isExact: boolean): void {
    if (!this.consumers.has(event.consumer)) this.beginReading(event.consumer, line);
    const consumer = this.consumers.get(event.consumer) as ConsumerState;
    this.noteConsumerWatermark(event, consumer, line);
    let isWithinPoll = false;
    // Fetched before it was given, at any time since it sought: what was lost meanwhile need not be there any more.
    const seenSince = consumer.soughtLine;
    for (const [offset, value, epoch = UNKNOWN] of event.records) {
      const { last: from, lastLine: fromLine } = consumer;
      if (from !== UNKNOWN && offset !== from + 1)
        this.steps.push({
          ...{
            consumer: event.consumer,
            from,
            to: offset,
            isWithinPoll,
            fromLine,
            line,
            since: seenSince,
          },
        });
      consumer.last = offset;
      consumer.lastLine = line;
      isWithinPoll = true;
      this.addPlace(offset, value, epoch, line, seenSince, consumer.finalLine);
      const limit = event.highWatermark ?? Infinity;
      this.noteEarly('read', offset, value, isExact ? this.lowerLimit(limit) : limit, line);
    }
  }

  addWatermark(event: EventOf<'watermark'>, line: number): void {
    this.watermarks.push({ ...event, line });
    this.committed = Math.max(this.committed, event.highWatermark);
  }

  addAppend(event: EventOf<'append'>, line: number): void {
    const key = `${event.epoch}/${event.offset}`;
    const lined = { ...event, line };
    const first = this.appends.get(key);
    if (first === undefined) this.appends.set(key, lined);
    else if (first.digest !== event.digest || first.count !== event.count)
      this.rewrites.push([first, lined]);
  }

  addReplica(event: EventOf<'replica'>, line: number): void {
    this.replicas.push({ ...event, line });
    for (const [offset, epoch, value] of event.records ?? [])
      if (value !== null && offset < event.highWatermark)
        this.addPlace(offset, value, epoch, line, line, 0);
  }

  private lowerLimit(limit: number): number {
    return this.committed === -1 ? limit : Math.min(limit, this.committed);
  }

  private noteEarly(
    what: Early['what'],
    offset: number,
    value: string,
    highWatermark: number,
    line: number,
  ): void {
    if (highWatermark !== -1 && offset >= highWatermark)
      this.early.push({ what, offset, value, highWatermark, line });
  }

  private noteConsumerWatermark(
    { highWatermark, consumer: name }: EventOf<'poll'>,
    consumer: ConsumerState,
    line: number,
  ): void {
    if (highWatermark === undefined) return;
    const { highWatermark: from, highWatermarkLine } = consumer;
    if (highWatermark < from)
      this.consumerFalls.push({
        ...{ consumer: name, from, to: highWatermark, lines: [highWatermarkLine, line] as const },
      });
    consumer.highWatermark = highWatermark;
    consumer.highWatermarkLine = line;
  }

  private addPlace(
    offset: number,
    value: string,
    epoch: number,
    line: number,
    seenSince: number,
    finalLine: number,
  ): void {
    this.lastRead = Math.max(this.lastRead, offset);
    const first = this.placesAt.get(offset);
    let place = first;
    while (place !== undefined && !this.isSame(place, value, epoch)) place = place.next;
    if (place === undefined) {
      const written = this.valueNamed(value);
      place = { offset, written, epoch, line, seenSince, finalLine, next: first };
      written.places.push(place);
      this.placesAt.set(offset, place);
      return;
    }
    if (place.epoch === UNKNOWN) place.epoch = epoch;
    place.seenSince = Math.max(place.seenSince, seenSince);
    place.finalLine = Math.max(place.finalLine, finalLine);
  }

  private valueNamed(value: string): Written {
    let written = this.written.get(value);
    if (written === undefined) {
      written = { value, send: undefined, places: [] };
      this.written.set(value, written);
    }
    return written;
  }

  /** Where epochs are not known, a record behind a loss is taken for another one, though its value be the same. */
  private isSame(place: Place, value: string, epoch: number): boolean {
    if (place.written.value !== value) return false;
    if (place.epoch !== UNKNOWN && epoch !== UNKNOWN) return place.epoch === epoch;
    return !this.losses.since(place.offset, place.seenSince);
  }
}
