// The replica that should lead does not wait for an election timeout: it asks for votes at once, and again with every
// heartbeat interval, because the others may enter the generation a little later. A pre-vote disturbs nobody. After one
// election timeout, or once anybody leads, it is a replica like the others.
import type { RaftCore } from '@zhumq/raft';

export interface StandingOptions {
  readonly preferred: boolean;
  readonly timings: { readonly electionTicks: number; readonly heartbeatTicks: number };
}

export class Standing {
  private ticksLeft: number;
  private ticks = 0;

  constructor(
    private readonly core: RaftCore,
    private readonly options: StandingOptions,
  ) {
    this.ticksLeft = options.preferred ? options.timings.electionTicks : 0;
  }

  /** The replica may speak now. */
  begin(): void {
    this.stand();
  }

  tick(): void {
    if (this.ticksLeft === 0) return;
    this.ticksLeft--;
    if (++this.ticks % this.options.timings.heartbeatTicks === 0) this.stand();
  }

  heard(leader: string | undefined): void {
    if (leader !== undefined) this.ticksLeft = 0;
  }

  private stand(): void {
    const { leader, role } = this.core;
    if (this.ticksLeft === 0 || leader !== undefined) return;
    // A candidate's votes are on their way: standing anew would throw them away.
    if (role === 'follower' || role === 'preCandidate') this.core.campaign();
  }
}
