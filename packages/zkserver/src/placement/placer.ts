// The placer: from brokers and topics to lists of broker ids, the preferred leader first. Pure: the same input, in any
// order, gives the same placement on every machine. docs/placement.md has the arithmetic and measured figures.
import { assert } from '@zhumq/base';
import { LEADER_BOUND, boundOf } from './fair-share.js';
import { HashRing } from './hash-ring.js';
import { spreadLeaders } from './leaders.js';
import { placeReplicas } from './place-topic.js';
import type { Ground, NewTopic } from './place-topic.js';
import { Racks } from './racks.js';
import { moveReplicas } from './rebalance.js';
import type { PlacedPartition } from './rebalance.js';

/** A broker that may take replicas. */
export interface PlacementBroker {
  readonly id: number;
  /** Failure domain; empty when not set. */
  readonly rack: string;
  /** Share relative to other brokers; above 0. */
  readonly weight: number;
}

/** What the brokers hold already, by broker id; absent means nothing. */
export interface PlacementLoad {
  readonly replicas: ReadonlyMap<number, number>;
  /** Partitions of which the broker is the preferred leader. */
  readonly leaders: ReadonlyMap<number, number>;
}

export const NO_LOAD: PlacementLoad = { replicas: new Map(), leaders: new Map() };

/** Broker ids, the preferred leader first. */
export type BrokerIds = readonly number[];

/** Built once for a set of brokers: the ring costs more than placing a small topic. */
export class Placer {
  private readonly ground: Ground;

  constructor(brokers: readonly PlacementBroker[], vnodes: number) {
    assert(new Set(brokers.map(({ id }) => id)).size === brokers.length, 'two brokers have one id');
    assert(
      brokers.every(({ weight }) => weight > 0),
      'the weight of a broker must be above 0',
    );
    const sorted = brokers.toSorted((one, other) => one.id - other.id);
    this.ground = {
      ring: new HashRing(sorted, vnodes),
      racks: new Racks(sorted),
      weights: sorted.map(({ weight }) => weight),
    };
  }

  get brokerIds(): BrokerIds {
    return this.ground.ring.members.map(({ id }) => id);
  }

  /** For each partition of a new topic its brokers. Brokers that are above their share already take less, or nothing. */
  placeTopic(topic: NewTopic, load: PlacementLoad = NO_LOAD): readonly BrokerIds[] {
    const held = this.perBroker(load.replicas);
    const led = this.perBroker(load.leaders);
    const replicas = placeReplicas(topic, this.ground, held).map((brokers) => [...brokers]);
    const limits = this.leaderLimits(topic.partitions);
    const inAll = this.leaderLimits(topic.partitions + led.reduce((sum, one) => sum + one, 0));
    spreadLeaders(
      replicas,
      limits.map((limit, broker) => Math.min(limit, inAll[broker] - led[broker])),
    );
    return this.toIds(replicas);
  }

  /**
   * The placement of everything after brokers joined, left or changed, with as few moves as that takes: what brokers
   * that left held is placed anew, those that `joined` are filled up to their shares, no broker stays above its bound.
   */
  rebalance(
    partitions: readonly PlacedPartition[],
    joined: readonly number[] = [],
  ): readonly BrokerIds[] {
    const indexOf = new Map(this.brokerIds.map((id, index) => [id, index]));
    const sorted = partitions
      .map((partition, position) => ({ partition, position }))
      .sort((one, other) => compare(one.partition, other.partition));
    const replicas = moveReplicas(
      sorted.map(({ partition }) => ({
        ...partition,
        replicas: partition.replicas.flatMap((id) => indexOf.get(id) ?? []),
        replicationFactor: partition.replicas.length,
      })),
      this.ground,
      joined.flatMap((id) => indexOf.get(id) ?? []),
    );
    spreadLeaders(replicas, this.leaderLimits(partitions.length));
    const moved = this.toIds(replicas);
    const result: BrokerIds[] = [];
    sorted.forEach(({ position }, index) => (result[position] = moved[index]));
    return result;
  }

  /** Leading is shared by weight alone: racks do not matter for it. */
  private leaderLimits(partitions: number): readonly number[] {
    const { weights } = this.ground;
    const perWeight = partitions / weights.reduce((sum, weight) => sum + weight, 0);
    return weights.map((weight) => boundOf(perWeight * weight, LEADER_BOUND));
  }

  private perBroker(counts: ReadonlyMap<number, number>): readonly number[] {
    return this.ground.ring.members.map(({ id }) => counts.get(id) ?? 0);
  }

  private toIds(replicas: readonly (readonly number[])[]): readonly BrokerIds[] {
    const { members } = this.ground.ring;
    return replicas.map((brokers) => brokers.map((broker) => members[broker].id));
  }
}

function compare(one: PlacedPartition, other: PlacedPartition): number {
  if (one.topic !== other.topic) return one.topic < other.topic ? -1 : 1;
  return one.partition - other.partition;
}
