// Loaded into a server before its program (node --expose-gc --require): on SIGUSR2 it collects its garbage and writes what it
// then holds, in bytes, to the file ZHUMQ_TEST_MEMORY.
'use strict';
const { writeFileSync } = require('node:fs');

process.on('SIGUSR2', () => {
  globalThis.gc();
  const { heapUsed, external } = process.memoryUsage();
  writeFileSync(process.env.ZHUMQ_TEST_MEMORY, String(heapUsed + external));
});
