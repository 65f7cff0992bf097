// zhumq itself: three brokers, each a process, and one process with the metadata store.
'use strict';
const path = require('node:path');

const ROOT = path.join(__dirname, '../../..');

async function startZhumq({ directory }) {
  const { openCluster } = require(path.join(ROOT, 'packages/bench/dist/cluster/bench-cluster.js'));
  const command = path.join(ROOT, 'packages/cli/bin/zhumq.js');
  const cluster = await openCluster({ command, brokers: 3, directory });
  const servers = cluster.processes.map(({ name, pid }) => ({ name, pids: () => [pid] }));
  return { address: [...cluster.bootstrap], servers, stop: () => cluster.stop() };
}

module.exports = { startZhumq };
