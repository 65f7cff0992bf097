// What a run leaves behind to be judged: one event a line (JSON), in the order in which the recorder saw them. It knows
// what clients saw, and what an observer may know besides; a check that needs more than is there passes over it.
// Reading and writing: read-history.ts, history-file.ts. What each check needs: docs/testing.md.

export type AckLevel = 'all' | 'leader' | 'none';
export type Mode = 'raft' | 'fetch';
/** `unknown`: nobody knows whether it happened. Never taken for a failure. */
export type Outcome = 'ok' | 'fail' | 'unknown';
/** Epoch of a group: (term of its coordinator, counter). */
export type GroupGeneration = readonly [term: number, counter: number];

interface Stamped {
  /** Milliseconds of one clock for the whole history; never falls. */
  readonly at: number;
  /** Who recorded it, where several did. */
  readonly process?: string;
}

interface Located extends Stamped {
  readonly topic: string;
  readonly partition: number;
}

interface Asked {
  /** When it was asked for, on the clock of `at`; without it: at once. */
  readonly invokedAt?: number;
}

/** First line, if any: says what is known of the whole. */
export interface HistoryHeader extends Stamped {
  readonly kind: 'history';
  readonly version: 1;
  /** Seed, test, commit: for people. */
  readonly run: string;
  /**
   * The order of lines is the order in which things happened everywhere, and every change of a leader and of a high
   * watermark is among them, as in a simulator.
   */
  readonly exact?: boolean;
}

/** A program hands a message over. */
export interface SendInvoked extends Located {
  readonly kind: 'send';
  /** Sends of one producer to one partition keep their order. */
  readonly producer: string;
  /** Stands for the record; unique in its partition. */
  readonly value: string;
  readonly key?: string;
  readonly acks: AckLevel;
  /** Program, host or connection; for people. */
  readonly client?: string;
  readonly producerId?: number;
  readonly producerEpoch?: number;
  /** True by default. Without it a value may be stored twice. */
  readonly idempotent?: boolean;
}

/** The answer to that. A send without one counts as unknown. */
export interface SendCompleted extends Located {
  readonly kind: 'sent';
  readonly producer: string;
  readonly value: string;
  readonly outcome: Outcome;
  /** Where it was stored; with outcome `ok` and acks other than `none`. */
  readonly offset?: number;
  /** Epoch of the leader that acknowledged it, and who that was. */
  readonly epoch?: number;
  readonly broker?: number;
  readonly mode?: Mode;
  /** An earlier attempt had stored it; `offset` is where. */
  readonly duplicate?: boolean;
  /** With outcome `fail` or `unknown`. */
  readonly code?: string;
  readonly retriable?: boolean;
}

/** A consumer begins (again) at a place of its own choice: what it read before says nothing about what comes next. */
export interface Sought extends Located {
  readonly kind: 'seek';
  readonly consumer: string;
  /** It reads everything that is there, after all has healed: what it does not get is not there. */
  readonly final?: boolean;
}

export type DeliveredRecord =
  | readonly [offset: number, value: string]
  | readonly [offset: number, value: string, epoch: number];

/** What a consumer was given at a time, by pull or push. */
export interface Polled extends Located {
  readonly kind: 'poll';
  /** In a group: the member. */
  readonly consumer: string;
  readonly group?: string;
  readonly delivery?: 'pull' | 'push';
  /** As the answer told it. */
  readonly highWatermark?: number;
  readonly records: readonly DeliveredRecord[];
}

/** A member reads the partition from now on, at the group's position. */
export interface Assigned extends Located {
  readonly kind: 'assign';
  readonly group: string;
  readonly member: string;
  /** In which it was granted. */
  readonly generation?: GroupGeneration;
}

/** A member does not read the partition any more. `lost`: it was taken away, without having been given up. */
export interface Revoked extends Located {
  readonly kind: 'revoke';
  readonly group: string;
  readonly member: string;
  readonly lost: boolean;
}

/** `offset`: of the next record to handle. */
export interface Committed extends Located, Asked {
  readonly kind: 'commit';
  readonly group: string;
  readonly member: string;
  readonly offset: number;
  readonly outcome: Outcome;
  readonly generation?: GroupGeneration;
}

/** What the cluster says how far a group has come; -1: it has no position. */
export interface PositionSeen extends Located, Asked {
  readonly kind: 'position';
  readonly group: string;
  readonly offset: number;
}

/** A person sets a group's position, -1: takes it away. */
export interface PositionReset extends Located {
  readonly kind: 'reset';
  readonly group: string;
  readonly offset: number;
  readonly outcome: Outcome;
}

/** A replica's high watermark, as it says. A leader says one when it has committed in its own epoch, not before. */
export interface WatermarkSeen extends Located, Asked {
  readonly kind: 'watermark';
  readonly broker: number;
  /** Number of the broker's start; high watermarks of followers may be lower in the next one. */
  readonly incarnation?: number;
  readonly role: 'leader' | 'follower';
  readonly epoch: number;
  readonly highWatermark: number;
}

/** A replica leads from now on. */
export interface Led extends Located {
  readonly kind: 'leader';
  readonly broker: number;
  readonly incarnation?: number;
  readonly epoch: number;
  readonly generation?: number;
  readonly mode?: Mode;
  /** First offset of the epoch: its leader has everything before it. */
  readonly startOffset?: number;
}

/** The cluster says that acknowledged records may have been lost: those from `offset` on of epochs below `epoch`. */
export interface LossReported extends Located {
  readonly kind: 'loss';
  readonly epoch: number;
  /** 0 when it does not say. */
  readonly offset?: number;
  readonly reason?: string;
}

/** `sealed` and `done` give the seal; `generation` is the one that ends (begun, sealed) or begins (done, aborted). */
export interface Switched extends Located {
  readonly kind: 'switch';
  readonly phase: 'begun' | 'sealed' | 'done' | 'aborted';
  readonly to: Mode;
  readonly generation: number;
  readonly sealEpoch?: number;
  readonly sealOffset?: number;
  /** Done, aborted: the epoch that the generation starts above (raft) or in (fetch). */
  readonly epoch?: number;
}

/** Records below `offset` are gone on purpose (retention, a deletion). */
export interface LogStartMoved extends Located {
  readonly kind: 'log-start';
  readonly offset: number;
}

/** What was done to the cluster. */
export interface Faulted extends Stamped {
  readonly kind: 'fault';
  /** kill, pause, power-loss, partition, …: a word of the run's own. */
  readonly fault: string;
  readonly target: string;
  readonly phase: 'begun' | 'ended';
}

/** A broker wrote records of an epoch, as its leader or after it. */
export interface Appended extends Located {
  readonly kind: 'append';
  readonly broker: number;
  readonly epoch: number;
  readonly offset: number;
  readonly count: number;
  /** Of the bytes: the same (epoch, offset) has the same everywhere. */
  readonly digest?: string;
}

/** A replica at the end of a run, when all has healed and come to rest. */
export interface ReplicaRead extends Located {
  readonly kind: 'replica';
  readonly broker: number;
  readonly mode?: Mode;
  readonly generation?: number;
  readonly logStart: number;
  readonly highWatermark: number;
  /** Of the bytes of [from, to). */
  readonly digests?: readonly (readonly [from: number, to: number, digest: string])[];
  /** Value null: a control record. */
  readonly records?: readonly (readonly [offset: number, epoch: number, value: string | null])[];
}

export type HistoryEvent =
  | HistoryHeader
  | SendInvoked
  | SendCompleted
  | Sought
  | Polled
  | Assigned
  | Revoked
  | Committed
  | PositionSeen
  | PositionReset
  | WatermarkSeen
  | Led
  | LossReported
  | Switched
  | LogStartMoved
  | Faulted
  | Appended
  | ReplicaRead;

export type EventKind = HistoryEvent['kind'];

/** As it is handed to a recorder, which knows the time. */
export type Unstamped<E extends HistoryEvent = HistoryEvent> = E extends HistoryEvent
  ? Omit<E, 'at'>
  : never;
