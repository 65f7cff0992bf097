// A line becomes a message.
import { messageOfLine, separatorOf } from './line-message.js';

const plain = { keySeparator: undefined, headers: [], partition: undefined };
const line = (text: string): Buffer => Buffer.from(text, 'latin1');

test('without a separator the line is the value', () => {
  expect(messageOfLine(line('a:b\r'), 1, plain)).toEqual({ value: line('a:b\r') });
});

test('the first separator ends the key', () => {
  const format = { ...plain, keySeparator: line(':') };
  expect(messageOfLine(line('k:v:w'), 1, format)).toEqual({ key: line('k'), value: line('v:w') });
  expect(messageOfLine(line(':'), 1, format)).toEqual({ key: line(''), value: line('') });
  expect(messageOfLine(line('\xff:\xfe'), 1, format)).toEqual({
    key: line('\xff'),
    value: line('\xfe'),
  });
});

test('a separator may have several characters', () => {
  const format = { ...plain, keySeparator: line('::') };
  expect(messageOfLine(line('a:b::c'), 1, format)).toEqual({ key: line('a:b'), value: line('c') });
});

test('a line without its separator is named', () => {
  const format = { ...plain, keySeparator: line('\t') };
  expect(() => messageOfLine(line('abc'), 17, format)).toThrow('line 17 has no "\\t"');
});

test('headers and partition go with every message', () => {
  const headers = [['source', 'web']] as const;
  expect(messageOfLine(line('a'), 1, { ...plain, headers, partition: 2 })).toEqual({
    value: line('a'),
    headers,
    partition: 2,
  });
});

test('separators that are hard to type have names', () => {
  expect(separatorOf('\\t')).toEqual(line('\t'));
  expect(separatorOf('\\0')).toEqual(line('\0'));
  expect(separatorOf('\\\\')).toEqual(line('\\'));
  expect(separatorOf('é')).toEqual(Buffer.from('é'));
  expect(() => separatorOf('')).toThrow('--key-separator');
  expect(() => separatorOf('a\nb')).toThrow('--key-separator');
});
