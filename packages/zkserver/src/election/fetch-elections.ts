// All that the active zkserver does about leaders in mode fetch besides deciding: one door for the controller.
import type { Clock, Logger, Random } from '@zhumq/base';
import type { ChannelPool } from '@zhumq/rpc';
import type { ClusterView } from '../view/cluster-view.js';
import { Elector } from './elector.js';
import type { ElectorOptions } from './elector.js';
import type { Resignation } from './events.js';
import { LeaderMover } from './leader-mover.js';
import type { Move } from './leader-mover.js';
import { ReplicaEnds } from './replica-ends.js';

export interface FetchElectionsOptions extends Pick<
  ElectorOptions,
  'submit' | 'onElection' | 'isAwaited'
> {
  readonly channels: ChannelPool;
  readonly controllerEpoch: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly balanceIntervalMs: number;
}

/** How long a broker may take to sync its replicas and to say how far they go. */
const ANSWER_TIMEOUT_MS = 1000;

export class FetchElections {
  private readonly elector: Elector;
  private readonly mover: LeaderMover;
  private view: ClusterView | undefined;

  constructor(options: FetchElectionsOptions) {
    const { channels, controllerEpoch, logger } = options;
    const ends = new ReplicaEnds({
      ...{ channels, controllerEpoch, timeoutMs: ANSWER_TIMEOUT_MS },
      onSilence: (broker, error) => {
        // One that left meanwhile is missed by nobody.
        if (this.view?.liveBrokers.has(broker) !== true) return;
        logger.warn({ err: error, broker }, 'the broker did not say how far its replicas go');
      },
    });
    this.elector = new Elector({ ...options, ends });
    this.mover = new LeaderMover({ ...options, ends, view: () => this.view });
  }

  /** To be called with every new view. */
  follow(view: ClusterView): void {
    this.view = view;
    this.elector.follow(view);
  }

  /** To be called before they are written down. */
  expectResigned(resignations: readonly Resignation[]): void {
    this.elector.expectResigned(resignations);
  }

  /** Throws when the partition stays with its leader. */
  move(move: Move): Promise<void> {
    return this.mover.move(move);
  }

  /** Nothing is asked or decided any more once it returns. */
  stop(): void {
    this.elector.stop();
    this.mover.stop();
  }
}
