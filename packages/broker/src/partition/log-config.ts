// From a topic's settings to those of its logs.
import type { LogConfig, ReplicaLog } from '@zhumq/log';
import { flushPolicyOf } from '@zhumq/model';
import type { TopicConfig } from '@zhumq/model';

/** Sets what the topic says; a tainted replica syncs everything, because only that can prove it caught up (rule 16). */
export function configureLog(log: ReplicaLog, topic: TopicConfig): void {
  const config = logConfigOf(topic);
  log.config = log.hardState?.tainted === true ? { ...config, flush: 'fsync' } : config;
}

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
