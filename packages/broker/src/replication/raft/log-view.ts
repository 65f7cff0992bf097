// A replica's log and durable state in the words of the Raft core: inclusive offsets, one hard state.
import type { ReplicaLog } from '@zhumq/log';
import type { HardState, LogReader } from '@zhumq/raft';

/** A log may hold a larger epoch than the hard state knows of: the vote then belongs to an older term. */
export function coreHardState(log: ReplicaLog): HardState {
  const { hardState } = log;
  return {
    term: Math.max(hardState?.term ?? 0, log.lastEpoch),
    vote: hardState !== undefined && hardState.term >= log.lastEpoch ? hardState.vote : undefined,
    tainted: hardState?.tainted ?? false,
  };
}

/**
 * The last committed offset that a replica begins with (rule 18): what it remembers, or where the generation before was
 * sealed, when its log holds that very seal. A straggler that diverged holds other records there, and must be free to
 * cut them. `isInDoubt`: a possible loss may have taken what it remembers, even what lies below its start.
 */
export function commitAtStart(log: ReplicaLog, isInDoubt: boolean): number {
  const known = isInDoubt ? 0 : Math.min(log.highWatermark, log.logEnd);
  const seal = log.generation?.seal;
  const holds = seal !== undefined && log.epochAt(seal.offset - 1) === seal.epoch;
  return (holds ? Math.max(known, seal.offset) : known) - 1;
}

export class LogView implements LogReader {
  constructor(private readonly log: ReplicaLog) {}

  get startOffset(): number {
    return this.log.logStart;
  }

  get lastOffset(): number {
    return this.log.logEnd - 1;
  }

  get lastEpoch(): number {
    return this.log.lastEpoch;
  }

  epochAt(offset: number): number | undefined {
    return offset === -1 && this.log.logStart === 0 ? 0 : this.log.epochAt(offset);
  }

  endOfEpoch(epoch: number): { epoch: number; lastOffset: number } | undefined {
    const end = this.log.endOfEpoch(epoch);
    return end === undefined ? undefined : { epoch: end.epoch, lastOffset: end.endOffset - 1 };
  }
}
