// What a load process is told, and what it tells: plain data, sent between processes as it is.
import type { Acks } from '@zhumq/client';

export interface ProduceJob {
  readonly kind: 'produce';
  readonly bootstrap: readonly string[];
  readonly topic: string;
  /** Numbers of the producers that this process runs; each has connections of its own. */
  readonly producers: readonly number[];
  readonly messageBytes: number;
  readonly seed: string;
  readonly acks: Acks;
  readonly batchBytes: number;
  readonly lingerMs: number;
  /** Messages of each producer that are sent and not acknowledged. */
  readonly outstanding: number;
  /** Of all producers of this process together; undefined: as fast as it goes. */
  readonly messagesPerSecond?: number | undefined;
}

/** What became of one producer's messages: sets of sequence numbers. */
export interface ProducerOutcome {
  readonly producer: number;
  /** Sequences 0 to sent - 1 were given to send(). */
  readonly sent: number;
  readonly acknowledged: Uint8Array;
}

export interface ProduceOutcome {
  /** Acknowledged (acks none: handed over) between begin and end of the measuring. */
  readonly measured: number;
  readonly seconds: number;
  /** Counters of the latencies measured meanwhile, in microseconds. */
  readonly latency: Float64Array;
  readonly producers: readonly ProducerOutcome[];
  /** Errors by code, over the whole life. */
  readonly failures: Readonly<Record<string, number>>;
  /** Longest time without an acknowledgement while measuring, in milliseconds. */
  readonly longestPauseMs: number;
}

/** How long a partition acknowledged nothing, as a process that produces to it saw it. */
export interface PartitionGap {
  readonly partition: number;
  /** Longest time between two acknowledgements; the one that lasts still counts. */
  readonly longestMs: number;
  /** Of the last acknowledgement, on the machine's monotonic clock. */
  readonly lastAckUs: number;
}

export interface ReadJob {
  readonly kind: 'read';
  readonly bootstrap: readonly string[];
  readonly topic: string;
  /** Where to stop: every record below is to be read. Undefined: at the order to stop. */
  readonly ends?: Ends | undefined;
  readonly messageBytes: number;
  readonly seed: string;
  readonly delivery: 'pull' | 'push';
  /** fetch: many messages at a time, as bulk readers do; handler: one call for each. */
  readonly way: 'fetch' | 'handler';
  /** Shares the messages with the other members and commits; undefined: reads all. */
  readonly group?: string | undefined;
}

/** Only partitions that are named are read. */
export type Ends = readonly { readonly partition: number; readonly offset: number }[];

export interface ReadOutcome {
  readonly messages: number;
  readonly seconds: number;
  /** Of the machine's monotonic clock. */
  readonly beganUs: number;
  readonly lastUs: number;
  /** Counters of the microseconds since each message was due to be sent, while measuring. */
  readonly latency: Float64Array;
  /** Sequences that were read, by producer. */
  readonly read: readonly { readonly producer: number; readonly sequences: Uint8Array }[];
  /** Read more than once. */
  readonly duplicated: number;
  /** Not what any producer of the run sends. */
  readonly corrupt: number;
  /** Behind a later message of the same producer in its partition. */
  readonly reordered: number;
}

export type Job = ProduceJob | ReadJob;

export interface OutcomeOf {
  readonly produce: ProduceOutcome;
  readonly read: ReadOutcome;
}

/** To a load process. */
export type Order =
  | { readonly order: 'job'; readonly job: Job }
  | { readonly order: 'measure' }
  /** Producers: tell the gaps; `anew`: and count from now on. */
  | { readonly order: 'gaps'; readonly anew: boolean }
  /** `ends`: readers read on until there. */
  | { readonly order: 'stop'; readonly ends?: Ends };

/** From a load process. */
export type Report =
  | { readonly report: 'ready' }
  | { readonly report: 'progress'; readonly messages: number }
  | { readonly report: 'gaps'; readonly gaps: readonly PartitionGap[] }
  | { readonly report: 'done'; readonly outcome: ProduceOutcome | ReadOutcome }
  | { readonly report: 'failed'; readonly message: string };
