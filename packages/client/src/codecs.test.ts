import { bytes, defineTopic, json, string } from './index.js';
import type { StandardSchemaV1 } from './index.js';

/** Takes numbers and texts of digits, gives numbers. */
const schema: StandardSchemaV1<number | string, number> = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: (value) =>
      Number.isInteger(Number(value))
        ? { value: Number(value) }
        : { issues: [{ message: 'is no number', path: ['a', { key: 0 }] }] },
  },
};

describe('codecs', () => {
  test('give back what they were given', () => {
    expect(string().decode(Buffer.from(string().encode('ä€😀')))).toBe('ä€😀');
    expect(json<{ a: number }>().decode(Buffer.from(json().encode({ a: 1 })))).toEqual({ a: 1 });
    const raw = Buffer.from([1, 2]);
    expect(bytes().encode(raw)).toBe(raw);
  });

  test('json checks with a schema on the way out, and transforms on the way in', () => {
    const codec = json(schema);
    expect(codec.decode(Buffer.from(codec.encode('12')))).toBe(12);
    expect(() => codec.encode('x')).toThrow('a.0: is no number');
    expect(() => codec.decode(Buffer.from('"x"'))).toThrow('a.0: is no number');
  });

  test('json refuses what it can not write, and a schema that does not answer at once', () => {
    expect(() => json().encode(undefined)).toThrow('undefined');
    const slow: StandardSchemaV1 = {
      '~standard': { version: 1, vendor: 'slow', validate: () => Promise.resolve({ value: 1 }) },
    };
    expect(() => json(slow).encode(1)).toThrow('asynchronous');
  });

  test('a topic has keys of text and values of bytes unless it says otherwise', () => {
    const topic = defineTopic('t');
    expect([topic.key.name, topic.value.name]).toEqual(['string', 'bytes']);
  });
});
