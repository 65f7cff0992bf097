// What each broker must hold, as a function of the view. A broker's state gets the next version when something in it
// changes that the broker must act on. Who leads in mode raft is told, too, but is no reason to tell: the brokers of a
// group elected it themselves, and 10,000 elections would otherwise send everything 10,000 times.
import { partitionsOf, topicsOf } from '../view/cluster-view.js';
import type { ClusterView, Topic } from '../view/cluster-view.js';
import { brokerInfos, partitionInfo } from '../wire/cluster-info.js';
import type { DesiredState, PartitionAssignment } from '@zhumq/rpc';
import type { PartitionRecord } from '@zhumq/model';

export class DesiredStates {
  private view: ClusterView | undefined;
  private assignments = new Map<number, readonly Assignment[]>();
  private brokersKey = '';
  private readonly issued = new Map<number, { key: string; version: number }>();

  /** `controllerEpoch` orders the states of successive active zkservers, the version those of one. */
  constructor(private readonly controllerEpoch: number) {}

  of(view: ClusterView, broker: number): DesiredState {
    this.prepare(view);
    const assignments = this.assignments.get(broker) ?? [];
    const tombstones = Array.from(view.tombstones.values(), ({ value }) => value)
      .filter(({ brokers }) => brokers.includes(broker))
      .map(({ topicId, controllerEpoch, topic }) => ({ topicId, controllerEpoch, topic }));
    const key = [
      ...assignments.map((assignment) => assignment.key),
      ...tombstones.map(({ topicId }) => topicId),
      this.brokersKey,
    ].join('\n');
    return {
      controllerEpoch: this.controllerEpoch,
      version: this.versionOf(broker, key),
      clusterId: view.clusterId,
      partitions: assignments.map((assignment) => assignment.value),
      tombstones,
      brokers: brokerInfos(view),
    };
  }

  private versionOf(broker: number, key: string): number {
    const issued = this.issued.get(broker);
    if (issued?.key === key) return issued.version;
    const version = (issued?.version ?? 0) + 1;
    this.issued.set(broker, { key, version });
    return version;
  }

  /** Once for all brokers of a view. */
  private prepare(view: ClusterView): void {
    if (view === this.view) return;
    this.view = view;
    this.assignments = assignmentsByBroker(view);
    this.brokersKey = JSON.stringify(brokerInfos(view));
  }
}

interface Assignment {
  readonly value: PartitionAssignment;
  /** Changes with whatever the broker must act on. */
  readonly key: string;
}

function assignmentsByBroker(view: ClusterView): Map<number, Assignment[]> {
  const byBroker = new Map<number, Assignment[]>();
  for (const topic of topicsOf(view)) {
    const config = JSON.stringify(topic.record.config);
    for (const [number, record] of partitionsOf(topic)) {
      const assignment = assignmentOf(topic, number, record, config);
      for (const { broker } of record.replicas) {
        const own = byBroker.get(broker);
        if (own === undefined) byBroker.set(broker, [assignment]);
        else own.push(assignment);
      }
    }
  }
  return byBroker;
}

function assignmentOf(
  topic: Topic,
  number: number,
  record: PartitionRecord,
  configKey: string,
): Assignment {
  const { topicId, config } = topic.record;
  const info = partitionInfo(number, record);
  const { replicas, mode, generation, leader, epoch, isr } = info;
  const identities = replicas.map(({ broker, replicaId }) => `${broker}:${replicaId}`);
  const leading = record.mode === 'raft' ? [] : [leader, epoch, ...isr];
  const key = [topicId, number, mode, generation, ...identities, ...leading, configKey].join(' ');
  return { value: { topic: topic.name, topicId, info, config: { ...config } }, key };
}
