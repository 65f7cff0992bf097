// Serves BrokerService: each method to the one file that does it.
import { ByteBudget } from '@zhumq/base';
import type { Clock } from '@zhumq/base';
import type { BrokerHandler } from '@zhumq/rpc';
import type { Assignments } from '../membership/assignments.js';
import { ProducerIds } from '../membership/producer-ids.js';
import type { ZkServerLink } from '../membership/zkserver-link.js';
import type { BrokerMetrics } from '../metrics.js';
import type { BrokerOptions } from '../options.js';
import type { PartitionRegistry } from '../partition/partition-registry.js';
import type { RaftTransport } from '../replication/raft/raft-transport.js';
import { BacklogHandler } from './backlog-handler.js';
import { LeadershipTransfer } from './leadership-transfer.js';
import { MetadataHandler } from './metadata-handler.js';
import { OffsetsHandler } from './offsets-handler.js';
import { PartitionControlHandler } from './partition-control-handler.js';
import { ProduceHandler } from './produce-handler.js';
import { PullHandler } from './pull-handler.js';
import { ReplicasHandler } from './replicas-handler.js';

export interface BrokerHandlerParts {
  readonly brokerId: number;
  readonly incarnation: number;
  readonly options: BrokerOptions;
  readonly registry: PartitionRegistry;
  readonly transport: RaftTransport;
  readonly assignments: Assignments;
  readonly link: ZkServerLink;
  readonly clock: Clock;
  readonly metrics: BrokerMetrics;
  /** Aborted when the broker stops. */
  readonly stopping: AbortSignal;
}

export function brokerHandler(parts: BrokerHandlerParts): BrokerHandler {
  const { brokerId, options, registry, transport, assignments, link, clock, metrics, stopping } =
    parts;
  const produce = new ProduceHandler({
    registry,
    clock,
    metrics,
    maxTimeoutMs: options['produce.timeout.max.ms'],
  });
  const pull = new PullHandler({
    registry,
    clock,
    metrics,
    maxResponseBytes: options['pull.max.bytes'],
    maxWaitMs: options['pull.wait.max.ms'],
    budget: new ByteBudget({
      maxBytes: options['pull.buffer.bytes'],
      maxWaiters: MAX_WAITING_PULLS,
    }),
  });
  const offsets = new OffsetsHandler(registry);
  const backlogs = new BacklogHandler(registry);
  const replicas = new ReplicasHandler(brokerId, registry, transport);
  const transfer = new LeadershipTransfer({
    registry,
    transport,
    clock,
    electionMs: options['raft.tick.ms'] * options['raft.election.ticks'],
    stopping,
  });
  const metadata = new MetadataHandler({
    link,
    registry,
    transport,
    desiredState: () => assignments.state,
    callTimeoutMs: METADATA_TIMEOUT_MS,
  });
  const { incarnation } = parts;
  const control = new PartitionControlHandler({
    brokerId,
    incarnation,
    registry,
    assignments,
    clock,
  });
  const ids = new ProducerIds(() =>
    link.callActiveWithin(
      ALLOCATION_TIMEOUT_MS,
      (client) => client.allocateProducerIds(brokerId, { timeoutMs: ALLOCATION_TIMEOUT_MS }),
      stopping,
    ),
  );
  return {
    produce: (request) => produce.produce(request),
    produceOneway: (request) => produce.produceOneway(request),
    pull: (request, context) => pull.pull(request, context),
    listOffsets: (partitions) => offsets.listOffsets(partitions),
    backlogs: (positions) => backlogs.backlogs(positions),
    metadata: (request) => metadata.metadata(request),
    initProducer: () => ids.initProducer(),
    describeReplicas: (topic, partition) => replicas.describe(topic, partition),
    transferLeadership: (topic, partition, toBroker) => transfer.run(topic, partition, toBroker),
    reconcile: (state) => assignments.apply(state),
    replicaEnds: (refs) => control.replicaEnds(refs),
    sealPartition: (ref, transitionId, timeoutMs) =>
      control.sealPartition(ref, transitionId, timeoutMs),
    closePartition: (ref) => control.closePartition(ref),
  };
}

const MAX_WAITING_PULLS = 10_000;
const METADATA_TIMEOUT_MS = 2_000;
/** Shorter than clients wait, so that they learn why and can ask another broker. */
const ALLOCATION_TIMEOUT_MS = 3_000;
