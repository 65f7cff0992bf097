// The plain pipe of packages/bench: the same bytes through plain sockets and files, with the same layout and sync.
'use strict';
const path = require('node:path');

const BENCH = path.join(__dirname, '../../packages/bench/dist');
const { measureCeiling } = require(path.join(BENCH, 'ceiling/ceiling.js'));
const MAX_MS = 5_000;

async function measureCeilings({ directory, durationMs, signal, emit }) {
  for (const reuseFile of [false, true]) {
    const { messagesPerSecond, latencyMs } = await measureCeiling({
      ...{
        replicas: 3,
        processes: 2,
        producers: 10,
        messageBytes: 1024,
        directory,
        signal,
        reuseFile,
      },
      ...{ warmUpMs: 1_000, durationMs: Math.min(durationMs, MAX_MS) },
    });
    emit({
      ...{
        peer: 'pipe',
        workload: 'produce',
        variant: reuseFile ? 'reused files' : 'growing files',
      },
      ...{ messagesPerSecond, latencyMs, verified: true, verification: 'none' },
    });
  }
}

module.exports = { measureCeilings };
