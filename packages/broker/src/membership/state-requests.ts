// Asks the zkserver what this broker must hold: after each registration, and when a replica met a newer epoch than it was
// told of. The zkserver tells changes by itself, but what it decided before it knew of this broker must be asked for.
import type { Clock, Logger, Timer } from '@zhumq/base';
import type { DesiredState } from '@zhumq/rpc';
import type { ZkServerLink } from './zkserver-link.js';

export interface StateRequestsOptions {
  readonly brokerId: number;
  readonly incarnation: number;
  readonly link: Pick<ZkServerLink, 'callActive'>;
  readonly apply: (state: DesiredState) => Promise<unknown>;
  readonly clock: Clock;
  readonly logger: Logger;
}

export class StateRequests {
  private readonly stop = new AbortController();
  private asking = false;
  private wanted = false;
  private pause: Timer | undefined;

  constructor(private readonly options: StateRequestsOptions) {}

  /** Many replicas may want to know at once: one call answers them all, and no two calls follow closely. */
  ask(): void {
    this.wanted = true;
    if (!this.asking && this.pause === undefined) void this.run();
  }

  close(): void {
    this.stop.abort();
    this.pause?.cancel();
  }

  private async run(): Promise<void> {
    const { brokerId: broker, incarnation, link, apply, clock, logger } = this.options;
    const { signal } = this.stop;
    if (signal.aborted) return;
    this.wanted = false;
    this.asking = true;
    try {
      await apply(
        await link.callActive((client) => client.desiredState({ broker, incarnation }), signal),
      );
    } catch (error) {
      if (!signal.aborted)
        logger.error(
          { err: error },
          'could not get or apply the desired state; the zkserver will send it',
        );
    }
    this.asking = false;
    if (signal.aborted) return;
    this.pause = clock.after(PAUSE_MS, () => {
      this.pause = undefined;
      if (this.wanted) void this.run();
    });
  }
}

/** Between two calls. */
const PAUSE_MS = 1_000;
