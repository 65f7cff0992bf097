// The peers' own load programs: what their servers do without a Node.js client. Verified by counting only.
'use strict';
const { execFile } = require('node:child_process');
const { randomUUID } = require('node:crypto');
const { promisify } = require('node:util');
const { java, javaProcess } = require('./servers/kafka.js');
const { MESSAGE_BYTES } = require('./load/workloads.js');
const { Usage, rounded } = require('./load/usage.js');
const nats = require('./clients/nats.js');
const kafka = require('./clients/kafka.js');

const PROCESSES = 2;
const CONNECTIONS = 5;
const OUTSTANDING = 256;
const PARTITIONS = 12;
const CALIBRATION_RECORDS = 20_000;

/** Kafka's ProducerPerformance, twice side by side; records for about as long as asked. */
async function kafkaProducerPerformance({ jars, cluster, durationMs, signal, acks, emit }) {
  const spec = { topic: `bench-${randomUUID().slice(0, 8)}`, lanes: PARTITIONS };
  await kafka.create(cluster.address, spec);
  const all = (records) =>
    Promise.all(
      Array.from({ length: PROCESSES }, () =>
        producerPerformance(jars, cluster, spec, acks, records, signal),
      ),
    );
  const rate = (results) => results.reduce((sum, one) => sum + one.perSecond, 0);
  const calibration = await all(CALIBRATION_RECORDS);
  // Java gets faster while it runs, so the first rate is too low a guess.
  const records = Math.round((1.5 * rate(calibration) * durationMs) / 1e3 / PROCESSES);
  const meter = new Usage(cluster.servers, []);
  const results = await all(records);
  const { otherCores, stolenCores, peakRssBytes } = meter.end(1);
  const sent = PROCESSES * (records + CALIBRATION_RECORDS);
  const there = offsets(jars, cluster, spec);
  await kafka.remove(cluster.address, spec);
  emit({
    workload: acks === 'all' ? 'produce' : 'leader',
    variant: 'ProducerPerformance (Java)',
    messagesPerSecond: Math.round(rate(results)),
    latencyMs: {
      p50: Math.max(...results.map(({ p50 }) => p50)),
      p99: Math.max(...results.map(({ p99 }) => p99)),
      p999: Math.max(...results.map(({ p999 }) => p999)),
    },
    ...{ otherCores, stolenCores, peakRssBytes, sent, acknowledged: sent, lost: sent - there },
    ...{ duplicated: 0, verified: there === sent, verification: 'count' },
  });
}

function producerPerformance(jars, { address }, { topic }, acks, records, signal) {
  const child = javaProcess(jars, 'org.apache.kafka.tools.ProducerPerformance', [
    ...['--topic', topic, '--num-records', String(records), '--record-size', String(MESSAGE_BYTES)],
    ...['--throughput', '-1', '--producer-props', `bootstrap.servers=${address.join(',')}`],
    ...[`acks=${acks}`, 'batch.size=262144', 'linger.ms=5', 'compression.type=none'],
  ]);
  const kill = () => child.kill('SIGKILL');
  signal.addEventListener('abort', kill, { once: true });
  process.once('exit', kill);
  return new Promise((resolve, reject) => {
    let output = '';
    child.stdout.on('data', (chunk) => (output += chunk));
    child.stderr.on('data', (chunk) => (output += chunk));
    child.once('error', reject);
    child.once('close', (code) => {
      signal.removeEventListener('abort', kill);
      process.off('exit', kill);
      const last = output
        .trim()
        .split('\n')
        .findLast((line) => line.includes('99.9th'));
      const number = (pattern) => Number(pattern.exec(last)?.[1]);
      if (signal.aborted) reject(signal.reason);
      else if (code !== 0 || last === undefined)
        reject(new Error(`ProducerPerformance failed (${code}): ${output.trim().slice(-400)}`));
      else
        resolve({
          perSecond: number(/([\d.]+) records\/sec/),
          p50: number(/(\d+) ms 50th/),
          p99: number(/(\d+) ms 99th/),
          p999: number(/(\d+) ms 99\.9th/),
        });
    });
  });
}

/** Records of the topic, by Kafka's own tool. */
function offsets(jars, { address }, { topic }) {
  const bootstrap = ['--bootstrap-server', address.join(',')];
  const text = java(jars, 'org.apache.kafka.tools.GetOffsetShell', [
    ...bootstrap,
    '--topic',
    topic,
  ]);
  const lines = text
    .trim()
    .split('\n')
    .filter((line) => line.startsWith(`${topic}:`));
  return lines.reduce((sum, line) => sum + Number(line.split(':').at(-1)), 0);
}

/** NATS's Go client: asynchronous publishing with as many outstanding as elsewhere. */
async function natsLoad({ program, cluster, durationMs, warmUpMs, signal, lanes, emit }) {
  const spec = { topic: `bench-${randomUUID().slice(0, 8)}`, lanes };
  await nats.create(cluster.address, spec);
  const args = ['-servers', cluster.address.map((one) => `nats://${one}`).join(',')];
  args.push('-subject', spec.topic, '-lanes', String(lanes), '-size', String(MESSAGE_BYTES));
  args.push('-connections', String(CONNECTIONS), '-outstanding', String(OUTSTANDING));
  args.push('-warmup', `${warmUpMs}ms`, '-duration', `${durationMs}ms`);
  const one = () => promisify(execFile)(program, args, { signal, killSignal: 'SIGKILL' });
  const meter = new Usage(cluster.servers, []);
  const outputs = await Promise.all(Array.from({ length: PROCESSES }, one));
  const { otherCores, stolenCores, peakRssBytes } = meter.end(1);
  const results = outputs.map(({ stdout }) => JSON.parse(stdout));
  const sum = (field) => results.reduce((total, result) => total + result[field], 0);
  const most = (field) => rounded(Math.max(...results.map((result) => result[field])), 2);
  const there = await nats.count(cluster.address, spec);
  await nats.remove(cluster.address, spec);
  emit({
    workload: 'produce',
    variant: `nats.go, ${lanes === 1 ? '1 stream' : `${lanes} streams`}`,
    messagesPerSecond: Math.round(sum('messagesPerSecond')),
    latencyMs: { p50: most('p50Ms'), p99: most('p99Ms'), p999: most('p999Ms') },
    ...{
      otherCores,
      stolenCores,
      peakRssBytes,
      sent: sum('sent'),
      acknowledged: sum('acknowledged'),
    },
    ...{
      lost: Math.max(0, sum('acknowledged') - there),
      duplicated: Math.max(0, there - sum('sent')),
    },
    ...{ verified: there >= sum('acknowledged') && there <= sum('sent'), verification: 'count' },
  });
}

module.exports = { kafkaProducerPerformance, natsLoad };
