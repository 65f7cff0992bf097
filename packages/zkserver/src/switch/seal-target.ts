// Whom to ask for a seal. In mode fetch that is the recorded leader and nobody else. In mode raft the record may lag
// behind an election: a broker that says who leads is believed for one try, and without a word the replicas are asked in
// turn.
import { isError } from '@zhumq/model';
import type { BrokerRegistration, PartitionRecord } from '@zhumq/model';
import type { ClusterView } from '../view/cluster-view.js';

export class SealTarget {
  private hint: number | undefined;
  private tries = 0;
  private askedLeader: string | undefined;

  /** undefined when nobody can be asked now. */
  next(record: PartitionRecord, { liveBrokers }: ClusterView): BrokerRegistration | undefined {
    const { leader, mode, replicas } = record;
    const recorded = leader && liveBrokers.get(leader.broker);
    if (mode === 'fetch') {
      return recorded?.incarnation === leader?.incarnation ? recorded : undefined;
    }
    const { hint } = this;
    this.hint = undefined;
    if (hint !== undefined && liveBrokers.has(hint)) return liveBrokers.get(hint);
    const life = `${leader?.broker} ${record.epoch}`;
    if (recorded !== undefined && this.askedLeader !== life) {
      this.askedLeader = life;
      return recorded;
    }
    const live = replicas.filter(({ broker }) => liveBrokers.has(broker));
    if (live.length === 0) return undefined;
    return liveBrokers.get(live[this.tries++ % live.length].broker);
  }

  failed(broker: BrokerRegistration, { replicas }: PartitionRecord, error: unknown): void {
    if (!isError(error, 'NOT_LEADER')) return;
    const named = Number(error.context.leader ?? -1);
    if (named !== broker.id && replicas.some((replica) => replica.broker === named)) {
      this.hint = named;
    }
  }
}
