// What goes out by one socket. Messages of one tick are gathered and handed to the kernel together, in one call for as
// many as there are: this is the largest single gain for small messages.
import type { Socket } from 'node:net';
import { MessageWriter } from './wire/message-writer.js';

/** So many bytes do not wait for the end of the tick. */
const EARLY_FLUSH_BYTES = 256 * 1024;

/** What can write itself into a message. */
export interface Writable {
  write(output: MessageWriter): void;
}

export class Outbox {
  private readonly writer = new MessageWriter();
  private readonly flushNow = (): void => {
    this.scheduled = false;
    this.flush();
  };
  private scheduled = false;
  private started = false;
  /** What was given to the socket and not told of by its callback yet, oldest first. */
  private readonly given: { readonly bytes: number; taken: boolean }[] = [];
  private givenCount = 0;
  private takenCount = 0;
  private droppedBytes = 0;
  private discarded = false;
  private waiters: { readonly from: number; readonly settle: (droppedBytes: number) => void }[] =
    [];
  private readonly taken = (error?: Error | null): void => this.afterTaken(error);

  constructor(
    private readonly socket: Socket,
    private readonly maxFrameBytes: number,
    /** Everything written so far was given to the socket. */
    private readonly onFlushed: () => void,
  ) {}

  /** Bytes that the kernel has not taken. */
  get bufferedBytes(): number {
    return this.writer.bytes + this.socket.writableLength;
  }

  /** The socket is connected: what was written until now may go. */
  start(): void {
    this.started = true;
    this.flush();
  }

  /**
   * Writes a message. Throws what its values throw, and FRAME_TOO_LARGE; nothing of it is sent then, and what was
   * written before is untouched.
   */
  write(header: Uint8Array, sequenceId: number, message: Writable): void {
    this.writer.beginFrame(header, sequenceId);
    try {
      message.write(this.writer);
      this.writer.endFrame(this.maxFrameBytes);
    } catch (error) {
      this.writer.abandonFrame();
      throw error;
    }
    if (this.writer.bytes >= EARLY_FLUSH_BYTES) this.flush();
    else if (!this.scheduled) {
      this.scheduled = true;
      setImmediate(this.flushNow);
    }
  }

  flush(): void {
    if (!this.started || this.writer.bytes === 0) return;
    const { bytes } = this.writer;
    const pieces = this.writer.take();
    // Our side was ended: nobody reads what comes after it.
    if (!this.socket.writable) {
      this.droppedBytes += bytes;
      return;
    }
    this.given.push({ bytes, taken: false });
    this.givenCount++;
    if (pieces.length === 1) this.socket.write(pieces[0], this.taken);
    else {
      this.socket.cork();
      const last = pieces.length - 1;
      for (let index = 0; index < last; index++) this.socket.write(pieces[index]);
      this.socket.write(pieces[last], this.taken);
      this.socket.uncork();
    }
    if (this.socket.writableLength === 0) this.allTaken();
    this.onFlushed();
  }

  /** Resolves when the kernel has taken what was written until now, or never will; with the number of bytes dropped. */
  whenTaken(): Promise<number> {
    const from = this.givenCount + (this.writer.bytes > 0 ? 1 : 0);
    if (this.takenCount >= from) return Promise.resolve(0);
    return new Promise((settle) => {
      this.waiters.push({ from, settle });
      if (this.discarded) this.giveUpLater();
    });
  }

  /** Forgets what was not given to the socket, which is gone. */
  discard(): void {
    this.droppedBytes += this.writer.bytes;
    this.writer.take();
    this.discarded = true;
    this.giveUpLater();
  }

  private giveUpLater(): void {
    process.nextTick(() => {
      const lost = this.given.filter(({ taken }) => !taken);
      const droppedBytes = lost.reduce((sum, { bytes }) => sum + bytes, this.droppedBytes);
      for (const { settle } of this.waiters.splice(0)) settle(droppedBytes);
    });
  }

  /** The kernel had room for everything; the callbacks come a little later. */
  private allTaken(): void {
    for (const one of this.given) one.taken = true;
    this.takenCount = this.givenCount;
    this.tell();
  }

  private afterTaken(error: Error | null | undefined): void {
    const one = this.given.shift();
    if (one === undefined || one.taken) return;
    // A socket that was destroyed calls back without an error for what it never wrote.
    if (error || this.socket.destroyed) {
      this.droppedBytes += one.bytes;
      return;
    }
    this.takenCount++;
    this.tell();
  }

  private tell(): void {
    while (this.waiters.length > 0 && this.waiters[0].from <= this.takenCount)
      this.waiters.shift()?.settle(0);
  }
}
