// A member of a consumer group, as a process of its own; leaves on SIGTERM. Its argument is a JSON object, see
// GroupMemberOptions in group-members.ts. What happens to it goes into its file, one JSON object in each line, before it has
// any consequence: written by the time a message counts as handled, whatever kills the process then.
import { openSync, writeSync } from 'node:fs';
import { connect } from '@zhumq/client';

const {
  bootstrap,
  file,
  member,
  way,
  concurrency,
  inHand,
  consumer: options,
} = JSON.parse(process.argv[2]);
const out = openSync(file, 'a');
const now = () => Number(process.hrtime.bigint()) / 1e6;
const tell = (fact) => writeSync(out, `${JSON.stringify({ at: now(), member, ...fact })}\n`);
const codeOf = (error) => error.code ?? String(error);

const client = await connect(bootstrap, { connectTimeout: '60s' });
const consumer = client.consumer(options);
const stop = new AbortController();

process.once('SIGTERM', async () => {
  stop.abort();
  await consumer.close();
  await client.close();
  process.exit(0);
});
if (way !== 'look') tell({ kind: 'joining', inHand, awaitsCommits: way === 'batches' });

consumer.on('assigned', ({ partitions }) => tell({ kind: 'assigned', partitions }));
consumer.on('revoked', ({ partitions, lost }) => tell({ kind: 'revoked', partitions, lost }));
consumer.on('fenced', ({ error }) => tell({ kind: 'fenced', code: codeOf(error) }));
consumer.on('blocked', ({ delayMs }) => tell({ kind: 'blocked', delayMs }));
consumer.on('commitFailed', ({ error }) => tell({ kind: 'commit refused', code: codeOf(error) }));

const handle = ({ partition, offset }) => tell({ kind: 'handled', partition, offset });

async function runHandlers() {
  const later = async (message) => {
    handle(message);
    await new Promise((resolve) => setImmediate(resolve));
  };
  await consumer.run(concurrency > 1 ? later : handle, { concurrency, signal: stop.signal });
}

async function ackBatches() {
  for await (const batch of consumer.batches({ max: inHand, wait: 20, signal: stop.signal })) {
    const next = new Map();
    for (const message of batch.messages) {
      handle(message);
      next.set(message.partition, message.offset + 1);
    }
    const began = now();
    try {
      await batch.ack();
      const positions = [...next].map(([partition, offset]) => ({ partition, offset }));
      tell({ kind: 'committed', began, positions });
    } catch (error) {
      tell({ kind: 'commit refused', code: codeOf(error) });
    }
  }
}

/** Without a group: what it sees and when is compared with the members. */
async function look() {
  await consumer.run(({ partition, offset }) => {
    tell({ kind: 'seen', reader: member, partition, offset });
  });
}

try {
  await { run: runHandlers, batches: ackBatches, look }[way]();
} catch (error) {
  tell({ kind: 'failed', code: codeOf(error) });
  process.exit(1);
}
