// The effects that wait for the driver, in the order in which it must carry them out.
import type { Effect } from './types.js';

export class Outbox {
  private effects: Effect[] = [];

  get empty(): boolean {
    return this.effects.length === 0;
  }

  add(effect: Effect): void {
    this.effects.push(effect);
  }

  take(): Effect[] {
    const taken = this.effects;
    this.effects = [];
    return taken;
  }
}
