import { ConfigFileInvalid, parseConfigFile } from './config-file.js';

const parse = (text: string) => parseConfigFile({ path: '/etc/zhumq.json', text });

test('nested objects and names with dots are the same', () => {
  const nested = parse('{"segment": {"bytes": "1GiB", "age": null}, "peers": ["a:1", "b:2"]}');
  expect([...nested]).toEqual([
    ['segment.bytes', '1GiB'],
    ['segment.age', null],
    ['peers', ['a:1', 'b:2']],
  ]);
  expect(parse('{"segment.bytes": "1GiB"}').get('segment.bytes')).toBe('1GiB');
});

test('a name set in both ways is refused', () => {
  expect(() => parse('{"a": {"b": 1}, "a.b": 2}')).toThrow('/etc/zhumq.json: a.b is set twice.');
});

test.each([
  ['a comma too many in an object', '{\n  "a": 1,\n}', 3],
  ['a comma too many in an array', '{\n  "a": [\n    1,\n  ]\n}', 4],
  ['a missing comma', '{\n  "a": 1\n  "b": 2\n}', 3],
  ['a comment', '{\n  "a": 1,\n  // why\n  "b": 2\n}', 3],
  ['single quotes', "{\n\n  'a': 1}", 3],
  ['a bare word far inside', `{\n${'"x": 1,\n'.repeat(1)}"y": {"z": yes}\n}`, 3],
  ['a token that occurs before', '{\n"a": [1],\n"b": [1,],\n"c": [1]}', 3],
  ['a text that ends too early', '{\n  "a": 1,\n  "b": {\n', 4],
  ['an open string', '{\n  "a": "x\n}', 2],
  ['an empty file', '', 1],
])('%s is reported with its line', (_, text, line) => {
  expect(() => parse(text)).toThrow(ConfigFileInvalid);
  expect(() => parse(text)).toThrow(`/etc/zhumq.json, line ${line}: not valid JSON (`);
});

test('the sentence quotes what was unexpected', () => {
  expect(() => parse('{"a": [1,]}')).toThrow("not valid JSON (Unexpected token ']').");
});

test.each(['[]', '1', '"a"', 'null'])('%s is not a configuration', (text) => {
  expect(() => parse(text)).toThrow('/etc/zhumq.json: must be one JSON object {...}.');
});
