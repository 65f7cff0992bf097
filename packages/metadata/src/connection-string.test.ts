import { parseConnectionString } from './connection-string.js';

test('hosts, ports, IPv6 and the chroot are read', () => {
  expect(parseConnectionString('a:1, b,[::1]:3/zhumq/x')).toEqual({
    servers: [
      { host: 'a', port: 1 },
      { host: 'b', port: 2181 },
      { host: '::1', port: 3 },
    ],
    chroot: '/zhumq/x',
  });
  expect(parseConnectionString('a/').chroot).toBe('');
  expect(parseConnectionString('a').chroot).toBe('');
});

test.each(['', ',', 'a:0', 'a:65536', 'a:b', '::1:3', 'a/x/', 'a//x', 'a b', 'a/..'])(
  '"%s" is refused with its text',
  (text) => {
    expect(() => parseConnectionString(text)).toThrow(`ZooKeeper connection string "${text}"`);
  },
);
