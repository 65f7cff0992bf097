// A program that uses the client library as programs do, against servers that are not to be trusted: every call may fail,
// none may hang for ever, and nothing may end the process.
import { connect } from '@zhumq/client';
import type { Client } from '@zhumq/client';

const TOPIC = 'prey';
/** At the same time. */
const PROGRAMS = 8;
const ROUND_MS = 1_500;
const CALL_MS = 400;
/** More than any call may take here. */
const HANG_MS = 60_000;

/** How a call ends does not matter; that it does not end, ends the process. */
async function settles(what: string, call: Promise<unknown>): Promise<void> {
  const hung = setTimeout(() => {
    process.stderr.write(`hang: ${what} is not settled after ${HANG_MS} ms\n`);
    process.exit(3);
  }, HANG_MS);
  try {
    await call;
  } catch {
    // That it fails is right, and nothing to be told.
  } finally {
    clearTimeout(hung);
  }
}

async function round(client: Client): Promise<void> {
  const timeout = CALL_MS;
  const untilMs = performance.now() + ROUND_MS;
  const producer = client.producer({ deliveryTimeout: '1s' });
  const consumers = [
    client.consumer({ topic: TOPIC, from: 'earliest', delivery: 'pull' }),
    client.consumer({ topic: TOPIC, from: 'earliest', delivery: 'push' }),
    client.consumer({ topic: TOPIC, group: 'pack', from: 'earliest', drainTimeout: '100ms' }),
  ];
  const reading = consumers.map(async (consumer, index) => {
    while (performance.now() < untilMs)
      await settles(`fetch of consumer ${index}`, consumer.fetch({ max: 100, wait: 50 }));
  });
  const admin = client.admin();
  const asking = async (): Promise<void> => {
    while (performance.now() < untilMs) {
      await settles('createTopic', admin.createTopic({ topic: 'made', wait: 0 }, { timeout }));
      await settles('listTopics', admin.listTopics());
      await settles('describePartitions', admin.describePartitions(TOPIC, { timeout }));
      await settles('listOffsets', admin.listOffsets({ topic: TOPIC, at: 'latest' }, { timeout }));
    }
  };
  const sending = async (): Promise<void> => {
    while (performance.now() < untilMs)
      await settles('send', producer.send(TOPIC, { value: Buffer.alloc(100) }));
  };
  await Promise.all([...reading, asking(), sending(), sending()]);
  await Promise.all(
    consumers.map((consumer) => settles('close of a consumer', consumer.close({ timeout }))),
  );
  await settles('close of the producer', producer.close({ timeout }));
}

async function main(bootstrap: string): Promise<void> {
  for (;;) {
    try {
      const client = await connect(bootstrap, { connectTimeout: '1s', requestTimeout: '300ms' });
      await settles('a round', round(client));
      await settles('close of the client', client.close({ timeout: CALL_MS }));
    } catch {
      // The next one may come further.
    }
  }
}

process.stdout.write(`${JSON.stringify({ address: process.argv[2] })}\n`);
// Its standard input ends with its parent, however that ends.
process.stdin.on('end', () => process.exit(0)).resume();
for (let program = 0; program < PROGRAMS; program++) void main(process.argv[2]);
