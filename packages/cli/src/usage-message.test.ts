// What yargs says becomes a sentence that names the thing and the remedy.
import { usageMessage } from './usage-message.js';

const root = { commands: ['topic', 'produce', 'consume'], flags: ['help', 'version'], path: [] };
const create = {
  commands: [],
  flags: ['help', 'partitions', 'config', 'o', 'output'],
  path: ['topic', 'create <topic>'],
};

test.each([
  [
    'a misspelt noun',
    'Unknown argument: prodce',
    root,
    'There is no "zhumq prodce"; did you mean "produce"?',
  ],
  [
    'two letters swapped',
    'Unknown argument: topci',
    root,
    'There is no "zhumq topci"; did you mean "topic"?',
  ],
  [
    'what follows a misspelt noun',
    'Unknown arguments: topci, craete',
    root,
    'There is no "zhumq topci"; did you mean "topic"?',
  ],
  [
    'a misspelt verb',
    'Unknown argument: craete',
    { ...root, commands: ['create', 'delete'], path: ['topic'] },
    'There is no "zhumq topic craete"; did you mean "create"?',
  ],
  [
    'a noun like none',
    'Unknown argument: xyzzy',
    root,
    'There is no "zhumq xyzzy"; there are: topic, produce, consume',
  ],
  [
    'a misspelt flag',
    'Unknown argument: partitons',
    create,
    '"partitons" is neither an argument nor a flag of "zhumq topic create"; did you mean --partitions?',
  ],
  [
    'an argument too many',
    'Unknown argument: orders2',
    create,
    '"orders2" is neither an argument nor a flag of "zhumq topic create"',
  ],
  [
    'a missing flag',
    'Missing required argument: config',
    create,
    '"zhumq topic create" needs --config',
  ],
  [
    'a flag that is missing because it was misspelt',
    'Missing required argument: config',
    { ...create, typed: ['output', 'confg'] },
    '"--confg" is no flag of "zhumq topic create"; did you mean --config?',
  ],
  [
    'a missing argument',
    'Not enough non-option arguments: got 0, need at least 1',
    create,
    'An argument is missing: zhumq topic create <topic>',
  ],
  [
    'a flag without its value',
    'Not enough arguments following: partitions',
    create,
    '--partitions needs a value after it',
  ],
  [
    'a value that is no choice',
    'Invalid values:\n  Argument: output, Given: "xml", Choices: "table", "json"',
    create,
    '--output is one of table, json; "xml" is not',
  ],
  [
    'an argument that is no choice',
    'Invalid values:\n  Argument: server, Given: "x", Choices: "broker", "zkserver"',
    { ...create, path: ['config', 'print <server>'] },
    'server is one of broker, zkserver; "x" is not',
  ],
])('%s', (_what, message, known, expected) => {
  expect(usageMessage(message, known)).toBe(expected);
});
