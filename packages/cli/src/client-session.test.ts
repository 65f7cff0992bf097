// Which servers a client verb asks.
import { bootstrapServers } from './client-session.js';

test('the flag wins over the environment, the environment over the default', () => {
  const environment = { ZHUMQ_BOOTSTRAP: 'b:2' };
  expect(bootstrapServers({ bootstrap: 'a:1' }, environment)).toEqual(['a:1']);
  expect(bootstrapServers({}, environment)).toEqual(['b:2']);
  expect(bootstrapServers({}, { ZHUMQ_BOOTSTRAP: '' })).toEqual(['127.0.0.1:9640']);
});

test('several servers, also as an address of zhumq', () => {
  expect(bootstrapServers({ bootstrap: 'a:1, b:2' }, {})).toEqual(['a:1', 'b:2']);
  expect(bootstrapServers({ bootstrap: 'zhumq://a:1,[::1]:2' }, {})).toEqual(['a:1', '[::1]:2']);
});

test('the sentence names the place of a wrong address', () => {
  expect(() => bootstrapServers({ bootstrap: 'a' }, {})).toThrow('--bootstrap is HOST:PORT');
  expect(() => bootstrapServers({}, { ZHUMQ_BOOTSTRAP: 'a:1,' })).toThrow('ZHUMQ_BOOTSTRAP is');
});
