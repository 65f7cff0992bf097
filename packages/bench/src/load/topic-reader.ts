// Reads a topic, and compares every message with what its producer must have sent.
import { connect } from '@zhumq/client';
import type { Client, Consumer, Message } from '@zhumq/client';
import { LatencyHistogram } from '../latency-histogram.js';
import { MessageSet } from '../message-set.js';
import { Payloads, monotonicUs } from '../payload.js';
import type { Ends, ReadJob, ReadOutcome } from './jobs.js';

const PREFETCH = '32MiB';
const FETCH_MESSAGES = 5_000;
const WAIT_MS = 100;

export class TopicReader {
  private readonly payloads: Payloads;
  private readonly read = new Map<number, MessageSet>();
  /** Last sequence by partition and producer. */
  private readonly last = new Map<number, number>();
  private client: Client | undefined;
  private consumer: Consumer | undefined;
  private ends: Ends | undefined;
  private readonly stopped = new AbortController();
  private latency = new LatencyHistogram();
  private beganUs = 0;
  private lastUs = 0;
  private duplicated = 0;
  private corrupt = 0;
  private reordered = 0;
  messages = 0;

  constructor(private readonly job: ReadJob) {
    this.payloads = new Payloads(job.messageBytes, job.seed);
    this.ends = job.ends?.filter(({ offset }) => offset > 0);
  }

  async open(): Promise<void> {
    const { bootstrap, topic, delivery, group } = this.job;
    this.client = await connect([...bootstrap]);
    const common = { topic, delivery, from: 'earliest', prefetchBytes: PREFETCH } as const;
    const partitions = this.ends?.map(({ partition }) => partition);
    if (group !== undefined) this.consumer = this.client.consumer({ ...common, group });
    else if (partitions === undefined) this.consumer = this.client.consumer(common);
    else if (partitions.length > 0) this.consumer = this.client.consumer({ ...common, partitions });
    if (group === undefined) await this.consumer?.ready();
  }

  measure(): void {
    this.latency = new LatencyHistogram();
  }

  /** Reads on until `ends`, or ends at once. */
  stop(ends: Ends | undefined): void {
    this.ends = ends?.filter(({ offset }) => offset > 0) ?? [];
    this.stopWhenDone();
  }

  async run(): Promise<ReadOutcome> {
    this.beganUs = this.lastUs = monotonicUs();
    if (this.job.way === 'handler') await this.handle();
    else await this.fetch();
    await this.consumer?.close();
    await this.client?.close();
    return {
      ...{ messages: this.messages, beganUs: this.beganUs, lastUs: this.lastUs },
      seconds: (this.lastUs - this.beganUs) / 1e6,
      latency: this.latency.counters,
      ...{ duplicated: this.duplicated, corrupt: this.corrupt, reordered: this.reordered },
      read: [...this.read].map(([producer, set]) => ({ producer, sequences: set.bytes })),
    };
  }

  private async fetch(): Promise<void> {
    const { consumer } = this;
    while (!this.done) {
      const messages = (await consumer?.fetch({ max: FETCH_MESSAGES, wait: WAIT_MS })) ?? [];
      for (const message of messages) this.check(message);
      if (messages.length > 0 && this.job.group !== undefined) await consumer?.commit();
    }
  }

  private async handle(): Promise<void> {
    const looks = setInterval(() => this.stopWhenDone(), WAIT_MS);
    try {
      const { signal } = this.stopped;
      await this.consumer?.run((message) => this.check(message), { signal });
    } finally {
      clearInterval(looks);
    }
  }

  private stopWhenDone(): void {
    if (this.done) this.stopped.abort();
  }

  /** What stands last may be no message: the position goes over it while nothing comes. */
  private get done(): boolean {
    if (this.ends === undefined) return false;
    const positions = new Map(
      this.consumer?.position().map(({ partition, offset }) => [partition, offset]),
    );
    return this.ends.every(({ partition, offset }) => (positions.get(partition) ?? 0) >= offset);
  }

  private check({ value, partition }: Message): void {
    this.messages++;
    this.lastUs = monotonicUs();
    const origin = this.payloads.read(value);
    if (origin === undefined) {
      this.corrupt++;
      return;
    }
    const { producer, sequence, sentAtUs } = origin;
    this.latency.record(this.lastUs - sentAtUs);
    let set = this.read.get(producer);
    if (set === undefined) this.read.set(producer, (set = new MessageSet()));
    if (!set.add(sequence)) this.duplicated++;
    const lane = partition * 65_536 + producer;
    if (sequence <= (this.last.get(lane) ?? -1)) this.reordered++;
    this.last.set(lane, sequence);
  }
}
