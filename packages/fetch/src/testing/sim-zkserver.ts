// The zkserver as decision 13 has it, for one partition: elections by asking, compare-and-set of the ISR. What it decides
// is atomic; the ways to and from it are the cluster's.
import type { Effect, PartitionState, ReplicaId } from '../types.js';

export type Proposal = Extract<Effect, { kind: 'proposeIsr' }>;

/** What a live replica answers to "how far does your log go?". */
export interface EndAnswer {
  readonly replica: ReplicaId;
  readonly incarnation: number;
  readonly lastEpoch: number;
  readonly end: number;
  readonly tainted: boolean;
}

export class SimZkserver {
  /** All states there ever were, the present one last. */
  readonly history: PartitionState[];
  readonly registered = new Map<ReplicaId, number>();
  /** Left the ISR when it was small; they have everything that is committed. */
  elr: readonly ReplicaId[] = [];

  constructor(replicas: readonly ReplicaId[], minInsyncReplicas: number, epoch = 0) {
    const state = { version: 0, epoch, leader: undefined, lossEpoch: 0 };
    this.history = [{ ...state, replicas, isr: replicas, minInsyncReplicas }];
    for (const replica of replicas) this.registered.set(replica, 1);
  }

  get state(): PartitionState {
    return this.history[this.history.length - 1] as PartitionState;
  }

  /** Members whose answers an election wants. */
  get electors(): readonly ReplicaId[] {
    return [...new Set([...this.state.isr, ...this.elr])];
  }

  /** False when the answers allow nobody, or the state has moved on since they were asked for. */
  elect(version: number, answers: readonly EndAnswer[]): boolean {
    const { state } = this;
    if (version !== state.version) return false;
    const clean = answers.filter(({ tainted }) => !tainted);
    const fromIsr = largest(clean.filter(({ replica }) => state.isr.includes(replica)));
    if (fromIsr !== undefined) {
      this.grant(fromIsr, state.isr, state.lossEpoch);
      return true;
    }
    const fromElr = largest(clean.filter(({ replica }) => this.elr.includes(replica)));
    if (fromElr !== undefined) {
      this.elr = this.electors.filter((member) => member !== fromElr.replica);
      this.grant(fromElr, [fromElr.replica], state.lossEpoch);
      return true;
    }
    const lost = largest(answers);
    const all = this.electors.every((member) => answers.some(({ replica }) => replica === member));
    if (lost === undefined || !all) return false;
    this.elr = [];
    this.grant(lost, [lost.replica], state.epoch + 1);
    return true;
  }

  /** Carries a proposal out, or refuses it. */
  changeIsr(from: ReplicaId, incarnation: number, proposal: Proposal): boolean {
    const { state } = this;
    const leads = state.leader?.replica === from && state.leader.incarnation === incarnation;
    if (!leads || proposal.version !== state.version) return false;
    for (const member of proposal.isr) {
      const unheard = member.incarnation === -1 && state.isr.includes(member.replica);
      const present = this.registered.get(member.replica) === member.incarnation;
      if (!unheard && !present) return false;
    }
    const isr = proposal.isr.map(({ replica }) => replica);
    const small = isr.length < state.minInsyncReplicas;
    this.elr = small ? this.electors.filter((member) => !isr.includes(member)) : [];
    this.write({ ...state, isr });
    return true;
  }

  /** Nobody leads until the next election. */
  vacate(): void {
    this.write({ ...this.state, epoch: this.state.epoch + 1, leader: undefined });
  }

  write(next: PartitionState): void {
    this.history.push({ ...next, version: this.state.version + 1 });
  }

  private grant(chosen: EndAnswer, isr: readonly ReplicaId[], lossEpoch: number): void {
    const { replica, incarnation } = chosen;
    const epoch = this.state.epoch + 1;
    this.write({ ...this.state, epoch, leader: { replica, incarnation }, isr, lossEpoch });
  }
}

function largest(answers: readonly EndAnswer[]): EndAnswer | undefined {
  return [...answers].sort(
    (left, right) => right.lastEpoch - left.lastEpoch || right.end - left.end,
  )[0];
}
