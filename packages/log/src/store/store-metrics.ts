// What the store tells of itself. The broker turns it into metrics; a missing hook costs nothing.

export interface StoreMetrics {
  /** One write to the write-ahead log: frames of a tick. */
  walWritten?(bytes: number, frames: number): void;
  /** One sync of the write-ahead log; `bytes` is what it made durable. */
  walSynced?(durationMs: number, bytes: number): void;
  checkpointTaken?(durationMs: number, replicas: number, bytes: number): void;
  /** A replica was taken out of service by a failed write or sync of its segments. */
  replicaFailed?(replicaId: string): void;
}
