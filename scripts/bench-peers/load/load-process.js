// A process that sends or reads: takes one job from its parent. Values, what was seen of them, and latencies are those of
// packages/bench, so that every queue is judged by the same rules.
'use strict';
const path = require('node:path');

const BENCH = path.join(__dirname, '../../../packages/bench/dist');
const { LatencyHistogram } = require(path.join(BENCH, 'latency-histogram.js'));
const { MessageSet } = require(path.join(BENCH, 'message-set.js'));
const { Payloads, monotonicUs } = require(path.join(BENCH, 'payload.js'));

const PROGRESS_MS = 100;
const PACE_MS = 5;

/** Keeps a window of each producer full, or sends at a pace. */
class Sending {
  constructor(job) {
    this.job = job;
    this.payloads = new Payloads(job.messageBytes, job.seed);
    this.latency = new LatencyHistogram();
    this.measured = 0;
    this.failures = {};
    this.stopped = false;
    this.acknowledged = 0;
  }

  get messages() {
    return this.acknowledged;
  }

  async open() {
    const client = require(`../clients/${this.job.peer}.js`);
    const { address, spec, producers } = this.job;
    this.senders = await Promise.all(
      producers.map(async (number) => ({
        ...{ number, sent: 0, underWay: 0, set: new MessageSet() },
        producer: await client.openProducer(address, spec, number),
      })),
    );
  }

  start() {
    const { messagesPerSecond } = this.job;
    if (messagesPerSecond === undefined) for (const sender of this.senders) this.fill(sender);
    else this.pace(messagesPerSecond / this.senders.length);
  }

  measure() {
    this.latency = new LatencyHistogram();
    this.measured = 0;
    this.sinceUs = monotonicUs();
  }

  async stop() {
    const seconds = (monotonicUs() - (this.sinceUs ?? monotonicUs())) / 1e6;
    const { measured } = this;
    const latency = this.latency.counters.slice();
    this.stopped = true;
    clearInterval(this.pacer);
    await new Promise((resolve) => {
      this.onIdle = resolve;
      this.maybeIdle();
    });
    await Promise.all(this.senders.map(({ producer }) => producer.close()));
    const producers = this.senders.map(({ number, sent, set }) => ({
      ...{ producer: number, sent },
      acknowledged: set.bytes,
    }));
    const { failures } = this;
    return { measured, seconds, latency, producers, failures, longestPauseMs: 0 };
  }

  fill(sender) {
    while (sender.underWay < this.job.outstanding && !this.stopped)
      this.send(sender, monotonicUs());
  }

  send(sender, dueUs) {
    const sequence = sender.sent++;
    sender.underWay++;
    sender.producer.send(this.payloads.make(sender.number, sequence, dueUs)).then(
      () => {
        this.acknowledged++;
        this.measured++;
        sender.set.add(sequence);
        this.latency.record(monotonicUs() - dueUs);
        this.settled(sender);
      },
      (error) => {
        const code = String(error.code ?? error.message).slice(0, 80);
        this.failures[code] = (this.failures[code] ?? 0) + 1;
        this.settled(sender);
      },
    );
  }

  settled(sender) {
    sender.underWay--;
    if (this.stopped) this.maybeIdle();
    else if (this.job.messagesPerSecond === undefined) this.fill(sender);
  }

  maybeIdle() {
    if (this.senders.every(({ underWay }) => underWay === 0)) this.onIdle?.();
  }

  pace(perSender) {
    let dueUs = monotonicUs();
    this.pacer = setInterval(() => {
      const now = monotonicUs();
      for (; dueUs <= now; dueUs += 1e6 / perSender)
        for (const sender of this.senders) this.send(sender, dueUs);
    }, PACE_MS);
  }
}

/** Compares each message, byte for byte, with what its producer must have sent. */
class Reading {
  constructor(job) {
    this.job = job;
    this.payloads = new Payloads(job.messageBytes, job.seed);
    this.latency = new LatencyHistogram();
    this.messages = this.duplicated = this.corrupt = this.reordered = 0;
    this.distinct = 0;
    this.sets = new Map();
    this.last = new Map();
    this.beganUs = this.lastUs = monotonicUs();
  }

  async open() {
    const client = require(`../clients/${this.job.peer}.js`);
    const { address, spec, way } = this.job;
    this.reader = await client.openReader(address, spec, way, (value, lane) =>
      this.take(value, lane),
    );
  }

  async start() {
    this.beganUs = this.lastUs = monotonicUs();
    await this.reader.start();
  }

  measure() {
    this.latency = new LatencyHistogram();
  }

  async stop() {
    await this.reader.close();
    const { messages, beganUs, lastUs, duplicated, corrupt, reordered } = this;
    return {
      ...{ messages, beganUs, lastUs, seconds: (lastUs - beganUs) / 1e6 },
      ...{ duplicated, corrupt, reordered, latency: this.latency.counters },
      read: [...this.sets].map(([producer, set]) => ({ producer, sequences: set.bytes })),
    };
  }

  /** Time counts from the first message on: joining a group or opening a stream takes seconds at some. */
  take(value, lane) {
    this.lastUs = monotonicUs();
    if (this.messages++ === 0) this.beganUs = this.lastUs;
    const origin = this.payloads.read(value);
    if (origin === undefined) {
      this.corrupt++;
      return;
    }
    const { producer, sequence, sentAtUs } = origin;
    this.latency.record(this.lastUs - sentAtUs);
    let set = this.sets.get(producer);
    if (set === undefined) this.sets.set(producer, (set = new MessageSet()));
    if (set.add(sequence)) this.distinct++;
    else this.duplicated++;
    const key = lane * 65_536 + producer;
    if (sequence <= (this.last.get(key) ?? -1)) this.reordered++;
    this.last.set(key, sequence);
  }
}

let work;

async function obey({ order, job }) {
  if (order === 'job') {
    work = job.kind === 'send' ? new Sending(job) : new Reading(job);
    await work.open();
    process.send({ report: 'ready' });
    setInterval(tellProgress, PROGRESS_MS);
  } else if (order === 'start') await work.start();
  else if (order === 'measure') work.measure();
  else {
    const outcome = await work.stop();
    process.send({ report: 'done', outcome }, () => process.exit());
  }
}

function tellProgress() {
  const { messages, distinct = 0 } = work;
  process.send({ report: 'progress', messages, distinct });
}

process.on('message', (order) => {
  obey(order).catch((error) => {
    process.send({ report: 'failed', message: error.stack ?? error.message }, () =>
      process.exit(1),
    );
  });
});
process.on('disconnect', () => process.exit());
// Interrupting the run is the parent's business.
process.on('SIGINT', () => undefined);
