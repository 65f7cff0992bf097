// zhumq by its client. A lane is a partition.
'use strict';
const { connect } = require('@zhumq/client');

const BATCH_BYTES = 262_144;
const FETCH = { max: 5_000, wait: 100 };

async function withClient(address, work) {
  const client = await connect(address);
  try {
    return await work(client);
  } finally {
    await client.close();
  }
}

async function create(address, { topic, lanes, mode }) {
  await withClient(address, (client) =>
    client.admin().createTopic({ topic, partitions: lanes, replicas: 3, mode }),
  );
}

async function remove(address, { topic }) {
  await withClient(address, (client) => client.admin().deleteTopic({ topic, ifExists: true }));
}

async function openProducer(address, { topic, acks }) {
  const client = await connect(address);
  const producer = client.producer({ acks, batchBytes: BATCH_BYTES, linger: 0 });
  const close = async () => {
    await producer.close();
    await client.close();
  };
  return { send: (value) => producer.send(topic, { value }), close };
}

/** Way "pull": in the bulk, as fetch() gives it; "push" and "pull-one": message by message to a handler. */
async function openReader(address, { topic }, way, onMessage) {
  const client = await connect(address);
  const delivery = way === 'push' ? 'push' : 'pull';
  const consumer = client.consumer({ topic, delivery, from: 'earliest', prefetchBytes: '32MiB' });
  await consumer.ready();
  const stopped = new AbortController();
  let running = Promise.resolve();
  const fetch = async () => {
    while (!stopped.signal.aborted)
      for (const { value, partition } of await consumer.fetch(FETCH)) onMessage(value, partition);
  };
  const start = async () => {
    running =
      way === 'pull'
        ? fetch()
        : consumer.run(({ value, partition }) => onMessage(value, partition), {
            signal: stopped.signal,
          });
    running.catch(() => undefined);
  };
  const close = async () => {
    stopped.abort();
    await running;
    await consumer.close();
    await client.close();
  };
  return { start, close };
}

module.exports = { create, remove, openProducer, openReader };
