// Syncs what was written to a log's files, and now and then, with a sync, writes what a restart would otherwise have to
// derive from the batches: epoch list, producers as of the high watermark, indexes of the active segment.
import type { EpochList } from './epoch-list.js';
import type { LogState } from './log-state.js';
import type { PendingStates } from './pending-states.js';
import { dropOldProducers, writeEpochs, writeProducers } from './derived-files.js';
import { writeIndexes } from './segment-indexes.js';

export class LogSync {
  /** One after the other, so that each covers what was written before it was asked for. */
  private last: Promise<void> = Promise.resolve();
  /** The list that was written last, and how often it had changed by then; an install replaces the list. */
  private epochsWritten: { readonly list: EpochList; readonly changes: number } | undefined;

  constructor(
    private readonly state: LogState,
    private readonly pending: PendingStates,
    /**
     * A sync failed; returns what its caller is told. The replica is to be out of service when this returns: the files
     * count as clean from here on, and the next sync would succeed without having written them (rule 7).
     */
    private readonly onFailed: (error: unknown) => unknown,
  ) {}

  run(): Promise<void> {
    const sync = this.last
      .then(() => this.sync())
      .catch((error: unknown) => {
        throw this.onFailed(error);
      });
    this.last = sync.catch(() => undefined);
    return sync;
  }

  private async sync(): Promise<void> {
    const { state } = this;
    const { writer, durability } = state;
    writer.write();
    while (writer.hasCut) {
      await this.pending.durable(writer.cutSequence);
      writer.write();
    }
    // It failed while this sync waited for its turn or for a cut, and what it had decided was dropped: the files hold less
    // than memory says, and the row of the last finished sync stays. Not thrown: who failed it has told why, and damage
    // that was found must not count as a disk that failed (it can be repaired).
    if (state.failure !== undefined) return;
    // From here to the first await everything is of one moment: all that was decided is in the files.
    state.syncAsked = false;
    durability.syncBegan();
    const row = state.rowOfNow();
    const derived = this.isDue() ? this.prepareDerived() : undefined;
    const epochs = this.prepareEpochs();
    if (writer.hasUnsynced) await writer.sync();
    durability.syncEnded();
    await epochs?.();
    await derived?.();
    state.syncedRow = row;
  }

  private isDue(): boolean {
    const { state } = this;
    return state.bytesSinceDerived >= state.resources.deriveAfterBytes && state.isOpen;
  }

  /**
   * With every sync after a change of epoch, however few bytes came: what a checkpoint covers is verified against this
   * file, because a batch's epoch lies outside its checksum (rule 22).
   */
  private prepareEpochs(): (() => Promise<void>) | undefined {
    const { state } = this;
    const { epochs: list } = state;
    const { changes, entries } = list;
    const { epochsWritten } = this;
    const isWritten = epochsWritten?.list === list && epochsWritten.changes === changes;
    if (isWritten || !state.isOpen) return undefined;
    const epochs = [...entries];
    return async () => {
      await writeEpochs(state.resources.fileSystem, state.seat.directory, epochs);
      this.epochsWritten = { list, changes };
    };
  }

  /** Takes everything from one moment; the files are written after the segments are synced. */
  private prepareDerived(): () => Promise<void> {
    const { state } = this;
    const { directory } = state.seat;
    const { fileSystem } = state.resources;
    const { producerExpirationMs } = state.config;
    state.bytesSinceDerived = 0;
    state.producers.forgetExpired(state.stableEnd, producerExpirationMs);
    const producers = state.producers.asOf(state.stableEnd, producerExpirationMs);
    const active = state.segments.active;
    if (active?.indexes !== undefined && !active.isSealed) {
      for (const path of writeIndexes(fileSystem, active, active.indexes))
        state.writer.markDirty(path);
    }
    return async () => {
      await writeProducers(fileSystem, directory, producers);
      dropOldProducers(fileSystem, directory);
    };
  }
}
