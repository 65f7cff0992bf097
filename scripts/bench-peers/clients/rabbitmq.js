// RabbitMQ by amqplib: publisher confirms, and consumers that acknowledge. A lane is a quorum queue of its own.
'use strict';
const amqp = require('amqplib');

const PREFETCH = 2_000;
const ACK_EVERY = 100;
const ACK_AFTER_MS = 20;

const queueOf = (topic, lane) => `${topic}-${lane}`;

function open(address, index = 0) {
  return amqp.connect(`amqp://guest:guest@${address[index % address.length]}`, { noDelay: true });
}

async function withChannel(address, work) {
  const connection = await open(address);
  // A refused operation ends its channel, and says so here too.
  connection.on('error', () => undefined);
  try {
    const channel = await connection.createChannel();
    channel.on('error', () => undefined);
    return await work(channel);
  } finally {
    await connection.close();
  }
}

/** Throws unless each node takes connections. */
async function isServing(address) {
  for (const index of address.keys()) await (await open(address, index)).close();
}

/** Whether a queue with three replicas takes messages. */
async function isClustered(address) {
  const probe = { topic: 'probe', lanes: 1 };
  await create(address, probe);
  try {
    const producer = await openProducer(address, probe);
    await producer.send(Buffer.from('probe'));
    await producer.close();
  } finally {
    await remove(address, probe);
  }
  return true;
}

async function create(address, { topic, lanes }) {
  // Through another node for each: a queue's leader is where it was declared.
  for (let lane = 0; lane < lanes; lane++) {
    const connection = await open(address, lane);
    const channel = await connection.createChannel();
    await channel.assertQueue(queueOf(topic, lane), {
      durable: true,
      arguments: { 'x-queue-type': 'quorum', 'x-quorum-initial-group-size': 3 },
    });
    await connection.close();
  }
}

async function remove(address, { topic, lanes }) {
  await withChannel(address, async (channel) => {
    for (let lane = 0; lane < lanes; lane++) await channel.deleteQueue(queueOf(topic, lane));
  });
}

async function openProducer(address, { topic, lanes }, index = 0) {
  const connection = await open(address, index);
  const channel = await connection.createConfirmChannel();
  let next = 0;
  const send = (value) =>
    new Promise((resolve, reject) =>
      channel.sendToQueue(queueOf(topic, next++ % lanes), value, { persistent: true }, (error) =>
        error ? reject(error) : resolve(),
      ),
    );
  return { send, close: () => connection.close() };
}

/** Ways "acks" (many with one acknowledgement) and "push" (each its own) are one way of delivery. */
async function openReader(address, { topic, lanes }, way, onMessage) {
  const connection = await open(address);
  const channels = [];
  const timers = [];
  const start = async () => {
    for (let lane = 0; lane < lanes; lane++) {
      const channel = await connection.createChannel();
      channels.push(channel);
      await channel.prefetch(PREFETCH);
      let unacknowledged = 0;
      let last;
      const acknowledge = () => {
        if (unacknowledged > 0) channel.ack(last, true);
        unacknowledged = 0;
      };
      timers.push(setInterval(acknowledge, ACK_AFTER_MS));
      await channel.consume(queueOf(topic, lane), (message) => {
        onMessage(message.content, lane);
        last = message;
        if (++unacknowledged >= (way === 'push' ? 1 : ACK_EVERY)) acknowledge();
      });
    }
  };
  const close = async () => {
    timers.forEach(clearInterval);
    await connection.close();
  };
  return { start, close };
}

module.exports = { isServing, isClustered, create, remove, openProducer, openReader };
