// RabbitMQ: three nodes on loopback with a port mapper of their own; quorum queues.
'use strict';
const { execFile } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { promisify } = require('node:util');
const { Server, freePorts, until } = require('./processes.js');

const REPLICAS = 3;

async function startRabbitMq({ root, directory, signal }) {
  const [mapper, ...ports] = await freePorts(1 + 2 * REPLICAS);
  const [amqp, distribution] = [ports.slice(0, REPLICAS), ports.slice(REPLICAS)];
  const erlang = path.join(root, 'usr/lib/erlang/bin');
  const library = path.join(root, 'usr/lib/rabbitmq/lib');
  const home = path.join(library, fs.readdirSync(library)[0]);
  // All nodes prove with it that they belong together.
  fs.writeFileSync(path.join(directory, '.erlang.cookie'), String(process.hrtime.bigint()), {
    mode: 0o400,
  });
  const nodes = distribution.map((_, index) => `zhumq${index + 1}@localhost`);
  const common = {
    ...process.env,
    HOME: directory,
    PATH: `${erlang}:${process.env.PATH}`,
    ERL_EPMD_PORT: String(mapper),
    ERL_EPMD_ADDRESS: '127.0.0.1',
  };
  const servers = [
    new Server('epmd', path.join(erlang, 'epmd'), ['-port', String(mapper)], {
      log: path.join(directory, 'epmd.log'),
      env: common,
    }),
  ];
  for (const [index, node] of nodes.entries()) {
    const folder = path.join(directory, `node-${index + 1}`);
    fs.mkdirSync(folder);
    const config = path.join(folder, 'rabbitmq.conf');
    fs.writeFileSync(
      config,
      [
        `listeners.tcp.1 = 127.0.0.1:${amqp[index]}`,
        'cluster_formation.peer_discovery_backend = classic_config',
        ...nodes.map((name, at) => `cluster_formation.classic_config.nodes.${at + 1} = ${name}`),
        'vm_memory_high_watermark.absolute = 3GB',
        'disk_free_limit.absolute = 100MB',
        'log.console = true',
        'log.console.level = warning',
        '',
      ].join('\n'),
    );
    const plugins = path.join(folder, 'enabled_plugins');
    fs.writeFileSync(plugins, '[].\n');
    servers.push(
      new Server(`node-${index + 1}`, path.join(home, 'sbin/rabbitmq-server'), [], {
        log: path.join(folder, 'log'),
        cwd: folder,
        env: {
          ...common,
          RABBITMQ_NODENAME: node,
          RABBITMQ_DIST_PORT: String(distribution[index]),
          RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-kernel inet_dist_use_interface {127,0,0,1}',
          RABBITMQ_CONFIG_FILE: config,
          RABBITMQ_CONF_ENV_FILE: path.join(folder, 'no-such-file'),
          RABBITMQ_ENABLED_PLUGINS_FILE: plugins,
          RABBITMQ_MNESIA_BASE: path.join(folder, 'data'),
          RABBITMQ_LOG_BASE: folder,
          RABBITMQ_LOGS: '-',
        },
      }),
    );
  }
  const address = amqp.map((port) => `127.0.0.1:${port}`);
  const client = require('../clients/rabbitmq.js');
  const control = ['-n', nodes[0], 'await_online_nodes', String(REPLICAS), '--timeout', '60'];
  const isWhole = async () => {
    await client.isServing(address);
    await promisify(execFile)(path.join(home, 'sbin/rabbitmqctl'), control, {
      env: common,
      signal,
    });
    return client.isClustered(address);
  };
  await until('the start of RabbitMQ', servers, isWhole, { signal });
  return { address, servers };
}

function rabbitMqVersion(root) {
  return fs.readdirSync(path.join(root, 'usr/lib/rabbitmq/lib'))[0].replace(/^.*-/, '');
}

module.exports = { startRabbitMq, rabbitMqVersion };
