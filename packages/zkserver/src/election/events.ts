// What happens to partitions in mode fetch, as events for the deciding: answers to an election's question, wishes of
// leaders, resignations.

export interface PartitionKey {
  readonly topicId: string;
  readonly partition: number;
}

/** How far a replica's log goes, as its broker told. */
export interface ReplicaAnswer {
  readonly replicaId: string;
  readonly broker: number;
  readonly incarnation: number;
  /** Largest epoch that it has seen. */
  readonly epoch: number;
  readonly logEnd: { readonly epoch: number; readonly offset: number };
  /** It may lack what it acknowledged. */
  readonly tainted: boolean;
}

/** What is known when a leader is to be elected. */
export interface Election extends PartitionKey {
  /** Of the record on which the question was based. */
  readonly version: number;
  readonly answers: readonly ReplicaAnswer[];
  /** Replicas whose broker is alive and said that they are out of service. */
  readonly outOfService: readonly string[];
  /** Broker whose leader resigned: it comes last among equals, because it may be about to stop. */
  readonly resigned: number | undefined;
  /** Broker that is to lead although a leader is alive; undefined: the best one, because none is. */
  readonly wanted: number | undefined;
}

export interface IsrMember {
  readonly replicaId: string;
  /** Of its broker, when it caught up; -1 for a present member that was not heard of. */
  readonly incarnation: number;
}

/** The leader of a partition wants another ISR. */
export interface IsrWish extends PartitionKey {
  readonly generation: number;
  readonly epoch: number;
  readonly broker: number;
  readonly incarnation: number;
  /** Of the record on which it is based. */
  readonly version: number;
  /** The whole of it, the leader included. */
  readonly isr: readonly IsrMember[];
}

/** A leader gives up its epoch. */
export interface Resignation extends PartitionKey {
  readonly generation: number;
  readonly epoch: number;
  readonly broker: number;
  readonly incarnation: number;
}

export interface LeadersElected {
  readonly kind: 'leaders-elected';
  readonly elections: readonly Election[];
  /** Milliseconds since 1970, for the report of a possible loss. */
  readonly atMs: number;
}

export type ElectionEvent =
  | LeadersElected
  | { readonly kind: 'isr-changes-wanted'; readonly changes: readonly IsrWish[] }
  | { readonly kind: 'leaders-resigned'; readonly resignations: readonly Resignation[] };
