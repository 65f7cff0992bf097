// From a topic's settings to those of its logs.
import type { LogConfig } from '@zhumq/log';
import { flushPolicyOf } from '@zhumq/model';
import type { TopicConfig } from '@zhumq/model';

export function logConfigOf(config: TopicConfig): LogConfig {
  return {
    flush: flushPolicyOf(config, 'raft'),
    flushIntervalMs: config.flushIntervalMs,
    segmentBytes: config.segmentBytes,
    segmentMs: config.segmentMs,
    indexIntervalBytes: config.indexIntervalBytes,
    retentionMs: config.retentionMs,
    retentionBytes: config.retentionBytes,
    producerExpirationMs: config.producerExpirationMs,
  };
}
