// The rules of the language; what may import what is in .dependency-cruiser.cjs.
'use strict';
const { globalIgnores, defineConfig } = require('eslint/config');
const tseslint = require('typescript-eslint');

const noStarExport = {
  selector: 'ExportAllDeclaration',
  message: 'Name what you export: a package has one door and it is a list of names.',
};

/** What the pure core (raft) does without: clock, randomness, input and output, anything asynchronous. */
const impureGlobals = [
  ...['Date', 'Promise', 'performance', 'process', 'console', 'crypto', 'fetch', 'queueMicrotask'],
  ...['setTimeout', 'setInterval', 'setImmediate', 'require', 'globalThis'],
];

module.exports = defineConfig(
  globalIgnores(['**/dist/**', '**/generated/**', '**/coverage/**', '.run/**', 'deploy/**']),
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  {
    files: ['packages/*/src/**/*.ts', 'tests/**/*.ts'],
    extends: [tseslint.configs.strict],
    languageOptions: {
      parserOptions: { project: './tsconfig.tests.json', tsconfigRootDir: __dirname },
    },
    rules: {
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      eqeqeq: 'error',
      'max-lines': ['error', { max: 500 }],
      'no-restricted-syntax': ['error', noStarExport],
    },
  },
  {
    files: ['packages/*/src/**/*.ts'],
    ignores: ['packages/cli/**'],
    rules: { 'no-console': 'error' },
  },
  {
    files: ['packages/{raft,fetch}/src/**/*.ts'],
    ignores: ['**/*.test.ts'],
    rules: {
      'no-restricted-globals': ['error', ...impureGlobals],
      'no-restricted-properties': ['error', { object: 'Math', property: 'random' }],
      'no-restricted-imports': ['error', { patterns: ['node:*'] }],
      'no-restricted-syntax': [
        'error',
        noStarExport,
        { selector: ':function[async=true]', message: 'The core is synchronous.' },
        { selector: 'AwaitExpression', message: 'The core is synchronous.' },
        { selector: 'ImportExpression', message: 'The core imports nothing at run time.' },
      ],
    },
  },
  {
    files: ['*.{js,cjs}', 'packages/*/bin/*.js', 'scripts/**/*.{js,cjs}'],
    extends: [tseslint.configs.strict],
    rules: { '@typescript-eslint/no-require-imports': 'off', 'max-lines': ['error', { max: 500 }] },
  },
);
