// Who leads a partition in mode fetch, given how far the logs of those that answered go. Pure; the rules are in
// docs/decisions/0013-fetch-mode.md.
import type { PartitionRecord, Replica } from '@zhumq/model';
import type { ReplicaAnswer } from './events.js';
import { electableMembers, withIsr } from './fetch-partitions.js';

export interface Candidates {
  readonly answers: readonly ReplicaAnswer[];
  /** Replicas whose broker is alive and said that they are out of service. */
  readonly outOfService: readonly string[];
  /** Broker whose leader resigned. */
  readonly resigned: number | undefined;
  readonly isAvailable: (replica: Replica) => boolean;
}

export interface ElectionRules {
  readonly minInsync: number;
  readonly uncleanLeaderElection: boolean;
}

export type Choice =
  | {
      readonly kind: 'chosen';
      readonly winner: ReplicaAnswer;
      /** With the ISR and the ELR of the new epoch. */
      readonly record: PartitionRecord;
      /** Why acknowledged records may be lost. */
      readonly loss: string | undefined;
    }
  | { readonly kind: 'none'; readonly reason: string };

/** Answers come from members of `record.replicas` in their present life. */
export function chooseLeader(
  record: PartitionRecord,
  candidates: Candidates,
  rules: ElectionRules,
): Choice {
  const { answers } = candidates;
  const clean = answers.filter(({ tainted }) => !tainted);
  const amongIsr = furthest(record, within(clean, record.isr), candidates.resigned);
  if (amongIsr !== undefined) return { kind: 'chosen', winner: amongIsr, record, loss: undefined };
  const amongElr = furthest(record, within(clean, record.elr), candidates.resigned);
  if (amongElr !== undefined) {
    const led = withIsr(record, [amongElr.replicaId], rules.minInsync);
    return { kind: 'chosen', winner: amongElr, record: led, loss: undefined };
  }
  return chooseWithLoss(record, candidates, rules);
}

/** Only of members of the ISR: a leadership that is moved on purpose costs nothing that was committed. */
export function chooseWanted(
  record: PartitionRecord,
  { answers }: Candidates,
  broker: number,
): Choice {
  const replica = record.replicas.find((one) => one.broker === broker);
  if (replica === undefined) return none(`broker ${broker} holds no replica of it`);
  if (!record.isr.includes(replica.replicaId)) {
    return none(`the replica on broker ${broker} is not in sync`);
  }
  const winner = answers.find((answer) => answer.broker === broker);
  if (winner === undefined) return none(`broker ${broker} did not answer for it`);
  if (!winner.tainted) return { kind: 'chosen', winner, record, loss: undefined };
  return none(
    `the replica on broker ${broker} may lack what it acknowledged, until it has caught up`,
  );
}

/** Nobody of ISR and ELR that answered is what it acknowledged. */
function chooseWithLoss(
  record: PartitionRecord,
  candidates: Candidates,
  rules: ElectionRules,
): Choice {
  const { answers } = candidates;
  const members = electableMembers(record);
  const answered = new Set(answers.map(({ replicaId }) => replicaId));
  const missing = members.filter(({ replicaId }) => !answered.has(replicaId));
  const ids = members.map(({ replicaId }) => replicaId);
  if (missing.length === 0 && members.length > 0) {
    const loss = 'all replicas in sync stopped uncleanly, and none is known to be whole';
    return lossOf(record, furthest(record, within(answers, ids)), loss);
  }
  const awaited = missing.filter(
    (replica) =>
      candidates.isAvailable(replica) && !candidates.outOfService.includes(replica.replicaId),
  );
  if (rules.uncleanLeaderElection && awaited.length === 0) {
    const loss = 'no replica in sync was available, and unclean.leader.election=true';
    const outsider = furthest(record, answers);
    if (outsider !== undefined) return lossOf(record, outsider, loss);
  }
  return none(
    `no replica that may lead is available; waiting for ${brokersOf(missing)}` +
      (answers.length > 0 && !rules.uncleanLeaderElection
        ? '; unclean.leader.election=true would let another one lead, at the price of acknowledged records'
        : ''),
  );
}

/** What is committed begins anew with the winner's log: nobody else is known to have it. */
function lossOf(record: PartitionRecord, winner: ReplicaAnswer | undefined, loss: string): Choice {
  if (winner === undefined) return none('nobody answered');
  return { kind: 'chosen', winner, record: { ...record, isr: [winner.replicaId], elr: [] }, loss };
}

/** Largest (epoch, end); among equals the first in the order of preference, and `last` at the end. */
function furthest(
  { replicas }: PartitionRecord,
  answers: readonly ReplicaAnswer[],
  last?: number,
): ReplicaAnswer | undefined {
  const rank = ({ replicaId, broker }: ReplicaAnswer): number =>
    broker === last
      ? replicas.length
      : replicas.findIndex((replica) => replica.replicaId === replicaId);
  return answers
    .toSorted(
      (one, other) =>
        other.logEnd.epoch - one.logEnd.epoch ||
        other.logEnd.offset - one.logEnd.offset ||
        rank(one) - rank(other),
    )
    .at(0);
}

function within(
  answers: readonly ReplicaAnswer[],
  ids: readonly string[],
): readonly ReplicaAnswer[] {
  return answers.filter(({ replicaId }) => ids.includes(replicaId));
}

function none(reason: string): Choice {
  return { kind: 'none', reason };
}

function brokersOf(replicas: readonly Replica[]): string {
  return replicas.map(({ broker }) => `broker ${broker}`).join(', ') || 'any replica';
}
