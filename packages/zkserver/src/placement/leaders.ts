// Who stands first in a partition's list: the preferred leader. Replicas stay where they are; only their order changes,
// so that every broker leads its share.
//
// A broker above its limit hands a partition to a replica whose broker has room; when none has, over a chain of brokers
// that each pass one on (breadth first, so the chain is short). No chain means that no order is better.

/** Reorders in place. `limits`: for each broker how many of these partitions it may lead. */
export function spreadLeaders(partitions: number[][], limits: readonly number[]): void {
  const led = new LedPartitions(partitions, limits.length);
  partitions.forEach((replicas, partition) => {
    led.add(partition, firstWithRoom(replicas, led, limits));
  });
  for (let broker = 0; broker < limits.length; broker++) {
    while (led.count(broker) > limits[broker]) {
      const chain = chainToRoom(broker, led, limits);
      if (chain === undefined) break;
      for (const { partition, to } of chain.toReversed()) led.move(partition, to);
    }
  }
  partitions.forEach((replicas, partition) => moveToFront(replicas, led.leaderOf(partition)));
}

interface Handover {
  readonly partition: number;
  readonly from: number;
  readonly to: number;
}

/** The first in ring order below its limit; otherwise the one that is least above. */
function firstWithRoom(
  replicas: readonly number[],
  led: LedPartitions,
  limits: readonly number[],
): number {
  const excess = (broker: number): number => led.count(broker) + 1 - limits[broker];
  const free = replicas.find((broker) => excess(broker) <= 0);
  if (free !== undefined) return free;
  return replicas.reduce((best, broker) => (excess(broker) < excess(best) ? broker : best));
}

function chainToRoom(
  start: number,
  led: LedPartitions,
  limits: readonly number[],
): readonly Handover[] | undefined {
  const reachedBy = new Map<number, Handover | undefined>([[start, undefined]]);
  for (const from of reachedBy.keys()) {
    for (const [to, partition] of led.successors(from)) {
      if (reachedBy.has(to)) continue;
      reachedBy.set(to, { partition, from, to });
      if (led.count(to) < limits[to]) return chainOf(to, reachedBy);
    }
  }
  return undefined;
}

function chainOf(
  end: number,
  reachedBy: ReadonlyMap<number, Handover | undefined>,
): readonly Handover[] {
  const chain: Handover[] = [];
  for (let step = reachedBy.get(end); step !== undefined; step = reachedBy.get(step.from))
    chain.unshift(step);
  return chain;
}

function moveToFront(replicas: number[], leader: number): void {
  replicas.splice(replicas.indexOf(leader), 1);
  replicas.unshift(leader);
}

class LedPartitions {
  private readonly byBroker: Set<number>[];
  private readonly leaders: number[] = [];

  constructor(
    private readonly partitions: readonly (readonly number[])[],
    brokers: number,
  ) {
    this.byBroker = Array.from({ length: brokers }, () => new Set());
  }

  count(broker: number): number {
    return this.byBroker[broker].size;
  }

  leaderOf(partition: number): number {
    return this.leaders[partition];
  }

  add(partition: number, broker: number): void {
    this.byBroker[broker].add(partition);
    this.leaders[partition] = broker;
  }

  move(partition: number, to: number): void {
    this.byBroker[this.leaders[partition]].delete(partition);
    this.add(partition, to);
  }

  /** Each broker to which this one can hand a partition, with the first such partition. */
  successors(broker: number): ReadonlyMap<number, number> {
    const found = new Map<number, number>();
    for (const partition of this.byBroker[broker])
      for (const other of this.partitions[partition])
        if (other !== broker && !found.has(other)) found.set(other, partition);
    return found;
  }
}
