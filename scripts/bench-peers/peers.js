// Who is measured, how each is started, and which runs of which workload it has.
'use strict';
const fs = require('node:fs');
const path = require('node:path');
const { kafkaProducerPerformance, natsLoad } = require('./native.js');
const { startKafka } = require('./servers/kafka.js');
const { natsVersion, startNats } = require('./servers/nats.js');
const { rabbitMqVersion, startRabbitMq } = require('./servers/rabbitmq.js');
const { startZhumq } = require('./servers/zhumq.js');

/** Ten connections in two processes, 256 messages of each under way. */
const FULL = { producers: 10, processes: 2, outstanding: 256 };
const ONE = { producers: 1, processes: 1, outstanding: 1 };
const PACED = { producers: 2, processes: 1, outstanding: Infinity, messagesPerSecond: 1_000 };
const SPREAD = 12;

/** `tools`: see install.js. What is made here is asked for only when the peer is measured. */
function peers(tools) {
  return [zhumq(), ...natsPeers(tools), rabbitMq(tools), kafka(tools)];
}

function zhumq() {
  const raft = { lanes: SPREAD, mode: 'raft', acks: 'all' };
  const leader = { lanes: SPREAD, mode: 'fetch', acks: 'leader' };
  const name = `${SPREAD} partitions`;
  return {
    ...{ key: 'zhumq', name: 'zhumq', client: 'zhumq' },
    version: () => JSON.parse(fs.readFileSync(path.join(__dirname, '../../package.json'))).version,
    start: (context) => startZhumq(context),
    runs: [
      { workload: 'produce', variant: name, spec: raft, load: FULL, ways: ['pull', 'push'] },
      { workload: 'leader', variant: name, spec: leader, load: FULL, ways: ['pull'] },
      { workload: 'single', variant: 'acks -1', spec: raft, load: ONE, ways: ['pull'] },
      { workload: 'single', variant: 'fetch, acks 1', spec: leader, load: ONE, ways: ['pull'] },
      { workload: 'push', variant: 'push', spec: raft, load: PACED, ways: ['push'] },
      { workload: 'push', variant: 'pull', spec: raft, load: PACED, ways: ['pull-one'] },
    ],
  };
}

function natsPeers(tools) {
  const one = (client) => ({ lanes: 1, client });
  const spread = (client) => ({ lanes: SPREAD, client });
  const runs = [
    {
      workload: 'produce',
      variant: 'publish(), 1 stream',
      spec: one('jetstream'),
      load: FULL,
      ways: ['ordered', 'acks'],
    },
    {
      workload: 'produce',
      variant: 'reply inbox, 1 stream',
      spec: one('reply'),
      load: FULL,
      ways: ['ordered'],
    },
    {
      workload: 'produce',
      variant: `reply inbox, ${SPREAD} streams`,
      spec: spread('reply'),
      load: FULL,
      ways: ['ordered'],
    },
    {
      workload: 'single',
      variant: 'publish()',
      spec: one('jetstream'),
      load: ONE,
      ways: ['ordered'],
    },
    {
      workload: 'push',
      variant: 'push consumer',
      spec: one('jetstream'),
      load: PACED,
      ways: ['push'],
    },
  ];
  const native = [1, SPREAD].map((lanes) => ({
    workload: 'native',
    run: (context) => natsLoad({ ...context, program: tools.natsLoad(), lanes }),
  }));
  const peer = (key, name, program, syncAlways) => ({
    ...{ key, name, client: 'nats' },
    version: () => natsVersion(program()),
    start: (context) => startNats({ ...context, program: program(), syncAlways }),
    runs: [...runs, ...native],
  });
  return [
    peer('nats-debian', 'NATS JetStream (Debian)', () => tools.natsOfDebian(), false),
    peer('nats', 'NATS JetStream', () => tools.nats(), false),
    peer('nats-sync', 'NATS JetStream, sync_interval: always', () => tools.nats(), true),
  ];
}

function rabbitMq(tools) {
  const queues = (lanes) => ({ lanes });
  return {
    ...{
      key: 'rabbitmq',
      name: 'RabbitMQ quorum queues (Debian)',
      client: 'rabbitmq',
      readOnce: true,
    },
    version: () => rabbitMqVersion(tools.rabbitmq()),
    start: (context) => startRabbitMq({ ...context, root: tools.rabbitmq() }),
    runs: [
      { workload: 'produce', variant: '1 queue', spec: queues(1), load: FULL, ways: ['acks'] },
      {
        workload: 'produce',
        variant: `${SPREAD} queues`,
        spec: queues(SPREAD),
        load: FULL,
        ways: ['acks'],
      },
      { workload: 'single', variant: '1 queue', spec: queues(1), load: ONE, ways: ['acks'] },
      { workload: 'push', variant: 'push', spec: queues(1), load: PACED, ways: ['push'] },
    ],
  };
}

function kafka(tools) {
  const spec = (client, acks) => ({ lanes: SPREAD, client, acks });
  const jars = () => tools.kafka().folder;
  const native = (acks) => ({
    workload: 'native',
    run: (context) => kafkaProducerPerformance({ ...context, jars: jars(), acks }),
  });
  return {
    ...{ key: 'kafka', name: 'Apache Kafka', client: 'kafka' },
    version: () => tools.kafka().version,
    start: (context) => startKafka({ ...context, jars: jars() }),
    runs: [
      {
        workload: 'produce',
        variant: '@platformatic/kafka',
        spec: spec('platformatic', 'all'),
        load: FULL,
        ways: ['group'],
      },
      {
        workload: 'produce',
        variant: 'kafkajs',
        spec: spec('kafkajs', 'all'),
        load: FULL,
        ways: ['group'],
      },
      {
        workload: 'leader',
        variant: '@platformatic/kafka',
        spec: spec('platformatic', 'leader'),
        load: FULL,
        ways: ['group'],
      },
      {
        workload: 'single',
        variant: 'acks all',
        spec: spec('platformatic', 'all'),
        load: ONE,
        ways: ['group'],
      },
      {
        workload: 'single',
        variant: 'acks 1',
        spec: spec('platformatic', 'leader'),
        load: ONE,
        ways: ['group'],
      },
      {
        workload: 'push',
        variant: 'long fetch',
        spec: spec('platformatic', 'all'),
        load: PACED,
        ways: ['group'],
      },
      native('all'),
      native('1'),
    ],
  };
}

module.exports = { peers };
