// Brings a replica that is behind the leader's log start up to it: the leader's segments in checksummed pieces, plus
// epoch list and producer state. The follower pulls, so a copy is resumed wherever it broke off.
import type { ReplicaLog } from '@zhumq/log';
import { crc32c, epochListCodec, zhumqError } from '@zhumq/model';
import type { RaftClient, SnapshotManifest, SnapshotRequest } from '@zhumq/rpc';
import type { GroupAddress } from './raft/raft-messages.js';
import type { SnapshotInstaller } from './raft/raft-replicator.js';

export interface SnapshotCopierOptions {
  /** Connection to the broker of a replica. */
  readonly clientOf: (replicaId: string) => RaftClient | undefined;
  readonly chunkBytes: number;
  readonly callTimeoutMs: number;
  /** Called with the bytes of each piece, for metrics. */
  readonly onChunk?: (bytes: number) => void;
}

export class SnapshotCopier implements SnapshotInstaller {
  constructor(private readonly options: SnapshotCopierOptions) {}

  async install(
    group: GroupAddress,
    fromReplica: string,
    log: ReplicaLog,
    signal: AbortSignal,
  ): Promise<number> {
    const client = this.options.clientOf(fromReplica);
    if (client === undefined)
      throw zhumqError('CONNECTION_REFUSED', `no address is known for replica ${fromReplica}`);
    const request: SnapshotRequest = { ...group, fromReplica: log.identity.replicaId };
    const manifest = await client.describeSnapshot(request, {
      timeoutMs: this.options.callTimeoutMs,
      signal,
    });
    signal.throwIfAborted();
    const { installedEnd } = log.beginInstall(stateOf(manifest));
    for (const segment of manifest.segments) {
      if (segment.endOffset > installedEnd) {
        await this.copySegment({ client, request, log, signal }, segment.baseOffset, segment.bytes);
      }
    }
    signal.throwIfAborted();
    await log.finishInstall();
    return manifest.endOffset - 1;
  }

  private async copySegment(copy: Copy, baseOffset: number, bytes: number): Promise<void> {
    const { client, request, log, signal } = copy;
    let position = 0;
    while (position < bytes) {
      const wanted = Math.min(this.options.chunkBytes, bytes - position);
      const options = { timeoutMs: this.options.callTimeoutMs, signal };
      const chunk = await client.readSegment(request, baseOffset, position, wanted, options);
      signal.throwIfAborted();
      const data = chunk.data;
      if (data.length === 0 || data.length > wanted || crc32c(data) !== chunk.crc) {
        throw zhumqError(
          'CORRUPT_BATCH',
          `piece at ${position} of segment ${baseOffset} arrived damaged`,
          { baseOffset, position },
        );
      }
      log.installChunk(baseOffset, data);
      position += data.length;
      this.options.onChunk?.(data.length);
    }
  }
}

interface Copy {
  readonly client: RaftClient;
  readonly request: SnapshotRequest;
  readonly log: ReplicaLog;
  readonly signal: AbortSignal;
}

function stateOf(manifest: SnapshotManifest): Parameters<ReplicaLog['beginInstall']>[0] {
  return {
    logStart: manifest.logStart,
    epochBeforeStart: manifest.epochBeforeStart,
    endOffset: manifest.endOffset,
    epochs: epochListCodec.decode(manifest.epochs).epochs,
    producers: manifest.producers,
  };
}
