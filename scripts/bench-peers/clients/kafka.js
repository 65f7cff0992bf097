// Apache Kafka by @platformatic/kafka, and by kafkajs for its users. A lane is a partition.
'use strict';
const { Batcher } = require('./batcher.js');

/** Of one connection: how much of its window of messages goes into a request. */
const GATHER = { calls: 2, messages: 128 };
/** Messages that the client holds ready. */
const READ_AHEAD = 10_000;

const acksOf = (acks) => (acks === 'all' ? -1 : 1);

async function withAdmin(address, work) {
  const { Admin } = await import('@platformatic/kafka');
  const admin = new Admin({ clientId: 'bench', bootstrapBrokers: address, retries: 3 });
  try {
    return await work(admin);
  } finally {
    await admin.close();
  }
}

/** Whether all brokers are there and a topic with as many replicas can be had. */
async function isWhole(address, brokers, probe) {
  return withAdmin(address, async (admin) => {
    const metadata = await admin.metadata({ topics: [], forceUpdate: true });
    if (metadata.brokers.size < brokers) return false;
    await create(address, probe);
    await remove(address, probe);
    return true;
  });
}

async function create(address, { topic, lanes }) {
  await withAdmin(address, (admin) =>
    admin.createTopics({ topics: [topic], partitions: lanes, replicas: 3 }),
  );
}

async function remove(address, { topic }) {
  await withAdmin(address, (admin) => admin.deleteTopics({ topics: [topic] }));
}

/** Client "platformatic" or "kafkajs". Each request goes to the next partition. */
async function openProducer(address, { topic, lanes, acks, client }, index = 0) {
  const one =
    client === 'kafkajs' ? await kafkaJs(address, acks) : await platformatic(address, acks);
  let partition = index;
  const batcher = new Batcher((values) => one.send(topic, partition++ % lanes, values), GATHER);
  return { send: (value) => batcher.send(value), close: one.close };
}

async function platformatic(address, acks) {
  const { Producer } = await import('@platformatic/kafka');
  const producer = new Producer({
    clientId: 'bench',
    bootstrapBrokers: address,
    acks: acksOf(acks),
    retries: 3,
  });
  const send = (topic, partition, values) =>
    producer.send({ messages: values.map((value) => ({ topic, partition, value })) });
  return { send, close: () => producer.close() };
}

async function kafkaJs(address, acks) {
  const { Kafka, Partitioners, logLevel } = require('kafkajs');
  const kafka = new Kafka({ clientId: 'bench', brokers: address, logLevel: logLevel.ERROR });
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
  await producer.connect();
  const send = (topic, partition, values) =>
    producer.send({
      topic,
      acks: acksOf(acks),
      messages: values.map((value) => ({ partition, value })),
    });
  return { send, close: () => producer.disconnect() };
}

async function openReader(address, { topic }, way, onMessage) {
  const { Consumer } = await import('@platformatic/kafka');
  const consumer = new Consumer({
    clientId: 'bench',
    groupId: `${topic}-reader-${way}`,
    bootstrapBrokers: address,
    highWaterMark: READ_AHEAD,
  });
  let stream;
  const start = async () => {
    stream = await consumer.consume({
      ...{ topics: [topic], mode: 'earliest', fallbackMode: 'earliest', autocommit: false },
      ...{ maxWaitTime: 500, minBytes: 1 },
    });
    stream.on('data', ({ value, partition }) => onMessage(value, partition));
  };
  const close = async () => {
    await stream?.close();
    await consumer.close(true);
  };
  return { start, close };
}

module.exports = { isWhole, create, remove, openProducer, openReader };
