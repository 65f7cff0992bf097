// Why a replica in mode raft takes no records at present, for a producer.
import type { ProposeRefusal } from '@zhumq/raft';
import type { SealTracker } from '../../partition/seal-tracker.js';
import type { AppendRefusal } from '../replicator.js';

export interface ProposalState {
  readonly failure: Error | undefined;
  readonly closed: boolean;
  /** What the core says. */
  readonly core: ProposeRefusal | undefined;
  readonly maxUncommittedBytes: number;
}

export function proposalRefusal(state: ProposalState): AppendRefusal | undefined {
  const { failure, closed, core, maxUncommittedBytes } = state;
  if (failure !== undefined) {
    return {
      code: 'REPLICA_FAILED',
      message: `is out of service on this broker: ${failure.message}`,
    };
  }
  if (closed) {
    return {
      code: 'LEADER_NOT_AVAILABLE',
      message: 'is being switched: its replica here is closed until the next generation begins',
    };
  }
  switch (core) {
    case undefined:
      return undefined;
    case 'notLeader':
      return { code: 'NOT_LEADER', message: 'is not led by this broker' };
    case 'transferring':
      return { code: 'NOT_LEADER', message: 'is handing its leadership over' };
    case 'uncommittedFull':
      return {
        code: 'UNCOMMITTED_FULL',
        message: `has ${maxUncommittedBytes} bytes that wait to be committed; a majority of its replicas is slow or away`,
      };
  }
}

/** Sealed is a function of the log: whoever leads, and whoever asked for the seal (rule 17). */
export function sealRefusal(seals: SealTracker): AppendRefusal | undefined {
  seals.find();
  switch (seals.state) {
    case undefined:
      return undefined;
    case 'unknown':
      return {
        code: 'LEADER_NOT_AVAILABLE',
        message: 'has a new leader that is still reading the end of its log',
      };
    default:
      return { code: 'PARTITION_SEALED', message: 'is being switched to another mode' };
  }
}
