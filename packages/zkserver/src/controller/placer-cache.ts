// Keeps the last placer: its ring takes long to build and stays the same until a broker comes, goes or changes.
import { Placer } from '../placement/placer.js';
import type { PlacementBroker } from '../placement/placer.js';

export class PlacerCache {
  private key = '';
  private placer: Placer | undefined;

  constructor(private readonly vnodes: number) {}

  placerFor(brokers: readonly PlacementBroker[]): Placer {
    const plain = brokers
      .map(({ id, rack, weight }) => ({ id, rack, weight }))
      .sort((one, other) => one.id - other.id);
    const key = JSON.stringify(plain);
    if (this.placer !== undefined && key === this.key) return this.placer;
    this.key = key;
    this.placer = new Placer(plain, this.vnodes);
    return this.placer;
  }
}
