// Moves replicas after the set of brokers changed, as few as that takes. Placing everything anew from the ring alone
// would move more: the bounds of all brokers change a little, and every replica above one of them cascades.
import { REPLICA_BOUND, boundToKeep, fairShares } from './fair-share.js';
import { keyHash } from './key-hash.js';
import type { Ground } from './place-topic.js';

/** A partition as it is placed now; brokers that left may be among `replicas`. */
export interface PlacedPartition {
  readonly topic: string;
  readonly partition: number;
  /** Broker ids, the preferred leader first. */
  readonly replicas: readonly number[];
}

interface Known extends PlacedPartition {
  /** Indexes of brokers, without those that left. */
  readonly replicas: readonly number[];
  readonly replicationFactor: number;
}

/** `joined`: brokers that are filled up to their share; the others only give, unless a replica needs a new place. */
export function moveReplicas(
  partitions: readonly Known[],
  ground: Ground,
  joined: readonly number[],
): number[][] {
  const moving = new Moving(partitions, ground);
  moving.fillHoles();
  joined.forEach((broker) => moving.fillUp(broker));
  moving.relieveRich();
  return moving.replicas;
}

class Moving {
  readonly replicas: number[][];
  private readonly keys: readonly bigint[];
  private readonly held: number[];
  private readonly shares: readonly number[];
  private readonly limits: readonly number[];

  constructor(
    private readonly partitions: readonly Known[],
    private readonly ground: Ground,
  ) {
    this.replicas = partitions.map(({ replicas }) => [...replicas]);
    this.keys = partitions.map(({ topic, partition }) => keyHash('partition', topic, partition));
    this.held = ground.weights.map(() => 0);
    for (const broker of this.replicas.flat()) this.held[broker]++;
    this.shares = sharesOf(partitions, ground);
    this.limits = this.shares.map((share) => boundToKeep(share, REPLICA_BOUND));
  }

  /** Replicas of brokers that left go to the next broker of the ring that has room, or else to the least loaded. */
  fillHoles(): void {
    this.partitions.forEach(({ replicationFactor }, partition) => {
      const wanted = Math.min(replicationFactor, this.limits.length);
      while (this.replicas[partition].length < wanted) {
        const order = this.ringOrder(partition).filter(
          (broker) => !this.replicas[partition].includes(broker),
        );
        const apart = order.filter((broker) => this.isApart(partition, broker));
        const next =
          apart.find((broker) => this.held[broker] < this.limits[broker]) ??
          this.emptiest(apart.length > 0 ? apart : order);
        this.replicas[partition].push(next);
        this.held[next]++;
      }
    });
  }

  /** Takes the partitions nearest to the broker's points, each from its most loaded holder. */
  fillUp(poor: number): void {
    const near = this.nearestTo(poor);
    // First from those above their bound, then from all above their share.
    for (const most of [this.limits, this.shares]) {
      for (const partition of near) {
        if (this.held[poor] + 1 > this.shares[poor]) return;
        const donor = this.richestHolder(partition, poor, most);
        if (donor !== undefined) this.move(partition, donor, poor);
      }
    }
  }

  /** What is above a bound goes to the emptiest broker that may hold it. */
  relieveRich(): void {
    for (let partition = 0; partition < this.replicas.length; partition++) {
      for (const rich of [...this.replicas[partition]]) {
        if (this.held[rich] <= this.limits[rich]) continue;
        const takers = this.ringOrder(partition).filter(
          (broker) =>
            this.held[broker] < this.limits[broker] &&
            !this.replicas[partition].includes(broker) &&
            this.isApart(partition, broker, rich),
        );
        if (takers.length > 0) this.move(partition, rich, this.emptiest(takers));
      }
    }
  }

  private richestHolder(
    partition: number,
    taker: number,
    most: readonly number[],
  ): number | undefined {
    if (this.replicas[partition].includes(taker)) return undefined;
    const donors = this.replicas[partition].filter(
      (broker) => this.held[broker] > most[broker] && this.isApart(partition, taker, broker),
    );
    if (donors.length === 0) return undefined;
    return donors.reduce((best, broker) => (this.fill(broker) > this.fill(best) ? broker : best));
  }

  /** Whether the broker's rack has a place in the partition, when `leaving` goes. */
  private isApart(partition: number, broker: number, leaving?: number): boolean {
    const { racks } = this.ground;
    const rack = racks.rackOf[broker];
    const staying = this.replicas[partition].filter((other) => other !== leaving);
    const inRack = staying.filter((other) => racks.rackOf[other] === rack).length;
    return inRack < racks.replicasPerRack(this.partitions[partition].replicationFactor);
  }

  private nearestTo(broker: number): readonly number[] {
    const { ring } = this.ground;
    return this.keys
      .map((key, partition) => ({ partition, distance: ring.distance(key, broker) }))
      .sort((one, other) => (one.distance < other.distance ? -1 : 1))
      .map(({ partition }) => partition);
  }

  private ringOrder(partition: number): readonly number[] {
    const order: number[] = [];
    this.ground.ring.walk(this.keys[partition], (broker) => order.push(broker) > 0);
    return order;
  }

  private emptiest(brokers: readonly number[]): number {
    return brokers.reduce((best, broker) => (this.fill(broker) < this.fill(best) ? broker : best));
  }

  private fill(broker: number): number {
    return this.held[broker] / this.shares[broker];
  }

  private move(partition: number, from: number, to: number): void {
    const replicas = this.replicas[partition];
    replicas[replicas.indexOf(from)] = to;
    this.held[from]--;
    this.held[to]++;
  }
}

function sharesOf(partitions: readonly Known[], ground: Ground): readonly number[] {
  const { weights, racks } = ground;
  let total = 0;
  let perRack = 0;
  for (const { replicationFactor } of partitions) {
    const replicas = Math.min(replicationFactor, weights.length);
    total += replicas;
    perRack += racks.replicasPerRack(replicas);
  }
  return fairShares(weights, racks, { total, perBroker: partitions.length, perRack });
}
