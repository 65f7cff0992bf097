// What a replica's log must remember before its replicator says anything: which generation it is in, and whether what it
// acknowledged earlier can still be trusted (rules 13 and 16).
import type { HardState, ReplicaLog } from '@zhumq/log';
import { ReplicationMode } from '@zhumq/rpc';
import type { PartitionInfo } from '@zhumq/rpc';

/**
 * Makes the log enter the generation of `info`, once; true when it did so now. Nothing of that generation may be said
 * before `log.sync()` after it: then record, hard state and everything of the generation before are on disk (rule 12).
 * A crash in between may leave the record without the hard state: a vote and a `closed` of the generation before would
 * count in this one, so both have to be of it.
 */
export function enterGeneration(log: ReplicaLog, info: PartitionInfo): boolean {
  const { generation, epoch, seal } = info;
  if (log.generation?.generation === generation && log.hardState?.generation === generation)
    return false;
  const before = log.hardState;
  log.saveGeneration({
    generation,
    mode: info.mode === ReplicationMode.FETCH ? 'fetch' : 'raft',
    epoch,
    seal: seal && { epoch: seal.epoch, offset: seal.offset },
    voters: info.replicas.map((replica) => replica.replicaId),
  });
  // A forced recovery believes all replicas again, from its epoch on; it has asked what there is (rule 16).
  const recovered = info.lossEpoch !== undefined && info.lossEpoch > 0 && info.lossEpoch === epoch;
  const tainted = before?.tainted === true && !recovered;
  log.saveHardState({
    generation,
    term: epoch,
    vote: undefined,
    closed: false,
    tainted,
    taintReason: tainted ? before.taintReason : '',
  });
  return true;
}

/**
 * For mode raft, whose core compares nothing that it believes committed: a log that ends before the last possible loss may
 * hold records that were committed and are not any more. It believes nothing of them, or it would count other records than
 * its own as held, and acknowledge them (rules 18 and 29). Mode fetch judges the same by itself, at each cut. True when
 * there is doubt, which then concerns what lies below the log start as well: only a leader can tell whether it is the same.
 */
export function doubtCommitted(log: ReplicaLog, { lossEpoch = 0 }: PartitionInfo): boolean {
  const isInDoubt = log.lastEpoch < lossEpoch;
  if (isInDoubt) log.lowerHighWatermark(log.logStart);
  return isInDoubt;
}

/**
 * Marks a replica that may lack what it acknowledged, durably and before anything else: it votes for nobody and counts
 * in no quorum until the leader has seen it caught up.
 */
export function taint(log: ReplicaLog, reason: string): void {
  const before = log.hardState;
  if (before?.tainted) return;
  const hardState: HardState = {
    generation: before?.generation ?? log.generation?.generation ?? 0,
    term: before?.term ?? log.lastEpoch,
    vote: before?.vote,
    closed: before?.closed ?? false,
    tainted: true,
    taintReason: reason,
  };
  log.saveHardState(hardState);
}
