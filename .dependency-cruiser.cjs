// The import table of the architecture, as data: packages, system modules and libraries, and who may touch them.
'use strict';

/** What each package may import from its neighbours. */
const packages = {
  base: [],
  model: ['base'],
  raft: ['base'],
  fetch: ['base'],
  log: ['base', 'model'],
  metadata: ['base', 'model'],
  rpc: ['base', 'model'],
  broker: ['base', 'model', 'raft', 'fetch', 'log', 'metadata', 'rpc'],
  zkserver: ['base', 'model', 'metadata', 'rpc'],
  client: ['base', 'model', 'rpc'],
  gateway: ['base', 'model', 'rpc', 'client'],
  testing: ['base', 'model', 'log', 'metadata', 'broker', 'gateway', 'zkserver', 'client'],
  bench: ['base', 'model', 'client'],
  cli: [
    ...['base', 'model', 'raft', 'fetch', 'log', 'metadata', 'rpc'],
    ...['broker', 'gateway', 'zkserver', 'client', 'testing', 'bench'],
  ],
};

/** The only packages (or files) that touch a system module. */
const systemModules = {
  fs: [
    ...['packages/log/src/', 'packages/metadata/src/.*embedded', 'packages/cli/src/'],
    'packages/testing/src/data-folder',
    'packages/bench/src/',
  ],
  net: [
    ...['packages/rpc/src/', 'packages/cli/src/', 'packages/broker/src/testing/'],
    'packages/bench/src/ceiling/',
    'packages/bench/src/copy/',
  ],
  tls: ['packages/rpc/src/', 'packages/cli/src/'],
  http: ['packages/base/src/'],
  https: ['packages/base/src/'],
};

/** The only packages that stand on a library. */
const libraries = {
  pino: ['base'],
  'prom-client': ['base'],
  zod: ['base'],
  protobufjs: ['model'],
  '@node-rs/crc32': ['model'],
  'lz4-napi': ['model'],
  'lru-cache': ['log', 'client'],
  'node-zookeeper-client': ['metadata'],
  thrift: ['rpc'],
  yargs: ['cli'],
  'cli-table3': ['cli'],
};

/** Files the table does not bind: tests and their fixtures, and the testkit, which may import anything. */
const exempt = ['\\.(test|fixture)\\.ts$', '^packages/testkit/', '^packages/[^/]+/bin/'];
const source = '^packages/[^/]+/src/';
const literal = (name) => name.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');

const neighbours = Object.entries(packages).map(([name, allowed]) => ({
  name: `${name}-imports`,
  comment: `${name} may import only: ${allowed.join(', ') || 'nothing'}.`,
  severity: 'error',
  from: { path: `^packages/${name}/src/`, pathNot: exempt },
  to: { path: '^packages/', pathNot: `^packages/(${[name, ...allowed].join('|')})/` },
}));

const doors = Object.keys(packages).map((name) => ({
  name: `${name}-one-door`,
  comment: `Other packages enter ${name} by @zhumq/${name} only.`,
  severity: 'error',
  from: { path: source, pathNot: [`^packages/${name}/`, '\\.test\\.ts$'] },
  to: { path: `^packages/${name}/`, pathNot: `^packages/${name}/src/index\\.ts$` },
}));

const system = Object.entries(systemModules).map(([name, holders]) => ({
  name: `system-${name}`,
  comment: `Only ${holders.join(', ')} may touch node:${name}.`,
  severity: 'error',
  from: { path: source, pathNot: [...exempt, ...holders.map((holder) => `^${holder}`)] },
  to: { path: `^(node:)?${name}(/|$)` },
}));

const stands = Object.entries(libraries).map(([name, holders]) => ({
  name: `library-${name.replace(/[^a-z0-9]/g, '-')}`,
  comment: `Only ${holders.join(', ')} may stand on ${name}.`,
  severity: 'error',
  from: { path: source, pathNot: [...exempt, `^packages/(${holders.join('|')})/`] },
  to: { path: `(^|node_modules/)(@types/)?${literal(name)}(/|$)` },
}));

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    ...neighbours,
    ...doors,
    ...system,
    ...stands,
    {
      name: 'pure-core',
      comment: 'raft and fetch touch nothing: no system module, no library.',
      severity: 'error',
      from: { path: '^packages/(raft|fetch)/src/', pathNot: exempt },
      to: {
        dependencyTypesNot: ['local', 'aliased', 'aliased-tsconfig', 'aliased-tsconfig-paths'],
      },
    },
    {
      name: 'unlisted-package',
      comment: 'A new package needs its row in the table above.',
      severity: 'error',
      from: { path: source, pathNot: `^packages/(${Object.keys(packages).join('|')}|testkit)/` },
      to: {},
    },
    {
      name: 'no-cycle',
      comment: 'Files do not import each other in a circle (types excepted).',
      severity: 'error',
      from: { path: source },
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'unresolvable',
      comment: 'An import that leads nowhere.',
      severity: 'error',
      from: { path: source, pathNot: '/generated/' },
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)dist/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.tests.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['node', 'require', 'import', 'types', 'default'],
    },
  },
};
