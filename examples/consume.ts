import { connect } from '@zhumq/client';

const stop = new AbortController();
process.once('SIGINT', () => stop.abort());
const mq = await connect(process.argv[2] ?? 'zhumq://localhost:9641');
const consumer = mq.consumer({ topic: 'greetings', from: 'earliest' });
await consumer.run(
  ({ partition, offset, key, value }) => console.log(`${partition}/${offset} ${key}: ${value}`),
  { signal: stop.signal },
);
await mq.close();
