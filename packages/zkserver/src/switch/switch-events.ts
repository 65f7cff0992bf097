// What can happen to a switch of modes: the wishes of people, and what the runner of a saga brings back from the brokers.
// Decided by decide-switch.ts; see docs/replication.md, "Switching modes".
import type { EpochOffset, ReplicationMode } from '@zhumq/model';

/** One saga in one generation: what happened in an earlier generation says nothing about this one. */
export interface SagaRef {
  readonly topicId: string;
  readonly partition: number;
  readonly generation: number;
  /** Identity of the intent. */
  readonly transitionId: string;
}

/** What a voter said when it closed: it takes no part in that generation any more. */
export interface CloseAnswer {
  readonly replicaId: string;
  readonly broker: number;
  readonly incarnation: number;
  /** Largest term that it has seen. */
  readonly epoch: number;
  /** Epoch of its last record and the offset after it. */
  readonly end: EpochOffset;
  readonly tainted: boolean;
}

export type SwitchEvent =
  | {
      readonly kind: 'switch-wanted';
      readonly topic: string;
      readonly partition: number;
      readonly to: ReplicationMode;
    }
  | {
      readonly kind: 'topic-switch-wanted';
      readonly topic: string;
      readonly to: ReplicationMode;
      /** 0: the default. */
      readonly parallel: number;
    }
  /** Mode raft: the seal is committed. */
  | { readonly kind: 'group-sealed'; readonly saga: SagaRef }
  /** Mode fetch: the seal is on disk on these replicas. */
  | {
      readonly kind: 'isr-sealed';
      readonly saga: SagaRef;
      /** Of the record on which the call was based. */
      readonly version: number;
      readonly seal: EpochOffset;
      readonly replicas: readonly string[];
    }
  | {
      readonly kind: 'group-closed';
      readonly saga: SagaRef;
      readonly answers: readonly CloseAnswer[];
      /** Date and time, for people. */
      readonly at: string;
    }
  | {
      readonly kind: 'switch-given-up';
      readonly saga: SagaRef;
      readonly reason: string;
      /** False only when no seal call was ever made for this intent. */
      readonly mayBeSealed: boolean;
    }
  /** Mode raft: nobody leads, and the untainted voters are no majority (rule 16). */
  | {
      readonly kind: 'recovery-wanted';
      readonly topicId: string;
      readonly partition: number;
      readonly generation: number;
    };
