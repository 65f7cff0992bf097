// How a broker opens its data directory.
import { randomId } from '@zhumq/base';
import { LogStore, PartitionFactory, readBootId } from '@zhumq/log';
import { parseTopicConfig } from '@zhumq/model';
import type { BrokerConfig, BrokerEnvironment } from './broker.js';
import type { BrokerMetrics } from './metrics.js';
import { logConfigOf } from './partition/log-config.js';

/** Recovers every replica. Throws DATA_DIRECTORY_LOCKED, DATA_DIRECTORY_MISMATCH, DATA_CORRUPT, DISK_FAILED. */
export function openLogStore(
  { id, dataDirectory, options }: BrokerConfig,
  { fileSystem, clock, logger, bootId = readBootId() }: BrokerEnvironment,
  metrics: BrokerMetrics,
  onFatal: (error: Error) => void,
): Promise<LogStore> {
  const replicas = new PartitionFactory(fileSystem, {
    tailBytes: options['cache.tail.bytes'],
    blockCacheBytes: options['cache.block.bytes'],
  });
  return LogStore.open(
    {
      dataDirectory,
      brokerId: id,
      clusterId: undefined,
      walFileBytes: options['wal.file.bytes'],
      checkpointBytes: options['wal.checkpoint.bytes'],
      blockCacheBytes: options['cache.block.bytes'],
      tailBytes: options['cache.tail.bytes'],
      diskReserveBytes: options['disk.reserve.bytes'],
      defaultConfig: logConfigOf(parseTopicConfig()),
    },
    {
      fileSystem,
      clock,
      logger,
      replicas,
      bootId,
      makeId: randomId,
      onFatal,
      metrics: {
        walWritten: (bytes) => metrics.walBytes.inc(bytes),
        walSynced: (durationMs) => {
          metrics.syncs.inc();
          metrics.syncSeconds.observe(durationMs / 1000);
        },
        checkpointTaken: () => metrics.checkpoints.inc(),
      },
    },
  );
}
