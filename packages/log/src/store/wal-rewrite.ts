// Makes certain, before recovery acts on it, what the last life left in the write-ahead log without calling it durable.
import type { WalHistory, WalSource } from './wal-history.js';

const PIECE_BYTES = 1024 * 1024;

/**
 * After a kill frames may stand in the page cache only. What recovery removes and overwrites because of them must not
 * reach the disk before they do: a power loss would leave a log that lacks what its frames account for. They are written
 * once more, because the last life may have died of a sync that failed: then they are seen, count as clean, and no later
 * sync brings them to the disk (rule 7).
 */
export async function syncFrames(source: WalSource, history: WalHistory): Promise<void> {
  for (const { file: number, offset, end } of history.unsynced) {
    const file = source.fileSystem.openSync(source.pathOf(number), 'write');
    try {
      for (let position = offset; position < end; position += PIECE_BYTES) {
        const piece = Buffer.allocUnsafeSlow(Math.min(PIECE_BYTES, end - position));
        const count = file.readSync(piece, position);
        file.writeSync([piece.subarray(0, count)], position);
      }
      await file.sync();
    } finally {
      file.closeSync();
    }
  }
}
