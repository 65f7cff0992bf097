// Serves RaftService: checks who speaks, then gives each message to its group.
import type { Logger } from '@zhumq/base';
import { crc32c, epochListCodec, zhumqError } from '@zhumq/model';
import type {
  Outgoing,
  RaftEnvelope,
  RaftHandler,
  SegmentChunk,
  SnapshotManifest,
  SnapshotRequest,
} from '@zhumq/rpc';
import type { Partition } from '../partition/partition.js';
import type { PartitionRegistry } from '../partition/partition-registry.js';
import type { Hibernation } from '../replication/raft/hibernation.js';
import { fromWire } from '../replication/raft/raft-messages.js';
import { RaftReplicator } from '../replication/raft/raft-replicator.js';
import type { Throttle } from '../replication/throttle.js';

export interface RaftHandlerOptions {
  readonly brokerId: number;
  readonly clusterId: () => string;
  readonly registry: PartitionRegistry;
  readonly hibernation: Hibernation;
  readonly maxChunkBytes: number;
  /** Copies of segments are for followers that are far behind: they leave room for others. */
  readonly throttle: Throttle;
  readonly logger: Logger;
}

export function raftHandler(options: RaftHandlerOptions): RaftHandler {
  const { registry, hibernation, logger } = options;
  const incarnations = new Map<number, number>();

  /** Messages of another cluster, for another broker, or from an earlier life of the sender change nothing. */
  function accepts(envelope: RaftEnvelope): boolean {
    if (envelope.clusterId !== options.clusterId() || envelope.toBroker !== options.brokerId) {
      const { clusterId, fromBroker, toBroker } = envelope;
      logger.warn(
        { clusterId, fromBroker, toBroker },
        'raft messages for another cluster or broker refused',
      );
      return false;
    }
    const known = incarnations.get(envelope.fromBroker) ?? 0;
    if (envelope.incarnation < known) return false;
    if (envelope.incarnation > known && known > 0) hibernation.restarted(envelope.fromBroker);
    incarnations.set(envelope.fromBroker, envelope.incarnation);
    return true;
  }

  function leaderOf(request: SnapshotRequest): Partition {
    const partition = registry.findGroup(request.topicId, request.partition);
    if (partition === undefined) {
      throw zhumqError(
        'UNKNOWN_PARTITION',
        `this broker holds no replica of partition ${request.partition} of topic ${request.topicId}`,
      );
    }
    if (partition.name.generation !== request.generation) {
      throw zhumqError(
        'STALE_GENERATION',
        `the partition is in generation ${partition.name.generation}`,
      );
    }
    partition.checkLeads();
    return partition;
  }

  return {
    deliver(envelope: RaftEnvelope): void {
      if (!accepts(envelope)) return;
      for (const wire of envelope.messages) {
        const partition = registry.findGroup(wire.topicId, wire.partition);
        if (partition === undefined || partition.name.generation !== wire.generation) continue;
        if (partition.log.identity.replicaId !== wire.toReplica) continue;
        const { replicator } = partition;
        const message = fromWire(wire);
        if (message === undefined)
          logger.warn({ ...partition.name, type: wire.type }, 'malformed raft message dropped');
        else if (replicator instanceof RaftReplicator) replicator.receive(message);
      }
      const { fromBroker, beat } = envelope;
      if (beat !== undefined) hibernation.heard(fromBroker, { led: beat, wake: beat.wake });
    },

    ping(): void {
      // That it is answered says everything.
    },

    describeSnapshot(request: SnapshotRequest): Outgoing<SnapshotManifest> {
      const partition = leaderOf(request);
      const { state, segments } = partition.log.snapshotState(partition.highWatermark);
      return {
        logStart: state.logStart,
        epochBeforeStart: state.epochBeforeStart,
        endOffset: state.endOffset,
        segments: segments.map((segment) => ({ ...segment })),
        epochs: epochListCodec.encode({ epochs: state.epochs }),
        producers: state.producers,
        term: partition.replicator.epoch,
      };
    },

    async readSegment(
      request: SnapshotRequest,
      baseOffset: number,
      position: number,
      maxBytes: number,
    ): Promise<Outgoing<SegmentChunk>> {
      const partition = leaderOf(request);
      if (position < 0 || maxBytes < 1)
        throw zhumqError(
          'INVALID_REQUEST',
          `position ${position} or size ${maxBytes} is out of range`,
        );
      const bytes = await options.throttle.claim(Math.min(maxBytes, options.maxChunkBytes));
      const data = await partition.log.readSegment(baseOffset, position, bytes);
      return { data, crc: crc32c(data) };
    },
  };
}
