// NATS JetStream by @nats-io's client. A lane is a stream of its own.
'use strict';
const { connect, createInbox } = require('@nats-io/transport-node');
const {
  AckPolicy,
  DeliverPolicy,
  StorageType,
  jetstream,
  jetstreamManager,
} = require('@nats-io/jetstream');

const PULL_MESSAGES = 5_000;

const streamOf = (topic, lane) => `${topic}-${lane}`;

async function withManager(address, work) {
  const connection = await connect({ servers: address, maxReconnectAttempts: 5 });
  try {
    return await work(await jetstreamManager(connection, { timeout: 5_000 }));
  } finally {
    await connection.close();
  }
}

async function create(address, { topic, lanes }) {
  await withManager(address, async (manager) => {
    for (let lane = 0; lane < lanes; lane++) {
      const name = streamOf(topic, lane);
      await manager.streams.add({
        name,
        subjects: [name],
        num_replicas: 3,
        storage: StorageType.File,
      });
    }
  });
}

async function remove(address, { topic, lanes }) {
  await withManager(address, async (manager) => {
    for (let lane = 0; lane < lanes; lane++) await manager.streams.delete(streamOf(topic, lane));
  });
}

/** Messages that the streams hold. */
async function count(address, { topic, lanes }) {
  return withManager(address, async (manager) => {
    let messages = 0;
    for (let lane = 0; lane < lanes; lane++)
      messages += (await manager.streams.info(streamOf(topic, lane))).state.messages;
    return messages;
  });
}

/** Client "jetstream": its publish(). "reply": a bare publish with a reply inbox, which is less work for the same promise. */
async function openProducer(address, { topic, lanes, client }) {
  const connection = await connect({ servers: address });
  const close = () => connection.close();
  let next = 0;
  const subject = () => streamOf(topic, next++ % lanes);
  if (client === 'jetstream') {
    const stream = jetstream(connection, { timeout: 30_000 });
    return { send: (value) => stream.publish(subject(), value), close };
  }
  const inbox = createInbox();
  const waiting = new Map();
  let id = 0;
  connection.subscribe(`${inbox}.*`, {
    callback: (error, message) => {
      const key = message.subject.slice(inbox.length + 1);
      const { resolve, reject } = waiting.get(key) ?? {};
      waiting.delete(key);
      if (error) reject?.(error);
      else if (isRefused(message.data)) reject?.(new Error(message.string()));
      else resolve?.();
    },
  });
  const send = (value) =>
    new Promise((resolve, reject) => {
      const key = String(id++);
      waiting.set(key, { resolve, reject });
      connection.publish(subject(), value, { reply: `${inbox}.${key}` });
    });
  return { send, close };
}

/** An acknowledgement is {"stream":…,"seq":…}; a refusal has {"error":…}, and nobody there is an empty answer. */
function isRefused(data) {
  return data.length < 2 || Buffer.from(data).includes('"error"');
}

/** Way "acks": a pull consumer whose messages are acknowledged; "ordered": without acknowledgements; "push": delivered. */
async function openReader(address, { topic, lanes }, way, onMessage) {
  const connection = await connect({ servers: address });
  const stream = jetstream(connection);
  const running = [];
  const start = async () => {
    for (let lane = 0; lane < lanes; lane++) {
      const name = streamOf(topic, lane);
      const consumer = await consumerOf(stream, name, way);
      const callback = (message) => {
        onMessage(bufferOf(message.data), lane);
        if (way === 'acks') message.ack();
      };
      const options = way === 'push' ? { callback } : { callback, max_messages: PULL_MESSAGES };
      running.push(await consumer.consume(options));
    }
  };
  const close = async () => {
    await Promise.all(running.map((messages) => messages.close()));
    await connection.close();
  };
  return { start, close };
}

async function consumerOf(stream, name, way) {
  if (way === 'ordered') return stream.consumers.get(name);
  if (way === 'push') return stream.consumers.getPushConsumer(name);
  const manager = await stream.jetstreamManager();
  const durable = `${name}-reader`;
  await manager.consumers.add(name, {
    durable_name: durable,
    ack_policy: AckPolicy.Explicit,
    deliver_policy: DeliverPolicy.All,
    max_ack_pending: 2 * PULL_MESSAGES,
  });
  return stream.consumers.get(name, durable);
}

function bufferOf(bytes) {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

module.exports = { create, remove, count, openProducer, openReader };
