// From a topic's settings to those of its logs.
import type { LogConfig, ReplicaLog } from '@zhumq/log';
import { flushPolicyOf } from '@zhumq/model';
import type { ReplicationMode, TopicConfig } from '@zhumq/model';

/** Sets what the topic says for the log's present mode; a tainted replica syncs everything, because only that can prove it caught up (rule 16). */
export function configureLog(log: ReplicaLog, topic: TopicConfig): void {
  const config = logConfigOf(topic, log.generation?.mode);
  log.config = log.hardState?.tainted === true ? { ...config, flush: 'fsync' } : config;
}

export function logConfigOf(config: TopicConfig, mode: ReplicationMode = 'raft'): LogConfig {
  return {
    flush: flushPolicyOf(config, mode),
    flushIntervalMs: config.flushIntervalMs,
    segmentBytes: config.segmentBytes,
    segmentMs: config.segmentMs,
    indexIntervalBytes: config.indexIntervalBytes,
    retentionMs: config.retentionMs,
    retentionBytes: config.retentionBytes,
    producerExpirationMs: config.producerExpirationMs,
  };
}
