// From a topic's settings to those of its logs.
import type { LogConfig, ReplicaLog } from '@zhumq/log';
import { flushPolicyOf } from '@zhumq/model';
import type { ReplicationMode, TopicConfig } from '@zhumq/model';

/** Sets what the topic says for the log's present mode; a tainted replica syncs everything, because only that can prove it caught up (rule 16). */
export function configureLog(log: ReplicaLog, topic: TopicConfig): void {
  const config = logConfigOf(topic, log.generation?.mode);
  const { flush: before } = log.config;
  log.config = log.hardState?.tainted === true ? { ...config, flush: 'fsync' } : config;
  if (before === 'fsync' || log.config.flush !== 'fsync' || log.syncedEnd >= log.logEnd) return;
  // Nothing is on disk before all that precedes it is (rule 8), and what the policy before left in the page cache it would
  // sync later, or never. A failure is told to the log's owner.
  void log.sync().catch(() => undefined);
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
