// NATS JetStream: three servers, streams with three replicas in files.
'use strict';
const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { Server, freePorts, until } = require('./processes.js');

const REPLICAS = 3;

/** `syncAlways`: each message is synced before it is acknowledged (2.10 and later). */
async function startNats({ program, syncAlways, directory, signal }) {
  const ports = await freePorts(2 * REPLICAS);
  const routes = ports.slice(REPLICAS).map((port) => `nats-route://127.0.0.1:${port}`);
  const servers = [];
  for (let index = 0; index < REPLICAS; index++) {
    const name = `server-${index + 1}`;
    const folder = path.join(directory, name);
    fs.mkdirSync(folder);
    const config = path.join(folder, 'nats.conf');
    fs.writeFileSync(
      config,
      [
        `server_name: ${name}`,
        `listen: "127.0.0.1:${ports[index]}"`,
        `jetstream { store_dir: "${folder}", max_file_store: 100GB${syncAlways ? ', sync_interval: always' : ''} }`,
        `cluster { name: bench, listen: "127.0.0.1:${ports[REPLICAS + index]}", routes: [${routes.map((route) => `"${route}"`).join(', ')}] }`,
        '',
      ].join('\n'),
    );
    servers.push(new Server(name, program, ['-c', config], { log: path.join(folder, 'log') }));
  }
  const address = ports.slice(0, REPLICAS).map((port) => `127.0.0.1:${port}`);
  const client = require('../clients/nats.js');
  const probe = { topic: 'probe', lanes: 1 };
  await until(
    'the start of NATS',
    servers,
    async () => {
      await client.create(address, probe);
      await client.remove(address, probe);
      return true;
    },
    { signal },
  );
  return { address, servers };
}

function natsVersion(program) {
  return execFileSync(program, ['--version']).toString().trim().replace(/^.*v/, '');
}

module.exports = { startNats, natsVersion };
