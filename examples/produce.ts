import { connect } from '@zhumq/client';

const mq = await connect(process.argv[2] ?? 'zhumq://localhost:9641');
await mq.admin().createTopic({ topic: 'greetings', partitions: 3, ifNotExists: true });
const producer = mq.producer();
for (const [n, name] of ['Ada', 'Grace', 'Barbara'].entries()) {
  const { partition, offset } = await producer.send('greetings', {
    key: name,
    value: `hello ${n}`,
  });
  console.log(`${name} -> partition ${partition}, offset ${offset}`);
}
await mq.close();
