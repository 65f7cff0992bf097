// Messages as JSON and as lines.
import type { Message } from '@zhumq/client';
import { messageJson, messageRow } from './message-form.js';

const message: Message = {
  topic: 'orders',
  partition: 1,
  offset: 42,
  timestamp: 1_700_000_000_000,
  key: Buffer.from('ü'),
  value: Buffer.from([0xff, 0x00]),
  headers: new Map([
    ['a', [Buffer.from('1'), Buffer.from([0x80])]],
    ['__proto__', [Buffer.from('x')]],
  ]),
};

test('the JSON has strings for UTF-8, base64 for the rest, null for nothing, and all values of a header', () => {
  const json = JSON.stringify(messageJson(message));
  expect(json).toBe(
    '{"topic":"orders","partition":1,"offset":42,"timestamp":1700000000000,"key":"ü",' +
      '"value":{"base64":"/wA="},"headers":{"a":["1",{"base64":"gA=="}],"__proto__":["x"]}}',
  );
  expect(messageJson({ ...message, key: null, value: null })).toMatchObject({
    key: null,
    value: null,
  });
  expect(messageJson({ ...message, key: Buffer.alloc(0) }).key).toBe('');
});

test('a table row is the value, byte for byte', () => {
  expect(messageRow(message, 'table')).toEqual(Buffer.from([0xff, 0x00]));
  expect(messageRow({ ...message, value: null }, 'table')).toEqual(Buffer.alloc(0));
});

test('a wide row has partition, offset, time, key and value', () => {
  expect(messageRow({ ...message, value: null }, 'wide').toString()).toBe(
    '1\t42\t2023-11-14T22:13:20.000Z\tü\t-',
  );
});
