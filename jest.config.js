// Three suites over the sources: unit (beside the files), integration (several packages), e2e (the programs).
// Time limits of tests stand in package.json's scripts, because Jest ignores them in projects.
'use strict';
process.env.TZ = 'UTC';

/** Published as ES modules only; Jest needs them as CommonJS. */
const esModules = ['uuid', 'yargs', 'yargs-parser', 'y18n', 'cliui', 'wrap-ansi', 'string-width'];
esModules.push('strip-ansi', 'ansi-regex', 'ansi-styles', 'get-east-asian-width', 'emoji-regex');

const project = (displayName, testMatch) => ({
  displayName,
  testMatch,
  rootDir: __dirname,
  testEnvironment: 'node',
  // Builds are beside the sources and are not tested.
  modulePathIgnorePatterns: ['/dist/'],
  moduleNameMapper: {
    '^@zhumq/([^/]+)$': '<rootDir>/packages/$1/src/index.ts',
    // Sources name the compiled file ('./x.js'); under jest the source stands in for it.
    '^(\\.{1,2}/.*)\\.js$': ['$1', '$1.js'],
  },
  transform: {
    '\\.[cm]?[jt]s$': [
      '@swc/jest',
      {
        swcrc: false,
        jsc: { parser: { syntax: 'typescript' }, target: 'es2022', keepClassNames: true },
        module: { type: 'commonjs' },
      },
    ],
  },
  transformIgnorePatterns: [`/node_modules/(?!(${esModules.join('|')})/)`],
});

/** @type {import('jest').Config} */
module.exports = {
  workerIdleMemoryLimit: '1GB',
  projects: [
    project('unit', [
      '<rootDir>/packages/*/src/**/*.test.ts',
      '<rootDir>/tests/{formats,mutants,simulation}/**/*.test.ts',
    ]),
    project('integration', ['<rootDir>/tests/integration/**/*.test.ts']),
    project('e2e', ['<rootDir>/tests/e2e/**/*.test.ts']),
  ],
};
