import type { OptionDeclaration } from './option-declaration.js';
import { allowedValues, formatOptionValue, readOptionValue } from './option-values.js';

const doc = '';
const declarations = {
  integer: { type: 'integer', min: 1, max: 10, doc },
  number: { type: 'number', min: 0, doc },
  duration: { type: 'duration', min: '1s', max: '7d', doc },
  bytes: { type: 'bytes', min: '1KiB', doc },
  boolean: { type: 'boolean', doc },
  string: { type: 'string', pattern: /^[a-z]+$/, patternDoc: 'lower-case letters', doc },
  short: { type: 'string', maxLength: 3, doc },
  enum: { type: 'enum', values: ['raft', 'fetch'], doc },
  hostPort: { type: 'hostPort', defaultPort: 2181, doc },
  list: { type: 'list', of: 'hostPort', min: 1, max: 3, doc },
  integers: { type: 'list', of: 'integer', doc },
  names: { type: 'list', doc },
} satisfies Record<string, OptionDeclaration>;
type Key = keyof typeof declarations;

test.each<[Key, unknown, unknown]>([
  ['integer', '7', 7],
  ['integer', 7, 7],
  ['number', '0.5', 0.5],
  ['number', '1e-3', 0.001],
  ['duration', '90s', 90_000],
  ['bytes', '64KiB', 65_536],
  ['bytes', '65536', 65_536],
  ['boolean', 'true', true],
  ['boolean', false, false],
  ['string', 'abc', 'abc'],
  ['short', '', ''],
  ['enum', 'fetch', 'fetch'],
  ['hostPort', 'zk', { host: 'zk', port: 2181 }],
  [
    'list',
    'a:1, b:2',
    [
      { host: 'a', port: 1 },
      { host: 'b', port: 2 },
    ],
  ],
  ['list', ['a:1'], [{ host: 'a', port: 1 }]],
  ['integers', '1,2', [1, 2]],
  ['names', '', []],
])('%s reads %p', (key, given, value) => {
  expect(readOptionValue(declarations[key], given, 'person')).toEqual(value);
  const text = formatOptionValue(declarations[key], value);
  expect(readOptionValue(declarations[key], text, 'person')).toEqual(value);
});

test.each<[Key, unknown]>([
  ...['', ' ', '0', '11', '1.5', '0x1', 'NaN', 'x', true, null, [], {}, NaN].map(
    (given): [Key, unknown] => ['integer', given],
  ),
  ...['', '-1', 'Infinity', '1,5'].map((given): [Key, unknown] => ['number', given]),
  ...['', '999ms', '8d', '30', 30, '-1s', '1sec'].map((given): [Key, unknown] => [
    'duration',
    given,
  ]),
  ...['1023', '1KB', '-1', ''].map((given): [Key, unknown] => ['bytes', given]),
  ...['yes', '1', 1, '', null].map((given): [Key, unknown] => ['boolean', given]),
  ['string', 'Abc'],
  ['string', 7],
  ['short', 'abcd'],
  ['enum', 'Raft'],
  ['hostPort', 'zk:70000'],
  ['list', ''],
  ['list', 'a:1,,b:2'],
  ['list', 'a:1,b:1,c:1,d:1'],
  ['names', [1]],
])('%s refuses %p', (key, given) => {
  expect(readOptionValue(declarations[key], given, 'person')).toBeUndefined();
});

test('a bare duration is milliseconds in code and refused from a person, except zero', () => {
  const declaration = { type: 'duration', doc } as const;
  expect(readOptionValue(declaration, 30, 'code')).toBe(30);
  expect(readOptionValue(declaration, '30', 'person')).toBeUndefined();
  expect(readOptionValue(declaration, '0', 'person')).toBe(0);
});

test('what is allowed is said in words', () => {
  const words = Object.values(declarations).map((declaration) => allowedValues(declaration));
  expect(words).toEqual([
    'an integer from 1 to 10',
    'a number of at least 0',
    'a duration with its unit (500ms, 15s, 7d) from 1s to 7d',
    'a size (65536, 64KiB, 1GiB) of at least 1KiB',
    'true or false',
    'lower-case letters',
    'text of at most 3 characters',
    'one of raft, fetch',
    'host or host:port',
    'a list of host:port from 1 to 3 items',
    'a list of integers',
    'a list of names',
  ]);
});
