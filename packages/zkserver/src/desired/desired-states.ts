// What each broker must hold, as a function of the view. A broker's state gets the next version when something in it
// changes that the broker must act on. Who leads in mode raft is told, too, but is no reason to tell: the brokers of a
// group elected it themselves, and 10,000 elections would otherwise send everything 10,000 times. In mode fetch every
// change of the record is one: the version alone tells a leader that what it proposed is settled (rule 10).
import { topicsOf, versionedPartitionsOf } from '../view/cluster-view.js';
import type { ClusterView } from '../view/cluster-view.js';
import { assignmentOf, brokerInfos } from '../wire/cluster-info.js';
import { ReplicationMode } from '@zhumq/rpc';
import type { DesiredState, PartitionAssignment } from '@zhumq/rpc';

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
    for (const [number, { value: record }] of versionedPartitionsOf(topic)) {
      const value = assignmentOf(topic, number) as PartitionAssignment;
      const assignment = { value, key: keyOf(value, config) };
      for (const { broker } of record.replicas) {
        const own = byBroker.get(broker);
        if (own === undefined) byBroker.set(broker, [assignment]);
        else own.push(assignment);
      }
    }
  }
  return byBroker;
}

function keyOf({ topicId, info }: PartitionAssignment, configKey: string): string {
  const { partition, replicas, mode, generation, version, seal, transition } = info;
  const identities = replicas.map(({ broker, replicaId }) => `${broker}:${replicaId}`);
  const state =
    mode === ReplicationMode.FETCH
      ? [version]
      : [transition?.id ?? '-', seal?.epoch ?? '-', seal?.offset ?? '-'];
  return [topicId, partition, mode, generation, ...identities, ...state, configKey].join(' ');
}
