import { FakeCluster, failureFrom } from './testing/fake-cluster.fixture.js';
import { connect, defineTopic, json, string } from './index.js';

describe('a client', () => {
  let cluster: FakeCluster;
  beforeEach(async () => {
    cluster = await FakeCluster.start(2);
  });
  afterEach(() => cluster.close());

  test('sends and reads back, by name and by typed topic', async () => {
    cluster.addTopic('orders', 2);
    const mq = await cluster.connect();
    const producer = mq.producer();
    const Orders = defineTopic('orders', { key: string(), value: json<{ total: number }>() });
    const receipt = await producer.send('orders', {
      key: 'k',
      value: '{"total":1}',
      headers: { a: ['1', '2'], b: null },
      timestamp: 1000,
    });
    expect(receipt).toMatchObject({
      topic: 'orders',
      offset: 0,
      timestamp: 1000,
      duplicate: false,
    });
    const receipts = await producer.send(Orders, [
      { key: 'k', value: { total: 2 } },
      { key: 'k', value: null },
    ]);
    expect(receipts.map(({ offset }) => offset)).toEqual([1, 2]);
    const consumer = mq.consumer({ topic: Orders, from: 'earliest' });
    const seen = [];
    for await (const message of consumer) {
      seen.push(message);
      if (seen.length === 3) break;
    }
    expect(seen.map(({ key, value }) => [key, value])).toEqual([
      ['k', { total: 1 }],
      ['k', { total: 2 }],
      ['k', null],
    ]);
    expect([...seen[0].headers]).toEqual([
      ['a', [Buffer.from('1'), Buffer.from('2')]],
      ['b', [Buffer.alloc(0)]],
    ]);
  });

  test('finds the cluster by the address of a zkserver alone', async () => {
    cluster.addTopic('t');
    const mq = await cluster.connect({}, `127.0.0.1:${cluster.zkPort}`);
    await mq.producer().send('t', { value: 'x' });
    expect(cluster.log('t').values()).toEqual(['x']);
    expect(mq.clusterId).toBe('c'.repeat(32));
  });

  test('says of each address why nobody answered', async () => {
    await cluster.brokers[1].stop();
    const { port } = cluster.brokers[1];
    const error = await failureFrom(
      connect([`127.0.0.1:${port}`, 'localhost:1'], { connectTimeout: 300 }),
    );
    expect(error.code).toBe('CONNECTION_REFUSED');
    expect(error.message).toContain(`127.0.0.1:${port}`);
    expect(error.message).toContain('localhost:1');
    expect(error.message).toContain('ECONNREFUSED');
  });

  test('closes everything that it made', async () => {
    cluster.addTopic('t');
    const mq = await cluster.connect();
    const producer = mq.producer({ linger: '1h' });
    const sent = producer.send('t', { value: 'last' });
    const consumer = mq.consumer({ topic: 't', from: 'earliest' });
    const run = consumer.run(() => undefined);
    await mq.close();
    await run;
    expect((await sent).offset).toBe(0);
    expect((await failureFrom(producer.send('t', { value: 'x' }))).code).toBe('CLOSED');
    expect(() => mq.producer()).toThrow('closed');
  });
});
