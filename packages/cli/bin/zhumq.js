#!/usr/bin/env node
'use strict';
// The command's front door. The program is ../dist/main.js; this file only says so when it is not built.
const { existsSync } = require('node:fs');
const { join } = require('node:path');

const main = join(__dirname, '..', 'dist', 'main.js');
if (existsSync(main)) {
  require(main);
} else {
  process.stderr.write(
    'zhumq is not built yet: run "npm ci && npm run build" in the repository first.\n',
  );
  process.exitCode = 1;
}
