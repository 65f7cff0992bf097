// Producers and consumers at work while a test does its worst; everything that they see goes into a history.
import type { Acks, Client, Consumer, Producer } from '@zhumq/client';
import { ZhumqError } from '@zhumq/client';
import { RunHistory } from './run-history.js';
import { until } from './until.js';

export interface WorkloadOptions {
  readonly client: Client;
  readonly topic: string;
  readonly partitions: number;
  readonly producers: number;
  /** Each reads one partition from its beginning. */
  readonly consumers: number;
  /** Pace of each producer: milliseconds between two sends. */
  readonly paceMs?: number;
  /** Sends of one producer that may be unanswered at a time. */
  readonly window?: number;
  /** Of the producers in turn; 'all' for each when not given. */
  readonly acks?: readonly Acks[];
}

/** Padding, so that batches have some weight. */
const PAD = 'x'.repeat(100);

export class Workload {
  readonly history = new RunHistory();
  private readonly loads: ProducerLoad[];
  private readonly consumers: Consumer[] = [];
  private readonly running: Promise<unknown>[] = [];

  constructor(private readonly options: WorkloadOptions) {
    this.loads = Array.from(
      { length: options.producers },
      (_, index) => new ProducerLoad(`p${index}`, acksOf(options, index), options, this.history),
    );
  }

  start(): void {
    const { client, topic, partitions, consumers } = this.options;
    for (const load of this.loads) this.running.push(load.run());
    for (let index = 0; index < consumers; index++) {
      const partition = index % partitions;
      const consumer = client.consumer({ topic, partitions: [partition], from: 'earliest' });
      this.consumers.push(consumer);
      this.running.push(this.consume(`c${index}`, partition, consumer));
    }
  }

  /** Every producer has had messages acknowledged, by all partitions, that it sent after this call; returns how long that took. */
  async progress(timeoutMs = 90_000): Promise<number> {
    const started = performance.now();
    const marks = this.loads.filter(({ acks }) => acks !== 'none').map((load) => load.mark());
    await until('every producer goes on', () => marks.every((mark) => mark()), {
      timeoutMs,
      state: () => this.loads.map((load) => load.lastError).filter((error) => error !== undefined),
    });
    return Math.round(performance.now() - started);
  }

  /** Longest time between two acknowledgements of one producer since the last call of this. */
  takeLongestPause(): number {
    return Math.max(...this.loads.map((load) => load.takeLongestPause()));
  }

  /** Ends producing, reads everything once more from the beginning, and returns the whole history. */
  async finish(): Promise<RunHistory> {
    for (const load of this.loads) load.stop();
    await Promise.all(this.loads.map((load) => load.ended));
    await this.readEverything();
    await Promise.all(this.consumers.map((consumer) => consumer.close()));
    await Promise.all(this.running);
    return this.history;
  }

  /** For tearing down after a failure. */
  stop(): void {
    for (const load of this.loads) load.stop();
  }

  private async consume(name: string, partition: number, consumer: Consumer): Promise<void> {
    const place = { topic: this.options.topic, partition };
    this.history.record({ kind: 'seek', ...place, consumer: name });
    for await (const { offset, value } of consumer) {
      const records = [[offset, valueOf(value)]] as const;
      this.history.record({ kind: 'poll', ...place, consumer: name, records });
    }
  }

  private async readEverything(): Promise<void> {
    const { client, topic, partitions } = this.options;
    const ends = await client.admin().listOffsets({ topic, at: 'latest' });
    for (let partition = 0; partition < partitions; partition++) {
      const end = ends.find((one) => one.partition === partition)?.offset ?? 0;
      await readAll(client, topic, partition, end, this.history);
    }
  }
}

/** Reads a partition from its beginning up to `end`, where it ends for good, into the history. */
export async function readAll(
  client: Client,
  topic: string,
  partition: number,
  end: number,
  history: RunHistory,
): Promise<void> {
  const place = { topic, partition, consumer: `final-${partition}` };
  history.record({ kind: 'seek', ...place, final: true });
  const consumer = client.consumer({ topic, partitions: [partition], from: 'earliest' });
  try {
    await until(`partition ${partition} is read up to ${end}`, async () => {
      const messages = await consumer.fetch({ max: 5_000, wait: 200 });
      const records = messages.map(({ offset, value }) => [offset, valueOf(value)] as const);
      history.record({ kind: 'poll', ...place, records });
      return (consumer.position().at(0)?.offset ?? 0) >= end;
    });
  } finally {
    await consumer.close();
  }
}

function acksOf({ acks = ['all'] }: WorkloadOptions, producer: number): Acks {
  return acks[producer % acks.length];
}

/** One producer: values p3/0, p3/1, … each padded, to the partitions in turn. */
class ProducerLoad {
  readonly ended: Promise<void>;
  lastError: string | undefined;
  private resolveEnded: () => void = () => undefined;
  private stopped = false;
  private next = 0;
  private unanswered = 0;
  /** Number of the latest acknowledged message of each partition; marks wait for it. */
  private readonly acknowledged: number[];
  private lastAckMs = performance.now();
  private longestPauseMs = 0;

  constructor(
    private readonly name: string,
    readonly acks: Acks,
    private readonly options: WorkloadOptions,
    private readonly history: RunHistory,
  ) {
    this.acknowledged = new Array<number>(options.partitions).fill(-1);
    this.ended = new Promise((resolve) => (this.resolveEnded = resolve));
  }

  stop(): void {
    this.stopped = true;
  }

  mark(): () => boolean {
    const from = this.next;
    return () => this.acknowledged.every((latest) => latest >= from);
  }

  takeLongestPause(): number {
    const longest = Math.max(this.longestPauseMs, performance.now() - this.lastAckMs);
    this.longestPauseMs = 0;
    return Math.round(longest);
  }

  async run(): Promise<void> {
    const { client, paceMs = 20, window = 8 } = this.options;
    const producer = client.producer({ acks: this.acks });
    try {
      while (!this.stopped) {
        if (this.unanswered < window) void this.send(producer);
        await new Promise((resolve) => setTimeout(resolve, paceMs));
      }
      await until(`${this.name} has all its answers`, () => this.unanswered === 0, {
        timeoutMs: 150_000,
      });
      await producer.close();
    } finally {
      this.resolveEnded();
    }
  }

  private async send(producer: Producer): Promise<void> {
    const number = this.next++;
    const { topic, partitions } = this.options;
    const partition = number % partitions;
    const value = `${this.name}/${number}`;
    const send = { topic, partition, producer: this.name, value };
    this.history.record({ kind: 'send', ...send, acks: this.acks });
    this.unanswered++;
    try {
      const receipt = await producer.send(topic, { partition, value: value + PAD });
      const { offset, duplicate, mode } = receipt;
      const where = this.acks === 'none' ? {} : { offset, duplicate, mode };
      this.history.record({ kind: 'sent', ...send, outcome: 'ok', ...where });
      this.acknowledged[partition] = Math.max(this.acknowledged[partition], number);
      this.longestPauseMs = Math.max(this.longestPauseMs, performance.now() - this.lastAckMs);
      this.lastAckMs = performance.now();
    } catch (error) {
      const known = ZhumqError.is(error) ? error : undefined;
      const outcome = known?.outcome === 'rejected' ? 'fail' : 'unknown';
      const why = { code: known?.code ?? String(error), retriable: known?.retriable ?? false };
      this.history.record({ kind: 'sent', ...send, outcome, ...why });
      this.lastError = `${this.name}: ${String(error)}`;
    } finally {
      this.unanswered--;
    }
  }
}

function valueOf(value: Buffer | null): string {
  return (value ?? Buffer.alloc(0)).toString().replace(PAD, '');
}
