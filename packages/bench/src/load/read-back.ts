// Reads a topic up to given ends and compares every message with what its producer must have sent.
import { connect } from '@zhumq/client';
import type { Client, Message } from '@zhumq/client';
import { MessageSet } from '../message-set.js';
import { Payloads, monotonicUs } from '../payload.js';
import type { ReadJob, ReadOutcome } from './jobs.js';

const PREFETCH = '32MiB';
const BATCH_MESSAGES = 5_000;
const WAIT_MS = 100;

export class ReadBack {
  private readonly payloads: Payloads;
  private readonly read = new Map<number, MessageSet>();
  /** Last sequence by partition and producer. */
  private readonly last = new Map<number, number>();
  private client: Client | undefined;
  private duplicated = 0;
  private corrupt = 0;
  private reordered = 0;
  messages = 0;

  constructor(private readonly job: ReadJob) {
    this.payloads = new Payloads(job.messageBytes, job.seed);
  }

  async open(): Promise<void> {
    this.client = await connect([...this.job.bootstrap]);
  }

  async run(): Promise<ReadOutcome> {
    const { topic, delivery } = this.job;
    const ends = new Map(
      this.job.ends.filter(({ offset }) => offset > 0).map((end) => [end.partition, end.offset]),
    );
    const startedUs = monotonicUs();
    if (ends.size > 0) {
      const consumer = this.opened().consumer({
        ...{ topic, delivery, from: 'earliest', prefetchBytes: PREFETCH },
        partitions: [...ends.keys()],
      });
      while (ends.size > 0) {
        for (const message of await consumer.fetch({ max: BATCH_MESSAGES, wait: WAIT_MS }))
          this.check(message);
        // What stands last may be no message: the position goes over it while nothing comes.
        for (const { partition, offset } of consumer.position())
          if (offset >= (ends.get(partition) ?? Infinity)) ends.delete(partition);
      }
      await consumer.close();
    }
    const seconds = (monotonicUs() - startedUs) / 1e6;
    await this.opened().close();
    return {
      ...{ messages: this.messages, seconds },
      ...{ duplicated: this.duplicated, corrupt: this.corrupt, reordered: this.reordered },
      read: [...this.read].map(([producer, set]) => ({ producer, sequences: set.bytes })),
    };
  }

  private check({ value, partition }: Message): void {
    this.messages++;
    const origin = this.payloads.read(value);
    if (origin === undefined) {
      this.corrupt++;
      return;
    }
    const { producer, sequence } = origin;
    let set = this.read.get(producer);
    if (set === undefined) this.read.set(producer, (set = new MessageSet()));
    if (!set.add(sequence)) this.duplicated++;
    const lane = partition * 65_536 + producer;
    if (sequence <= (this.last.get(lane) ?? -1)) this.reordered++;
    this.last.set(lane, sequence);
  }

  private opened(): Client {
    if (this.client === undefined) throw new Error('open() was not awaited');
    return this.client;
  }
}
