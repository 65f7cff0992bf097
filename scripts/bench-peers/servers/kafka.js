// Apache Kafka: three nodes, each broker and controller (KRaft).
'use strict';
const { execFileSync, spawn } = require('node:child_process');
const { randomBytes } = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');
const { Server, freePorts, until } = require('./processes.js');

const REPLICAS = 3;
const HEAP = ['-Xms1g', '-Xmx1g', '-XX:+UseG1GC'];

async function startKafka({ jars, directory, signal }) {
  const ports = await freePorts(2 * REPLICAS);
  const [brokers, controllers] = [ports.slice(0, REPLICAS), ports.slice(REPLICAS)];
  const voters = controllers.map((port, index) => `${index + 1}@127.0.0.1:${port}`).join(',');
  // A cluster id is a UUID in base64 of URLs.
  const cluster = randomBytes(16).toString('base64url').replace(/^-/, 'A');
  const servers = [];
  for (let index = 0; index < REPLICAS; index++) {
    const folder = path.join(directory, `broker-${index + 1}`);
    fs.mkdirSync(folder);
    const config = path.join(folder, 'server.properties');
    fs.writeFileSync(
      config,
      [
        'process.roles=broker,controller',
        `node.id=${index + 1}`,
        `controller.quorum.voters=${voters}`,
        `listeners=PLAINTEXT://127.0.0.1:${brokers[index]},CONTROLLER://127.0.0.1:${controllers[index]}`,
        `advertised.listeners=PLAINTEXT://127.0.0.1:${brokers[index]}`,
        'controller.listener.names=CONTROLLER',
        'listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
        `log.dirs=${folder}/data`,
        'default.replication.factor=3',
        'min.insync.replicas=2',
        'offsets.topic.replication.factor=3',
        'offsets.topic.num.partitions=3',
        'transaction.state.log.replication.factor=3',
        'group.initial.rebalance.delay.ms=0',
        '',
      ].join('\n'),
    );
    java(jars, 'kafka.tools.StorageTool', ['format', '-t', cluster, '-c', config]);
    servers.push(
      new Server(
        `broker-${index + 1}`,
        'java',
        [...HEAP, ...classPath(jars), 'kafka.Kafka', config],
        {
          log: path.join(folder, 'log'),
          cwd: folder,
        },
      ),
    );
  }
  const address = brokers.map((port) => `127.0.0.1:${port}`);
  const client = require('../clients/kafka.js');
  const probe = { topic: 'probe', lanes: 1 };
  await until('the start of Kafka', servers, () => client.isWhole(address, REPLICAS, probe), {
    signal,
  });
  return { address, servers };
}

function classPath(jars) {
  return ['-cp', path.join(jars, '*')];
}

/** A tool of Kafka, until it ends. */
function java(jars, name, args, options = {}) {
  return execFileSync('java', ['-Xmx512m', ...classPath(jars), name, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: 1 << 30,
    ...options,
  }).toString();
}

function javaProcess(jars, name, args) {
  return spawn('java', ['-Xmx1g', ...classPath(jars), name, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

module.exports = { startKafka, java, javaProcess };
