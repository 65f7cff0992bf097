import {
  acksNumber,
  checkTopicName,
  groupNameFault,
  parsePartitionFolder,
  partitionFolder,
  topicNameFault,
} from './names.js';

const ID = '0123456789abcdef0123456789abcdef';

describe('a topic name', () => {
  test.each(['a', 'orders', 'A.b_c-9', '...', 'x'.repeat(249), '-', '_one'])(
    'may be %s',
    (name) => {
      expect(topicNameFault(name)).toBeUndefined();
      expect(() => checkTopicName(name)).not.toThrow();
    },
  );

  test.each(['', '.', '..', 'x'.repeat(250), 'a/b', 'a b', 'ä', 'a\0', 'a\n', '日本', '😀'])(
    'can not be %j',
    (name) => {
      expect(topicNameFault(name)).toBeDefined();
      expect(() => checkTopicName(name)).toThrow(
        expect.objectContaining({ code: 'INVALID_TOPIC' }) as Error,
      );
    },
  );

  test('with two underscores in front belongs to zhumq', () => {
    expect(topicNameFault('__groups')).toBeUndefined();
    expect(() => checkTopicName('__groups')).toThrow(/kept for zhumq itself/);
  });
});

describe('a group name', () => {
  test.each(['billing', 'Rechnungen für März', '__groups', 'x'.repeat(255)])(
    'can be %j',
    (name) => {
      expect(groupNameFault(name)).toBeUndefined();
    },
  );

  test.each([
    ['', 'it is empty'],
    ['x'.repeat(256), 'it has 256 characters, more than 255'],
    ['a\nb', 'it has a control character'],
  ])('can not be %j: %s', (name, fault) => {
    expect(groupNameFault(name)).toBe(fault);
  });
});

describe('a partition', () => {
  test.each([
    ['orders', 0],
    ['a-b-1', 12],
    ['x.y', 2147483647],
    ['-', 3],
  ])('of %s and %i has a folder that can be read back', (topic, partition) => {
    const folder = partitionFolder(topic, partition, ID);
    expect(folder).toBe(`${topic}-${partition}.01234567`);
    expect(parsePartitionFolder(folder)).toEqual({ topic, partition, replicaPrefix: '01234567' });
  });

  test('of the longest topic still has a folder name that a file system takes', () => {
    const folder = partitionFolder('x'.repeat(249), 2147483647, ID);
    expect(folder.length).toBeLessThanOrEqual(255);
    expect(parsePartitionFolder(folder)?.topic).toBe('x'.repeat(200));
  });

  test.each([
    'orders-1',
    'orders-.01234567',
    '-1.01234567',
    'orders-01.01234567',
    'orders-+1.01234567',
    'orders-2147483648.01234567',
    'orders-1x.01234567',
    'a b-1.01234567',
    '..-1.01234567',
    'orders-1.0123456',
    'orders-1.0123456X',
    'orders.01234567',
    'lost+found',
    'wal',
    '.-1.01234567',
  ])('has no folder like %s', (name) => expect(parsePartitionFolder(name)).toBeUndefined());
});

test('ack levels have the numbers of the wire', () => {
  expect([acksNumber('all'), acksNumber('leader'), acksNumber('none')]).toEqual([-1, 1, 0]);
});
