// The effects that wait for the driver, in the order in which it must carry them out.
import type { Effect, Message } from './types.js';

export class Outbox {
  private effects: Effect[] = [];

  add(effect: Effect): void {
    this.effects.push(effect);
  }

  send(message: Message): void {
    this.effects.push({ kind: 'send', message });
  }

  sendAfterSync(message: Message): void {
    this.effects.push({ kind: 'sendAfterSync', message });
  }

  take(): Effect[] {
    const taken = this.effects;
    this.effects = [];
    return taken;
  }
}
