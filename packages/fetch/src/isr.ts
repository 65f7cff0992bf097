// The in-sync replicas as the zkserver recorded them, and what was proposed and may yet become of them (rule 10).
//
// A proposal names the version that it is based on, so at most one of a version is carried out, and a state with a larger
// version settles all: they were carried out, or they never can be. Until then their members are counted as well:
// the zkserver may elect any of them.
import type { PartitionState, ReplicaId } from './types.js';

export class Isr {
  private inFlight: { readonly id: number; readonly members: readonly ReplicaId[] } | undefined;
  /** Members of proposals of this version to which no answer came; they stay until the next version. */
  private readonly unknown = new Set<ReplicaId>();
  /** Ticks until the next proposal may be made. */
  private pause = 0;
  private union: readonly ReplicaId[];

  constructor(
    private state: PartitionState,
    private readonly retryTicks: number,
  ) {
    this.union = state.isr;
  }

  get recorded(): readonly ReplicaId[] {
    return this.state.isr;
  }

  /** The recorded ones and every one that a proposal of unknown outcome names. */
  get maximal(): readonly ReplicaId[] {
    return this.union;
  }

  get mayPropose(): boolean {
    return this.inFlight === undefined && this.pause === 0;
  }

  /** A proposal without an answer may count somebody in who never gets there; only another version settles that. */
  get unsettled(): boolean {
    return this.unknown.size > 0;
  }

  tick(): void {
    if (this.pause > 0) this.pause -= 1;
  }

  recordedAnew(state: PartitionState): void {
    if (state.version > this.state.version) {
      this.inFlight = undefined;
      this.unknown.clear();
      this.pause = 0;
    }
    this.state = state;
    this.unite();
  }

  proposed(id: number, members: readonly ReplicaId[]): void {
    this.inFlight = { id, members };
    this.unite();
  }

  /** Refused. Had it been carried out, the next version would be known by now. */
  settled(id: number): void {
    if (this.inFlight?.id !== id) return;
    this.inFlight = undefined;
    this.pause = this.retryTicks;
    this.unite();
  }

  outcomeUnknown(id: number): void {
    if (this.inFlight?.id !== id) return;
    for (const member of this.inFlight.members) this.unknown.add(member);
    this.inFlight = undefined;
    this.pause = this.retryTicks;
    this.unite();
  }

  private unite(): void {
    const proposed = [...this.unknown, ...(this.inFlight?.members ?? [])];
    this.union = [...new Set([...this.state.isr, ...proposed])];
  }
}
