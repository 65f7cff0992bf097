import { childOf, nameOf, parentOf, parsePath, paths, persistentParents } from './paths.js';

test('every built path parses to what it was built from', () => {
  const built: [string, object][] = [
    [paths.clusterId, { kind: 'cluster-id' }],
    [paths.controller, { kind: 'controller' }],
    [paths.controllerEpoch, { kind: 'controller-epoch' }],
    [paths.producerIds, { kind: 'producer-ids' }],
    [paths.candidate('0000000007'), { kind: 'candidate', sequence: '0000000007' }],
    [paths.liveBroker(3), { kind: 'live-broker', brokerId: 3 }],
    [paths.registeredBroker(0), { kind: 'registered-broker', brokerId: 0 }],
    [paths.brokerConfig(12), { kind: 'broker-config', brokerId: 12 }],
    [paths.topic('a.b-1'), { kind: 'topic', topic: 'a.b-1' }],
    [paths.topicConfig('a'), { kind: 'topic-config', topic: 'a' }],
    [paths.partitions('a'), { kind: 'parent' }],
    [paths.partition('a', 9), { kind: 'partition', topic: 'a', partition: 9 }],
    [paths.reassignment('a-1', 2), { kind: 'reassignment', topic: 'a-1', partition: 2 }],
    [paths.topicSwitch('abc'), { kind: 'topic-switch', topicId: 'abc' }],
    [paths.deletion('00ff'), { kind: 'deletion', topicId: '00ff' }],
    [paths.clientConfig('a/b c.%'), { kind: 'client-config', client: 'a/b c.%' }],
    [paths.clientConfig('..'), { kind: 'client-config', client: '..' }],
    [paths.aclOf('topic:*'), { kind: 'acl', resource: 'topic:*' }],
    [paths.token('é~'), { kind: 'token', tokenId: 'é~' }],
    ...persistentParents.map((path): [string, object] => [path, { kind: 'parent' }]),
  ];
  for (const [path, parsed] of built) expect([path, parsePath(path)]).toEqual([path, parsed]);
});

test('a path of somebody else parses to nothing', () => {
  for (const path of ['/', '/zookeeper/quota', '/brokers/ids/x', '/acl/%E0', '/topics/a/b', '']) {
    expect(parsePath(path)).toBeUndefined();
  }
});

test('what can not be part of a path is refused', () => {
  for (const topic of ['', '.', '..', 'a/b', 'a\u0000']) {
    expect(() => paths.topic(topic)).toThrow('can not be part of a path');
  }
  for (const id of [-1, 1.5, NaN, 2 ** 53]) {
    expect(() => paths.liveBroker(id)).toThrow('can not be part of a path');
  }
});

test('parents come before their children', () => {
  for (const [index, path] of persistentParents.entries()) {
    const parent = parentOf(path);
    if (parent !== '/') expect(persistentParents.indexOf(parent)).toBeLessThan(index);
    expect(persistentParents).toContain(path);
  }
});

test('a path is its parent and its name', () => {
  for (const path of ['/a', '/a/b', paths.partition('t', 1)]) {
    expect(childOf(parentOf(path), nameOf(path))).toBe(path);
  }
});
