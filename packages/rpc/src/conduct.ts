// Judges one connection of a server, from time to time: does it keep the server waiting on purpose? Between two frames
// it may rest as long as it likes; TCP keep-alive finds out whether it is still there.
import type { Connection } from './connection.js';
import type { RefusalReason } from './dispatcher.js';
import type { ServerLimits } from './limits.js';

/** Why a connection was ended by its server. */
export class BadConduct extends Error {
  constructor(readonly reason: RefusalReason) {
    super(reason);
  }
}

export class Conduct {
  private frames = 0;
  /** Since when we have waited for the end of a frame, or for the first one. */
  private awaitedSinceMs: number;
  private bufferedBytes = 0;
  /** Since when it has taken nothing, though it has too much to take. */
  private stuckSinceMs: number;

  constructor(
    private readonly connection: Connection,
    private readonly limits: ServerLimits,
    nowMs: number,
  ) {
    this.awaitedSinceMs = nowMs;
    this.stuckSinceMs = nowMs;
  }

  /** What the connection is to be ended for; undefined when nothing. Times are as exact as this is called often. */
  fault(nowMs: number): RefusalReason | undefined {
    const { connection, limits } = this;
    const { frames, bufferedBytes, waitsForRestOfFrame } = connection;
    const awaited = frames === 0 || waitsForRestOfFrame;
    if (!awaited || frames !== this.frames) this.awaitedSinceMs = nowMs;
    this.frames = frames;
    if (!connection.waitsForDrain || bufferedBytes < this.bufferedBytes) this.stuckSinceMs = nowMs;
    this.bufferedBytes = bufferedBytes;
    const awaitedMs = nowMs - this.awaitedSinceMs;
    if (waitsForRestOfFrame && awaitedMs > limits.frameTimeoutMs) return 'slow-frame';
    if (frames === 0 && awaitedMs > limits.handshakeTimeoutMs) return 'no-handshake';
    if (nowMs - this.stuckSinceMs > limits.drainTimeoutMs) return 'not-reading';
    return undefined;
  }
}
