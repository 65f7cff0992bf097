// How much room is left while the partitions of a topic are placed one after the other, and whether it suffices for
// those still to come. Without looking ahead a greedy choice can end with room on brokers that all hold the last
// partition already.
//
// With m partitions still to place, rack r can take C(r, m) = min(m x perRack, sum over its brokers of min(free, m))
// replicas, and all of them can be placed exactly when the sum of C(r, m) is at least m x replicationFactor (the cut of
// the flow partition -> rack -> broker; the partitions are alike).
import type { Racks } from './racks.js';

export class Room {
  /** For each broker how many replicas it may still take. */
  private readonly free: number[];
  /** The same as long as the bound had not been raised; less than 0 for a broker that took more than that. */
  private readonly within: number[];
  /** Whether the bound had to be raised. */
  readonly isRaised: boolean;

  constructor(
    private readonly racks: Racks,
    free: readonly number[],
    within: readonly number[],
    private readonly perRack: number,
    private readonly replicationFactor: number,
  ) {
    this.free = [...free];
    this.within = [...within];
    this.isRaised = free.some((count, broker) => count > within[broker]);
  }

  sufficesFor(partitions: number): boolean {
    let places = 0;
    for (const members of this.racks.members)
      places += Math.min(partitions * this.perRack, this.inRack(members, partitions));
    return places >= partitions * this.replicationFactor;
  }

  /** Whether the broker may take a replica of a partition that the `chosen` hold. */
  fits(broker: number, chosen: readonly number[]): boolean {
    if (this.free[broker] <= 0 || chosen.includes(broker)) return false;
    const rack = this.racks.rackOf[broker];
    let inRack = 0;
    for (const other of chosen) if (this.racks.rackOf[other] === rack) inRack++;
    return inRack < this.perRack;
  }

  /**
   * Whether a replica on this broker costs nothing of the room for the `later` partitions: the broker, or its rack, has
   * more than these could use.
   */
  isSpare(broker: number, later: number): boolean {
    if (this.free[broker] > later) return true;
    const members = this.racks.members[this.racks.rackOf[broker]];
    return this.inRack(members, later) > later * this.perRack;
  }

  /** Whether a replica more leaves it within the bound that had to be raised. */
  isWithinBound(broker: number): boolean {
    return this.within[broker] > 0;
  }

  /** Whether it must take this partition to come as near to its share as it can. */
  hasPlenty(broker: number, later: number): boolean {
    return this.within[broker] > later;
  }

  take(broker: number): void {
    this.free[broker]--;
    this.within[broker]--;
  }

  giveBack(broker: number): void {
    this.free[broker]++;
    this.within[broker]++;
  }

  private inRack(members: readonly number[], partitions: number): number {
    let places = 0;
    for (const broker of members) places += Math.min(this.free[broker], partitions);
    return places;
  }
}
