// Lets Kafka's own kafka-dump-log read what zhumq wrote: every segment and index, of both modes and with each compression.
'use strict';
const fs = require('node:fs');
const path = require('node:path');
const { java } = require('./servers/kafka.js');
const { Server, until } = require('./servers/processes.js');
const { connect } = require('@zhumq/client');

const COMMAND = path.join(__dirname, '../../packages/cli/bin/zhumq.js');
const MESSAGES = 20_000;
const TOPICS = [
  { topic: 'raft-plain', mode: 'raft' },
  { topic: 'fetch-plain', mode: 'fetch' },
  ...['gzip', 'lz4'].map((compression) => ({
    ...{ topic: `raft-${compression}`, mode: 'raft', compression },
  })),
];
/** Some dozen segments each. */
const CONFIG = { 'segment.bytes': String(1 << 20) };

async function dumpLog({ tools, signal, directory }) {
  const { folder: jars, version } = tools.kafka();
  const data = fs.mkdtempSync(path.join(directory, 'zhumq-bench-dump-'));
  const output = path.join(data, 'output');
  const args = ['dev', '--processes', '--restart-after', 'never', '--brokers', '3', '--port', '0'];
  const cluster = new Server(
    'zhumq dev',
    process.execPath,
    [COMMAND, ...args, '--data-dir', path.join(data, 'data'), '-o', 'json'],
    { log: output },
  );
  try {
    const address = await until('the start of zhumq', [cluster], () => bootstrapOf(output), {
      signal,
    });
    await write(address);
    // At its end everything that is acknowledged is in segments.
    process.kill(cluster.child.pid, 'SIGTERM');
    await cluster.ended;
    const findings = judge(jars, path.join(data, 'data'));
    mustComplain(jars, path.join(data, 'data'));
    process.stdout.write(`kafka-dump-log ${version}: ${findings.lines.join('\n')}\n`);
    return findings.wrong === 0 ? 0 : 1;
  } finally {
    await cluster.kill();
    fs.rmSync(data, { recursive: true, force: true, maxRetries: 5 });
  }
}

function bootstrapOf(output) {
  const line = fs
    .readFileSync(output, 'utf8')
    .split('\n')
    .find((text) => text.startsWith('{'));
  return line === undefined ? undefined : JSON.parse(line).bootstrap.split(',');
}

async function write(address) {
  const client = await connect(address);
  for (const { topic, mode, compression } of TOPICS) {
    await client.admin().createTopic({ topic, partitions: 1, replicas: 3, mode, config: CONFIG });
    const producer = client.producer({ acks: 'all', compression: compression ?? 'none' });
    const sends = [];
    for (let index = 0; index < MESSAGES; index++) {
      const value = Buffer.from(
        JSON.stringify({ index, text: 'what a queue carries '.repeat(20) }),
      );
      const headers = { index: String(index % 7) };
      sends.push(producer.send(topic, { key: `key ${index % 100}`, value, headers }));
    }
    await Promise.all(sends);
    await producer.close();
  }
  await client.close();
}

/** Every replica of every topic: what the tool says of its files, held against what was acknowledged. */
function judge(jars, data) {
  const lines = [];
  let wrong = 0;
  for (const { topic } of TOPICS) {
    const folders = foldersOf(data, `${topic}-0.`);
    if (folders.length !== 3) {
      wrong++;
      lines.push(`${topic}: ${folders.length} replicas found instead of 3`);
    }
    for (const folder of folders) {
      const { segments, records, batches, control, complaints } = dump(jars, folder);
      // Raft's leaders begin their epochs with a control batch.
      const good =
        complaints.length === 0 &&
        records === MESSAGES &&
        (control > 0 || !topic.startsWith('raft'));
      if (!good) wrong++;
      lines.push(
        `${good ? 'ok' : 'WRONG'} ${path.relative(data, folder)}: ${segments} segments, ${batches} batches, ` +
          `${records} of ${MESSAGES} records, ${control} control batches`,
        ...complaints.map((text) => `  ${text}`),
      );
    }
  }
  return { lines: [wrong === 0 ? 'no complaint' : `${wrong} replicas are wrong`, ...lines], wrong };
}

/** A tool that never complains would prove nothing: one byte of a segment is changed, and it has to say so. */
function mustComplain(jars, data) {
  const [folder] = foldersOf(data, `${TOPICS[0].topic}-0.`);
  const segment = fs.readdirSync(folder).find((name) => name.endsWith('.log'));
  const file = path.join(folder, segment);
  const bytes = fs.readFileSync(file);
  bytes[bytes.length >> 1] ^= 1;
  fs.writeFileSync(file, bytes);
  if (dump(jars, folder).complaints.length === 0)
    throw new Error(`kafka-dump-log does not see a changed byte in ${segment}`);
}

/** A replica's folder is the partition's name and the beginning of the replica's id. */
function foldersOf(data, name) {
  const entries = fs.readdirSync(data, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory() && entry.name.startsWith(name))
    .map((entry) => path.join(entry.parentPath ?? entry.path, entry.name))
    .sort();
}

function dump(jars, folder) {
  const files = fs.readdirSync(folder).sort();
  const segments = files.filter((file) => file.endsWith('.log'));
  const indexes = files.filter((file) => /\.(index|timeindex)$/.test(file));
  const complaints = [];
  const ask = (names, ...flags) => {
    const list = names.map((file) => path.join(folder, file)).join(',');
    try {
      return java(jars, 'kafka.tools.DumpLogSegments', [...flags, '--files', list]);
    } catch (error) {
      complaints.push(`${error.message.split('\n')[0]} ${String(error.stderr).slice(-500)}`);
      return '';
    }
  };
  const text = ask(segments, '--deep-iteration');
  // Empty indexes are preallocated or not there yet.
  const full = indexes.filter((file) => fs.statSync(path.join(folder, file)).size > 0);
  const sanity = full.length === 0 ? '' : ask(full, '--index-sanity-check');
  const suspicious =
    /exception|error|invalid|mismatch|corrupt|non-?consecutive|out of order|isvalid: false/i;
  complaints.push(
    ...`${text}\n${sanity}`
      .split('\n')
      .filter((one) => suspicious.test(one))
      .slice(0, 5),
  );
  const batches = [...text.matchAll(/^baseOffset: .* count: (\d+) .*isControl: (true|false)/gm)];
  const records = batches.filter(([, , control]) => control === 'false');
  return {
    ...{ segments: segments.length, complaints, batches: batches.length },
    records: records.reduce((sum, [, count]) => sum + Number(count), 0),
    control: batches.length - records.length,
  };
}

module.exports = { dumpLog };
