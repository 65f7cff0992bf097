// The consumer groups of a broker, put together.
import type { Clock, Logger } from '@zhumq/base';
import type { Assignments } from '../membership/assignments.js';
import type { ZkServerLink } from '../membership/zkserver-link.js';
import type { BrokerMetrics } from '../metrics.js';
import type { BrokerOptions } from '../options.js';
import type { PartitionRegistry } from '../partition/partition-registry.js';
import type { RaftTransport } from '../replication/raft/raft-transport.js';
import { CoordinatorLookup } from './coordinator-lookup.js';
import { GroupCoordinator } from './coordinator.js';
import type { GroupSettings } from './decision.js';
import { DeletedTopics } from './deleted-topics.js';
import { GroupTopics } from './group-topics.js';

export interface GroupParts {
  readonly options: BrokerOptions;
  readonly registry: PartitionRegistry;
  readonly transport: RaftTransport;
  readonly assignments: Assignments;
  readonly link: ZkServerLink;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: BrokerMetrics;
  /** Aborted when the broker stops. */
  readonly stopping: AbortSignal;
}

export interface Groups {
  readonly coordinator: GroupCoordinator;
  close(): void;
}

export function groupParts(parts: GroupParts): Groups {
  const { registry, transport, assignments, link, clock, logger, metrics, stopping } = parts;
  const lookup = new CoordinatorLookup({
    ...{ registry, transport, link, stopping },
    brokers: () => assignments.state?.brokers ?? [],
  });
  const topics = new GroupTopics({ link, clock, inUse: () => coordinator.topicsInUse() });
  const deleted = new DeletedTopics({
    ...{ link, clock, stopping, kept: () => coordinator.topicsKept() },
    tombstones: () => assignments.state?.tombstones.map(({ topicId }) => topicId) ?? [],
    controllerEpoch: () => assignments.state?.controllerEpoch ?? -1,
  });
  const coordinator: GroupCoordinator = new GroupCoordinator({
    ...{ registry, lookup, topics, clock, logger, metrics },
    settings: settingsOf(parts.options),
    deletedTopics: () => deleted.identities(),
  });
  metrics.watchGroups({
    groups: () => coordinator.count().groups,
    members: () => coordinator.count().members,
  });
  return {
    coordinator,
    close: () => {
      topics.close();
      deleted.close();
      coordinator.close();
    },
  };
}

function settingsOf(options: BrokerOptions): GroupSettings {
  return {
    minSessionTimeoutMs: options['group.session.min.ms'],
    maxSessionTimeoutMs: options['group.session.max.ms'],
    heartbeatIntervalMs: options['group.heartbeat.ms'],
    assigningIntervalMs: Math.min(ASSIGNING_MS, options['group.heartbeat.ms']),
    maxMembers: options['group.members.max'],
    retentionMs: options['group.retention.ms'],
  };
}

/** Between heartbeats of members while partitions change hands. */
const ASSIGNING_MS = 200;
