// Places the partitions of a new topic: ring order, bounded by load, racks kept apart. The order of the replicas within
// a partition is the business of leaders.ts.
import { assert } from '@zhumq/base';
import { REPLICA_BOUND, boundOf, fairShares } from './fair-share.js';
import type { HashRing } from './hash-ring.js';
import { keyHash } from './key-hash.js';
import type { Racks } from './racks.js';
import { Room } from './room.js';

export interface NewTopic {
  readonly topic: string;
  readonly partitions: number;
  readonly replicationFactor: number;
}

/** The brokers to place on; all lists below are in the order of `ring.members`. */
export interface Ground {
  readonly ring: HashRing;
  readonly racks: Racks;
  readonly weights: readonly number[];
}

/** For each partition the brokers (as indexes) in ring order. `held`: replicas that the brokers have already. */
export function placeReplicas(
  topic: NewTopic,
  ground: Ground,
  held: readonly number[],
): readonly (readonly number[])[] {
  const { partitions, replicationFactor } = topic;
  assert(replicationFactor >= 1 && replicationFactor <= ground.weights.length, 'too few brokers');
  const room = roomFor(topic, ground, held);
  return Array.from({ length: partitions }, (_, partition) => {
    const key = keyHash('partition', topic.topic, partition);
    return choose(key, ground.ring, room, replicationFactor, partitions - partition - 1);
  });
}

/** Shares of one topic, and of everything, so that neither a single topic nor their sum weighs on one broker. */
function roomFor(topic: NewTopic, ground: Ground, held: readonly number[]): Room {
  const { partitions, replicationFactor } = topic;
  const perRack = ground.racks.replicasPerRack(replicationFactor);
  const total = partitions * replicationFactor;
  const shares = fairShares(ground.weights, ground.racks, {
    total,
    perBroker: partitions,
    perRack: partitions * perRack,
  });
  const ofTopic = shares.map((share) => Math.min(partitions, boundOf(share, REPLICA_BOUND)));
  const weight = ground.weights.reduce((sum, one) => sum + one, 0);
  const perWeight = (total + held.reduce((sum, one) => sum + one, 0)) / weight;
  const within = roomAt(perWeight, ofTopic, ground, held);
  // A broker that joined lately is far below its share, and can not take two replicas of one partition: then the others
  // must take more than the bound, each as little as possible.
  for (let level = perWeight; ; level *= 1.02) {
    const free = roomAt(level, ofTopic, ground, held);
    const room = new Room(ground.racks, free, within, perRack, replicationFactor);
    if (room.sufficesFor(partitions)) return room;
  }
}

/** For each broker what it may take, when the bound of everything is computed from that many replicas per weight. */
function roomAt(
  perWeight: number,
  ofTopic: readonly number[],
  ground: Ground,
  held: readonly number[],
): readonly number[] {
  return ofTopic.map((most, broker) => {
    const inAll = boundOf(perWeight * ground.weights[broker], REPLICA_BOUND) - held[broker];
    return Math.max(0, Math.min(most, inAll));
  });
}

function choose(key: bigint, ring: HashRing, room: Room, count: number, later: number): number[] {
  const chosen: number[] = [];
  if (room.isRaised) {
    pick(key, ring, room, count, chosen, (broker) => room.hasPlenty(broker, later));
    pick(key, ring, room, count, chosen, (broker) => room.isWithinBound(broker));
  }
  pick(key, ring, room, count, chosen);
  if (chosen.length === count && room.sufficesFor(later)) return chosen;
  for (const broker of chosen.splice(0)) room.giveBack(broker);
  // Those that cost nothing of the room for the later partitions first, each time in ring order.
  while (chosen.length < count) {
    const before = chosen.length;
    pick(key, ring, room, before + 1, chosen, (broker) => room.isSpare(broker, later));
    if (chosen.length === before) pick(key, ring, room, before + 1, chosen);
    assert(chosen.length > before, 'the room was checked before');
  }
  return chosen;
}

/** Adds the nearest brokers that fit and are wanted, up to `count` in all. */
function pick(
  key: bigint,
  ring: HashRing,
  room: Room,
  count: number,
  chosen: number[],
  isWanted: (broker: number) => boolean = () => true,
): void {
  if (chosen.length >= count) return;
  ring.walk(key, (broker) => {
    if (room.fits(broker, chosen) && isWanted(broker)) {
      room.take(broker);
      chosen.push(broker);
    }
    return chosen.length < count;
  });
}
