// What a replica's log must remember before its replicator starts: which generation it is in, and whether what it
// acknowledged earlier can still be trusted (rules 13 and 16).
import type { HardState, ReplicaLog } from '@zhumq/log';
import type { PartitionInfo } from '@zhumq/rpc';

/** Makes the log enter the generation of `info`, once; durable before anything of that generation is answered. */
export function enterGeneration(log: ReplicaLog, info: PartitionInfo): void {
  if (log.generation !== undefined && log.generation.generation >= info.generation) return;
  log.saveGeneration({
    generation: info.generation,
    mode: 'raft',
    epoch: info.epoch,
    seal: undefined,
    voters: info.replicas.map((replica) => replica.replicaId),
  });
  log.saveHardState({
    generation: info.generation,
    term: info.epoch,
    vote: undefined,
    closed: false,
    tainted: log.hardState?.tainted ?? false,
    taintReason: log.hardState?.taintReason ?? '',
  });
}

/**
 * Marks a replica that may lack what it acknowledged, durably and before anything else: it votes for nobody and counts
 * in no quorum until the leader has seen it caught up.
 */
export function taint(log: ReplicaLog, reason: string): void {
  const before = log.hardState;
  if (before?.tainted) return;
  const hardState: HardState = {
    generation: log.generation?.generation ?? 0,
    term: before?.term ?? log.lastEpoch,
    vote: before?.vote,
    closed: before?.closed ?? false,
    tainted: true,
    taintReason: reason,
  };
  log.saveHardState(hardState);
}
