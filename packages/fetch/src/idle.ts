// A replica that neither leads nor follows. What it must say to get out of that is repeated, because calls get lost.
import type { Replica } from './replica.js';
import type { RoleState } from './role.js';
import type { Effect } from './types.js';

export class Idle implements RoleState {
  readonly role = 'idle';
  private ticks = 0;

  /** @param plea said again every `retryTicks`; undefined: the next state is awaited in silence. */
  constructor(
    private readonly replica: Replica,
    private readonly plea: Effect | undefined,
  ) {}

  tick(): void {
    if (this.plea === undefined) return;
    this.ticks += 1;
    if (this.ticks % this.replica.config.retryTicks === 0) this.replica.outbox.add(this.plea);
  }

  logSynced(): void {
    // Nobody to tell; the next leader hears the position.
  }
}
