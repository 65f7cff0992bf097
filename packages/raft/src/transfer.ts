// Handing leadership over: the target catches up, then is told to stand at once [Raft §3.10 of the thesis].
import type { Progress } from './progress.js';
import type { ReplicaId } from './types.js';

export class Transfer {
  private ticks = 0;
  private told = false;

  constructor(readonly to: ReplicaId) {}

  /** True once an election timeout has passed: the target did not make it, and proposals are taken again. */
  tick(electionTicks: number): boolean {
    this.ticks += 1;
    return this.ticks >= electionTicks;
  }

  /** True once, when the target has the whole log: proposals are refused meanwhile, so it stays whole. */
  maybeTell(progress: Progress, lastOffset: number): boolean {
    if (this.told || progress.matched < lastOffset) return false;
    this.told = true;
    return true;
  }
}
