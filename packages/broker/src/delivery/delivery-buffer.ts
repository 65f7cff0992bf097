// What waits for the socket of one consumer: how much more may be, and whose memory it is.
//
// A little may wait for any socket. More is reserved first, from what all sockets share, until the consumer's side has taken
// it: so a thousand consumers that read nothing cost a thousand times a little, and whoever reads is only handed less at
// a time while they hold the rest.
import type { ByteBudget } from '@zhumq/base';
import type { CallContext } from '@zhumq/rpc';

/** May wait for every socket; or one batch, when that is larger. */
export const FREE_BYTES = 16 * 1024;

export class DeliveryBuffer {
  private reserved = false;

  constructor(
    private readonly connection: Pick<CallContext, 'bufferedBytes' | 'written'>,
    /** Most that may wait. */
    private readonly maxBytes: number,
    private readonly shared: ByteBudget,
  ) {}

  /** Whether anything may be added now. */
  get hasRoom(): boolean {
    const { bufferedBytes } = this.connection;
    return bufferedBytes < FREE_BYTES || (bufferedBytes < this.maxBytes && this.reserve());
  }

  /** How many of so many bytes may be added: one batch at least, if `hasRoom`. */
  roomFor(bytes: number): number {
    const { bufferedBytes } = this.connection;
    if (bufferedBytes + bytes <= FREE_BYTES || this.reserve()) return this.maxBytes - bufferedBytes;
    return FREE_BYTES - bufferedBytes;
  }

  /**
   * The batches as they may be kept for as long as it takes. What was read from files is part of a larger block, which they
   * would keep from being freed: where they will wait, they are copied.
   */
  kept(buffers: readonly Buffer[], isPartOfBlock: boolean): readonly Buffer[] {
    const goesAtOnce = this.reserved && this.connection.bufferedBytes === 0;
    return !isPartOfBlock || goesAtOnce ? buffers : buffers.map((buffer) => Buffer.from(buffer));
  }

  private reserve(): boolean {
    if (this.reserved) return true;
    if (!this.shared.tryReserve(this.maxBytes)) return false;
    this.reserved = true;
    void this.releaseWhenTaken();
    return true;
  }

  private async releaseWhenTaken(): Promise<void> {
    try {
      // First what this was reserved for is written, in this very turn.
      await Promise.resolve();
      do await this.connection.written();
      while (this.connection.bufferedBytes >= FREE_BYTES);
    } catch {
      // The connection is gone, and what waited for it.
    }
    this.reserved = false;
    this.shared.release(this.maxBytes);
  }
}
