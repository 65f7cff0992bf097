import { TOPIC_OPTIONS, flushPolicyOf, parseTopicConfig, rangeOf } from './topic-config.js';

function refusal(settings: Record<string, string>): unknown {
  try {
    return parseTopicConfig(settings);
  } catch (error) {
    return error;
  }
}

describe('the settings of a topic', () => {
  test('have defaults', () => {
    expect(parseTopicConfig()).toEqual({
      flush: undefined,
      flushIntervalMs: 1000,
      segmentBytes: 268435456,
      segmentMs: 604800000,
      indexIntervalBytes: 4096,
      retentionMs: 604800000,
      retentionBytes: -1,
      maxMessageBytes: 1048576,
      minInsyncReplicas: undefined,
      uncleanLeaderElection: 'false',
      producerExpirationMs: 86400000,
      cleanupPolicy: 'delete',
    });
  });

  test('are read from text: quantities with a unit, bare numbers in the unit of the name', () => {
    const config = parseTopicConfig({
      'retention.ms': '1d',
      'segment.ms': '5000',
      'segment.bytes': '64MiB',
      'max.message.bytes': '2048',
      'retention.bytes': '-1',
      flush: 'os',
      'min.insync.replicas': '2',
    });
    expect(config).toMatchObject({
      retentionMs: 86400000,
      segmentMs: 5000,
      segmentBytes: 67108864,
      maxMessageBytes: 2048,
      retentionBytes: -1,
      flush: 'os',
      minInsyncReplicas: 2,
    });
    expect(parseTopicConfig(new Map([['retention.ms', '-1']])).retentionMs).toBe(-1);
    expect(Object.isFrozen(config)).toBe(true);
  });

  test.each([
    ['retention.ms', '10'],
    ['retention.ms', '-2'],
    ['retention.ms', 'soon'],
    ['segment.ms', '-1'],
    ['segment.bytes', '1'],
    ['segment.bytes', '100GiB'],
    ['max.message.bytes', '1023'],
    ['min.insync.replicas', '0'],
    ['min.insync.replicas', '1.5'],
    ['min.insync.replicas', ''],
    ['flush', 'never'],
    ['cleanup.policy', 'compact'],
  ])('%s=%s is refused with name, value and range', (name, value) => {
    const error = refusal({ [name]: value });
    const option = TOPIC_OPTIONS.find((one) => one.name === name);
    expect(option).toBeDefined();
    const range = rangeOf(option as (typeof TOPIC_OPTIONS)[number]);
    expect(error).toMatchObject({ code: 'INVALID_TOPIC', context: { option: name, value, range } });
    expect((error as Error).message).toContain(`${name}=${value}`);
    expect((error as Error).message).toContain(range);
  });

  test.each([
    ['retention_ms', /did you mean retention\.ms\?/],
    ['segment.byte', /did you mean segment\.bytes\?/],
    ['flus', /did you mean flush\?/],
    ['quite-another-thing', /settings are flush, /],
    ['__proto__', /has no setting/],
  ])('an unknown name, %s, is refused with a hint', (name, hint) => {
    expect(refusal(Object.fromEntries([[name, '1']]))).toMatchObject({
      code: 'INVALID_TOPIC',
      message: expect.stringMatching(hint) as string,
    });
  });

  test('say what they are for', () => {
    for (const option of TOPIC_OPTIONS) expect(option.doc).toMatch(/^[A-Z].*\.$/);
    expect(new Set(TOPIC_OPTIONS.map(({ field }) => field)).size).toBe(TOPIC_OPTIONS.length);
  });
});

test('without flush the replication mode decides', () => {
  const config = parseTopicConfig();
  expect(flushPolicyOf(config, 'raft')).toBe('fsync');
  expect(flushPolicyOf(config, 'fetch')).toBe('interval');
  expect(flushPolicyOf(parseTopicConfig({ flush: 'os' }), 'raft')).toBe('os');
});
