// Sends messages as fast as a window of outstanding ones allows, or at a fixed pace, and remembers which were acknowledged.
import { ZhumqError, connect } from '@zhumq/client';
import type { Client, Producer } from '@zhumq/client';
import { LatencyHistogram } from '../latency-histogram.js';
import { MessageSet } from '../message-set.js';
import { Payloads, monotonicUs } from '../payload.js';
import { AckGaps } from './ack-gaps.js';
import type { ProduceJob, ProduceOutcome } from './jobs.js';

const PACE_MS = 5;
/** A paced producer that falls behind catches up, but does not owe more than this. */
const MAX_OWED_MS = 1_000;

export class ProduceLoad {
  private readonly payloads: Payloads;
  private readonly senders: Sender[] = [];
  private clients: Client[] = [];
  private readonly failures = new Map<string, number>();
  private latency = new LatencyHistogram();
  private measured = 0;
  private measuringSinceUs: number | undefined;
  private measuredUs = 0;
  private lastAckUs = 0;
  private longestPauseUs = 0;
  private pacer: NodeJS.Timeout | undefined;
  acknowledged = 0;
  readonly gaps = new AckGaps();

  constructor(private readonly job: ProduceJob) {
    this.payloads = new Payloads(job.messageBytes, job.seed);
  }

  async open(): Promise<void> {
    const { bootstrap, producers, acks, batchBytes, lingerMs } = this.job;
    this.clients = await Promise.all(producers.map(() => connect([...bootstrap])));
    producers.forEach((producer, index) =>
      this.senders.push(
        new Sender(
          producer,
          this.clients[index].producer({ acks, batchBytes, linger: lingerMs }),
          this,
        ),
      ),
    );
  }

  start(): void {
    const { messagesPerSecond } = this.job;
    if (messagesPerSecond === undefined) for (const sender of this.senders) sender.fill();
    else this.pace(messagesPerSecond / this.senders.length);
  }

  /** Counts from now on. */
  measure(): void {
    this.latency = new LatencyHistogram();
    this.measured = 0;
    this.longestPauseUs = 0;
    this.measuringSinceUs = this.lastAckUs = monotonicUs();
  }

  async stop(): Promise<ProduceOutcome> {
    const now = monotonicUs();
    if (this.measuringSinceUs !== undefined) {
      this.measuredUs = now - this.measuringSinceUs;
      this.longestPauseUs = Math.max(this.longestPauseUs, now - this.lastAckUs);
    }
    this.measuringSinceUs = undefined;
    clearInterval(this.pacer);
    for (const sender of this.senders) sender.stopped = true;
    await Promise.all(this.senders.map((sender) => sender.producer.close()));
    await Promise.all(this.clients.map((client) => client.close()));
    return {
      measured: this.measured,
      seconds: this.measuredUs / 1e6,
      latency: this.latency.counters,
      producers: this.senders.map(({ number, sent, acknowledged }) => ({
        ...{ producer: number, sent },
        acknowledged: acknowledged.bytes,
      })),
      failures: Object.fromEntries(this.failures),
      longestPauseMs: this.longestPauseUs / 1e3,
    };
  }

  // ---- what senders use --------------------------------------------------------------------------------------------

  get outstanding(): number {
    return this.job.outstanding;
  }

  get closedLoop(): boolean {
    return this.job.messagesPerSecond === undefined;
  }

  get topic(): string {
    return this.job.topic;
  }

  value(producer: number, sequence: number, sentAtUs: number): Buffer {
    return this.payloads.make(producer, sequence, sentAtUs);
  }

  settled(sentAtUs: number, partition: number): void {
    this.acknowledged++;
    this.gaps.acknowledged(partition);
    if (this.measuringSinceUs === undefined) return;
    const now = monotonicUs();
    if (now - this.lastAckUs > this.longestPauseUs) this.longestPauseUs = now - this.lastAckUs;
    this.lastAckUs = now;
    this.measured++;
    this.latency.record(now - sentAtUs);
  }

  failed(error: unknown): void {
    const code = ZhumqError.is(error) ? error.code : String(error);
    this.failures.set(code, (this.failures.get(code) ?? 0) + 1);
  }

  /** An open loop: what is late is sent all the same, and its latency counts from when it was due. */
  private pace(perSenderPerSecond: number): void {
    let dueUs = monotonicUs();
    const intervalUs = 1e6 / perSenderPerSecond;
    this.pacer = setInterval(() => {
      const now = monotonicUs();
      dueUs = Math.max(dueUs, now - MAX_OWED_MS * 1e3);
      for (; dueUs <= now; dueUs += intervalUs)
        for (const sender of this.senders) sender.sendDue(dueUs);
    }, PACE_MS);
  }
}

/** One producer. */
class Sender {
  sent = 0;
  stopped = false;
  readonly acknowledged = new MessageSet();
  private inFlight = 0;

  constructor(
    readonly number: number,
    readonly producer: Producer,
    private readonly load: ProduceLoad,
  ) {}

  fill(): void {
    while (this.inFlight < this.load.outstanding && !this.stopped) this.sendDue(monotonicUs());
  }

  sendDue(dueUs: number): void {
    const sequence = this.sent++;
    this.inFlight++;
    const value = this.load.value(this.number, sequence, dueUs);
    this.producer.send(this.load.topic, { value }).then(
      ({ partition }) => {
        this.inFlight--;
        this.acknowledged.add(sequence);
        this.load.settled(dueUs, partition);
        this.refill();
      },
      (error: unknown) => {
        this.inFlight--;
        this.load.failed(error);
        this.refill();
      },
    );
  }

  /** A closed loop keeps its window full; a paced one has a timer. */
  private refill(): void {
    if (this.load.closedLoop) this.fill();
  }
}
