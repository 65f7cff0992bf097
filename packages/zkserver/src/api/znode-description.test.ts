import { controllerEpochCodec, topicRecordCodec } from '@zhumq/model';
import { describeZnode } from './znode-description.js';

describe('the description of a znode', () => {
  test('is the message that belongs to its path', () => {
    const topic = {
      topicId: 'a'.repeat(32),
      partitions: 1,
      replicationFactor: 1,
      config: { flush: 'os' },
    };
    expect(describeZnode('/topics/orders', topicRecordCodec.encode(topic))).toEqual(topic);
    expect(describeZnode('/controller_epoch', controllerEpochCodec.encode({ epoch: 7 }))).toEqual({
      epoch: 7,
    });
  });

  test('is JSON', () => {
    const value = describeZnode('/controller_epoch', controllerEpochCodec.encode({ epoch: 7 }));
    expect(JSON.parse(JSON.stringify(value))).toEqual(value);
  });

  test('of an empty node is null, of an unknown path its text or its bytes', () => {
    expect(describeZnode('/brokers', Buffer.alloc(0))).toBeNull();
    expect(describeZnode('/config/x', Buffer.from('a=1\n'))).toBe('a=1\n');
    expect(describeZnode('/config/x', Buffer.from([0xff, 0]))).toEqual({ base64: '/wA=' });
  });

  test('of damaged bytes is the reason and the bytes', () => {
    expect(describeZnode('/topics/orders', Buffer.from([0x0a, 0xff]))).toEqual({
      error: expect.stringContaining('no TopicRecord') as string,
      base64: 'Cv8=',
    });
  });
});
