// Which brokers share a failure domain, and how many replicas of one partition a domain may hold.

export interface RackMember {
  readonly id: number;
  /** Empty when not set: then the broker is a rack of its own. */
  readonly rack: string;
}

export class Racks {
  /** Of each broker, in the order given, the index of its rack. */
  readonly rackOf: readonly number[];
  /** Of each rack the indexes of its brokers. */
  readonly members: readonly (readonly number[])[];

  constructor(brokers: readonly RackMember[]) {
    const indexes = new Map<string, number>();
    this.rackOf = brokers.map((broker) => {
      const name = broker.rack === '' ? `alone ${broker.id}` : `rack ${broker.rack}`;
      const index = indexes.get(name) ?? indexes.size;
      indexes.set(name, index);
      return index;
    });
    const members: number[][] = Array.from(indexes, () => []);
    this.rackOf.forEach((rack, broker) => members[rack].push(broker));
    this.members = members;
  }

  /**
   * The most replicas of one partition in a rack: as few as the sizes of the racks allow, so 1 when there are as many
   * racks as replicas.
   */
  replicasPerRack(replicationFactor: number): number {
    for (let limit = 1; limit < replicationFactor; limit++) {
      const places = this.members.reduce((sum, { length }) => sum + Math.min(length, limit), 0);
      if (places >= replicationFactor) return limit;
    }
    return replicationFactor;
  }
}
