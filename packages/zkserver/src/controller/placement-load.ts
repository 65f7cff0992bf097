// What the brokers hold already, as the placer wants to know it.
import type { PlacementLoad } from '../placement/placer.js';
import { partitionsOf, topicsOf } from '../view/cluster-view.js';
import type { ClusterView } from '../view/cluster-view.js';

export function placementLoad(view: ClusterView): PlacementLoad {
  const replicas = new Map<number, number>();
  const leaders = new Map<number, number>();
  for (const topic of topicsOf(view)) {
    for (const [, record] of partitionsOf(topic)) {
      for (const { broker } of record.replicas) countOne(replicas, broker);
      if (record.replicas.length > 0) countOne(leaders, record.replicas[0].broker);
    }
  }
  return { replicas, leaders };
}

function countOne(counts: Map<number, number>, broker: number): void {
  counts.set(broker, (counts.get(broker) ?? 0) + 1);
}
