import { formatHostPort, parseHostPort } from './host-port.js';

test.each([
  ['localhost:2181', { host: 'localhost', port: 2181 }],
  ['10.0.0.1:0', { host: '10.0.0.1', port: 0 }],
  ['broker_1.zhumq.svc:9092', { host: 'broker_1.zhumq.svc', port: 9092 }],
  ['[::1]:9092', { host: '::1', port: 9092 }],
  ['[fe80::1%eth0]:1', { host: 'fe80::1%eth0', port: 1 }],
])('%s is an address, and is written the same way', (text, address) => {
  expect(parseHostPort(text)).toEqual(address);
  expect(formatHostPort(address)).toBe(text);
});

test('a missing port is the default one, if there is one', () => {
  expect(parseHostPort('localhost', 2181)).toEqual({ host: 'localhost', port: 2181 });
  expect(parseHostPort('localhost')).toBeUndefined();
});

test.each(['', ':9092', 'a:', 'a:b', 'a:65536', 'a:123456', '::1:9092', 'http://a:1', 'a b:1'])(
  '"%s" is none',
  (text) => {
    expect(parseHostPort(text, 1)).toBeUndefined();
  },
);
