// The two spellings of a replication mode: the wire's number, and the word that programs see.
import type { ReplicationMode as ModeName } from '@zhumq/model';
import { ReplicationMode } from '@zhumq/rpc';

/** A number that this version does not know is taken for the mode that needs nobody else. */
export function modeName(mode: ReplicationMode | undefined): ModeName {
  return mode === ReplicationMode.FETCH ? 'fetch' : 'raft';
}

export function modeNumber(name: ModeName): ReplicationMode {
  return name === 'fetch' ? ReplicationMode.FETCH : ReplicationMode.RAFT;
}
