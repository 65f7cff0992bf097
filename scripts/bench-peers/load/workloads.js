// The workloads, the same for each queue: load that is measured, then everything read back and compared.
'use strict';
const { randomUUID } = require('node:crypto');
const path = require('node:path');
const { setTimeout: delay } = require('node:timers/promises');
const { Fleet } = require('./fleet.js');
const { Usage, rounded } = require('./usage.js');

const BENCH = path.join(__dirname, '../../../packages/bench/dist');
const { LatencyHistogram } = require(path.join(BENCH, 'latency-histogram.js'));
const { judge } = require(path.join(BENCH, 'verdict.js'));

const MESSAGE_BYTES = 1024;
/** A reader that gets nothing for so long has got everything that there is. */
const STALLED_MS = 20_000;
/** After the last message that is owed: time for one that nobody owes. */
const QUIET_MS = 300;
const LOOK_MS = 50;

class Workloads {
  /** `emit` takes a result as soon as it is there. */
  constructor({ peer, cluster, signal, warmUpMs, durationMs, emit }) {
    Object.assign(this, { peer, cluster, signal, warmUpMs, durationMs, emit });
    this.client = require(`../clients/${peer.client}.js`);
  }

  async run({ workload, variant, spec, load, ways }) {
    const topic = `bench-${randomUUID().slice(0, 8)}`;
    const whole = { topic, ...spec };
    await this.client.create(this.cluster.address, whole);
    try {
      const common = { variant, spec: whole };
      if (workload === 'push') await this.push(common, load, ways[0]);
      else await this.produce(workload, common, load, ways);
    } finally {
      await this.client.remove(this.cluster.address, whole).catch(() => undefined);
    }
  }

  /** Closed loop: each producer has a window of messages that are not acknowledged. */
  async produce(workload, { variant, spec }, load, ways) {
    const fleet = new Fleet('sender', this.sendJobs(spec, load));
    let [outcomes, usage] = [];
    try {
      await fleet.ready();
      fleet.tell('start');
      await this.pass(fleet, this.warmUpMs);
      const meter = new Usage(this.cluster.servers, fleet.pids());
      fleet.tell('measure');
      const before = fleet.sum('messages');
      await this.pass(fleet, this.durationMs);
      usage = meter.end(fleet.sum('messages') - before);
      fleet.tell('stop');
      outcomes = await this.unlessAborted(fleet.outcomes());
    } finally {
      fleet.kill();
    }
    const rates = outcomes.map(({ measured, seconds }) => measured / seconds);
    const latencyMs = latencyOf(outcomes);
    let first;
    for (const way of ways) {
      const read = await this.readTwiceAtMost(spec, way, outcomes);
      first ??= read.verdict;
      if (workload !== 'produce') break;
      this.emit({
        workload: 'consume',
        variant: `${variant}, ${way}`,
        ...read.result,
        ...read.verdict,
      });
    }
    const messagesPerSecond = Math.round(rates.reduce((sum, rate) => sum + rate, 0));
    this.emit({ workload, variant, messagesPerSecond, latencyMs, ...usage, ...first });
  }

  /** Whether a message is lost, or its reader stood still, is seen by a second reader, where reading does not take away. */
  async readTwiceAtMost(spec, way, outcomes) {
    const first = await this.readAll(spec, way, outcomes);
    if (first.verdict.lost === 0 || this.peer.readOnce) return first;
    const { verdict } = await this.readAll(spec, way, outcomes);
    const verification = `second reader; the first one lacked ${first.verdict.lost}`;
    return { result: first.result, verdict: { ...verdict, verification } };
  }

  async readAll(spec, way, outcomes) {
    const owed = judge(outcomes, [], 'all').acknowledged;
    const fleet = new Fleet('reader', [this.readJob(spec, way)]);
    try {
      await fleet.ready();
      const meter = new Usage(this.cluster.servers, fleet.pids());
      fleet.tell('start');
      await this.untilRead(fleet, owed);
      const usage = meter.end(owed);
      fleet.tell('stop');
      const [read] = await this.unlessAborted(fleet.outcomes());
      const messagesPerSecond = Math.round(read.messages / Math.max(1e-3, read.seconds));
      return { result: { messagesPerSecond, ...usage }, verdict: judge(outcomes, [read], 'all') };
    } finally {
      fleet.kill();
    }
  }

  /** Open loop: from when a message was due until a consumer that is at work has it. */
  async push({ variant, spec }, load, way) {
    const reader = new Fleet('reader', [this.readJob(spec, way)]);
    const sender = new Fleet('sender', this.sendJobs(spec, load));
    try {
      await Promise.all([reader.ready(), sender.ready()]);
      reader.tell('start');
      sender.tell('start');
      await this.pass(sender, this.warmUpMs);
      const meter = new Usage(this.cluster.servers, [...sender.pids(), ...reader.pids()]);
      for (const fleet of [sender, reader]) fleet.tell('measure');
      const before = reader.sum('messages');
      await this.pass(sender, this.durationMs);
      const usage = meter.end(reader.sum('messages') - before);
      sender.tell('stop');
      const outcomes = await this.unlessAborted(sender.outcomes());
      await this.untilRead(reader, judge(outcomes, [], 'all').acknowledged);
      reader.tell('stop');
      const reads = await this.unlessAborted(reader.outcomes());
      this.emit({
        ...{ workload: 'push', variant, latencyMs: latencyOf(reads) },
        messagesPerSecond: Math.round(
          outcomes.reduce((sum, one) => sum + one.measured / one.seconds, 0),
        ),
        acknowledgedMs: latencyOf(outcomes),
        ...usage,
        ...judge(outcomes, reads, 'all'),
      });
    } finally {
      for (const fleet of [sender, reader]) fleet.kill();
    }
  }

  sendJobs(spec, { producers, processes, outstanding, messagesPerSecond }) {
    return Array.from({ length: processes }, (_, index) => ({
      ...{ kind: 'send', peer: this.peer.client, address: this.cluster.address, spec, outstanding },
      ...{ messageBytes: MESSAGE_BYTES, seed: spec.topic },
      producers: Array.from({ length: producers }, (_, at) => at).filter(
        (at) => at % processes === index,
      ),
      messagesPerSecond: messagesPerSecond && messagesPerSecond / processes,
    }));
  }

  readJob(spec, way) {
    const { address } = this.cluster;
    const values = { messageBytes: MESSAGE_BYTES, seed: spec.topic };
    return { kind: 'read', peer: this.peer.client, address, spec, way, ...values };
  }

  async untilRead(fleet, owed) {
    let seen = -1;
    let movedMs = performance.now();
    while (fleet.sum('distinct') < owed && performance.now() - movedMs < STALLED_MS) {
      const messages = fleet.sum('messages');
      if (messages > seen) movedMs = performance.now();
      seen = messages;
      await this.pass(fleet, LOOK_MS);
    }
    await this.pass(fleet, QUIET_MS);
  }

  async pass(fleet, ms) {
    const waiting = delay(ms, undefined, { signal: this.signal });
    waiting.catch(() => undefined);
    await Promise.race([waiting, fleet.failure()]);
  }

  unlessAborted(promise) {
    const { signal } = this;
    return new Promise((resolve, reject) => {
      const give = () => reject(signal.reason);
      if (signal.aborted) give();
      signal.addEventListener('abort', give, { once: true });
      promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', give));
    });
  }
}

function latencyOf(outcomes) {
  const whole = new LatencyHistogram();
  for (const { latency } of outcomes) whole.add(new LatencyHistogram(latency));
  const { p50, p99, p999 } = whole.summary();
  return { p50: rounded(p50, 2), p99: rounded(p99, 2), p999: rounded(p999, 2) };
}

module.exports = { Workloads, MESSAGE_BYTES };
