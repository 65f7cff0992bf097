// Stands before the history and sees how long producers had to wait: from a moment (a fault, or its end) until each
// partition has acknowledged a message to each class of producers that was sent after that moment.
import type { AckLevel, Unstamped } from '../../history/events.js';
import type { Recorder } from '../../history/history.js';

/** Producers of one topic with one ack level; those without acknowledgements tell nothing. */
export interface ProducerClass {
  readonly topic: string;
  readonly partitions: number;
  readonly acks: AckLevel;
}

/** Milliseconds by class, as "topic/acks": until the last of its partitions went on. */
export type ResumeTimes = Readonly<Record<string, number>>;

interface UnderWay {
  readonly classPartition: string;
  readonly sentAt: number;
}

export class ResumeMark {
  private readonly waiting: Set<string>;
  private readonly latest = new Map<string, number>();
  private readonly listeners = new Set<() => void>();

  constructor(
    readonly at: number,
    private readonly classes: readonly ProducerClass[],
    classPartitions: Iterable<string>,
  ) {
    this.waiting = new Set(classPartitions);
  }

  /** Classes and partitions that have not gone on. */
  get missing(): readonly string[] {
    return [...this.waiting];
  }

  /** Of the classes that have gone on. */
  get times(): ResumeTimes {
    const times: Record<string, number> = {};
    for (const one of this.classes) {
      const keys = keysOf(one);
      if (keys.some((key) => this.waiting.has(key))) continue;
      times[nameOf(one)] = Math.round(Math.max(...keys.map((key) => this.latest.get(key) ?? 0)));
    }
    return times;
  }

  acknowledged({ classPartition, sentAt }: UnderWay, now: number): void {
    if (sentAt < this.at || !this.waiting.delete(classPartition)) return;
    this.latest.set(classPartition, now - this.at);
    for (const listener of this.listeners) listener();
  }

  /** Resolves with whether all classes (of one topic) have gone on in time. */
  resumed(timeoutMs: number, topic?: string): Promise<boolean> {
    const begin = topic === undefined ? '' : `${topic}/`;
    const isOver = (): boolean => !this.missing.some((key) => key.startsWith(begin));
    if (isOver()) return Promise.resolve(true);
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        this.listeners.delete(look);
        resolve(isOver());
      };
      const look = (): void => void (isOver() && end());
      const timer = setTimeout(end, timeoutMs);
      this.listeners.add(look);
    });
  }
}

export class ResumeMeter implements Recorder {
  acknowledged = 0;
  sent = 0;
  private readonly underWay = new Map<string, UnderWay>();
  private readonly marks = new Set<ResumeMark>();

  constructor(
    private readonly history: Recorder,
    private readonly classes: readonly ProducerClass[],
  ) {}

  record(event: Unstamped): void {
    if (event.kind === 'send') {
      this.sent++;
      const { topic, partition, acks, producer, value } = event;
      if (acks !== 'none') {
        const classPartition = `${topic}/${acks}-${partition}`;
        this.underWay.set(keyOf(producer, value), { classPartition, sentAt: performance.now() });
      }
    } else if (event.kind === 'sent') {
      const key = keyOf(event.producer, event.value);
      const sending = this.underWay.get(key);
      this.underWay.delete(key);
      if (sending !== undefined && event.outcome === 'ok') this.acknowledge(sending);
    }
    this.history.record(event);
  }

  /** Begins to measure. */
  mark(): ResumeMark {
    const mark = new ResumeMark(performance.now(), this.classes, this.classes.flatMap(keysOf));
    this.marks.add(mark);
    return mark;
  }

  forget(mark: ResumeMark): void {
    this.marks.delete(mark);
  }

  private acknowledge(sending: UnderWay): void {
    this.acknowledged++;
    const now = performance.now();
    for (const mark of this.marks) mark.acknowledged(sending, now);
  }
}

function nameOf({ topic, acks }: ProducerClass): string {
  return `${topic}/${acks}`;
}

function keysOf(one: ProducerClass): string[] {
  return Array.from({ length: one.partitions }, (_, index) => `${nameOf(one)}-${index}`);
}

function keyOf(producer: string, value: string): string {
  return `${producer} ${value}`;
}
