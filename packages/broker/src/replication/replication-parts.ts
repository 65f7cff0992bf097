// What replicates the partitions of a broker: transport to the peers, segment copies, and the settings of both.
import { connectChannel } from '@zhumq/rpc';
import type { Transport } from '@zhumq/rpc';
import type { Clock, Logger, Random } from '@zhumq/base';
import type { LogStore } from '@zhumq/log';
import type { BrokerMetrics } from '../metrics.js';
import type { BrokerOptions } from '../options.js';
import { EndOfTick } from './end-of-tick.js';
import { Hibernation } from './raft/hibernation.js';
import type { RaftTimings } from './raft/raft-replicator.js';
import { RaftTransport } from './raft/raft-transport.js';
import { SnapshotCopier } from './snapshot-copier.js';

export interface ReplicationParts {
  readonly endOfTick: EndOfTick;
  readonly transport: RaftTransport;
  readonly installer: SnapshotCopier;
  readonly hibernation: Hibernation;
  readonly timings: RaftTimings;
}

export interface ReplicationPartsOptions {
  readonly brokerId: number;
  readonly store: LogStore;
  readonly options: BrokerOptions;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: BrokerMetrics;
  /** How connections are made; TCP when undefined. */
  readonly tcp?: Transport | undefined;
}

export function replicationParts(parts: ReplicationPartsOptions): ReplicationParts {
  const { brokerId, store, options, clock, random, logger, metrics } = parts;
  const maxBufferedBytes = options['peer.buffer.max.bytes'];
  const electionMs = options['raft.tick.ms'] * options['raft.election.ticks'];
  const silenceTimeoutMs = Math.max(SILENT_ELECTIONS * electionMs, MIN_SILENCE_MS);
  const endOfTick = new EndOfTick(() => transport.flush());
  const transport: RaftTransport = new RaftTransport({
    brokerId,
    incarnation: store.incarnation,
    clusterId: () => store.clusterId,
    maxBufferedBytes,
    maxEnvelopeBytes: options['raft.append.max.bytes'] * ENVELOPE_APPENDS,
    connect: ({ host, port }) =>
      connectChannel({
        ...parts.tcp,
        host,
        port,
        clock,
        random,
        logger,
        silenceTimeoutMs,
        connectTimeoutMs: Math.min(silenceTimeoutMs, CONNECT_TIMEOUT_MS),
        maxBufferedBytes: maxBufferedBytes * 2,
        maxFrameBytes: largestFrame(options),
      }),
    schedule: () => endOfTick.schedule(),
    probeMs: silenceTimeoutMs / SILENT_ELECTIONS,
    clock,
    logger,
  });
  const installer = new SnapshotCopier({
    clientOf: (replicaId) => transport.clientOf(replicaId),
    chunkBytes: options['snapshot.chunk.bytes'],
    callTimeoutMs: COPY_TIMEOUT_MS,
    onChunk: (bytes) => metrics.snapshotBytes.inc(bytes),
  });
  const hibernation = new Hibernation({
    brokerOf: (replicaId) => transport.brokerOf(replicaId),
    sendBeat: (peer, beat) => transport.sendBeat(peer, beat),
    patience: Math.ceil(options['raft.election.ticks'] / options['raft.heartbeat.ticks']),
  });
  const timings: RaftTimings = {
    electionTicks: options['raft.election.ticks'],
    heartbeatTicks: options['raft.heartbeat.ticks'],
    sleepTicks: options['raft.sleep.ticks'],
    maxInflightMessages: options['raft.inflight.max.messages'],
    maxInflightBytes: options['raft.inflight.max.bytes'],
    maxAppendBytes: options['raft.append.max.bytes'],
    maxUncommittedBytes: options['raft.uncommitted.max.bytes'],
  };
  return { endOfTick, transport, installer, hibernation, timings };
}

/**
 * Largest message of a broker, in either direction. A batch that a client could send must fit what a peer is sent, and
 * an answer must hold what the options allow to ask for; the names around it are longer than in the request.
 */
export function largestFrame(options: BrokerOptions): number {
  const payload = Math.max(
    options['request.max.bytes'],
    options['pull.max.bytes'],
    options['fetch.max.bytes'],
    options['snapshot.chunk.bytes'],
  );
  return Math.max(options['raft.append.max.bytes'] * ENVELOPE_APPENDS * 2, payload + FRAME_ROOM);
}

/** Full appends that one envelope may carry. */
const ENVELOPE_APPENDS = 4;
/** For everything in a message besides batches. */
const FRAME_ROOM = 4 * 1024 * 1024;
/** Election timeouts without a sign of life after which the connection to a peer is made anew. */
const SILENT_ELECTIONS = 4;
/** However short election timeouts are: a peer may be busy for so long. */
const MIN_SILENCE_MS = 1000;
const CONNECT_TIMEOUT_MS = 3000;
const COPY_TIMEOUT_MS = 10_000;
