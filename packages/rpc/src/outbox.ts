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
    const pieces = this.writer.take();
    // Our side was ended: nobody reads what comes after it.
    if (!this.socket.writable) return;
    if (pieces.length === 1) this.socket.write(pieces[0]);
    else {
      this.socket.cork();
      for (const piece of pieces) this.socket.write(piece);
      this.socket.uncork();
    }
    this.onFlushed();
  }

  /** Forgets what was not given to the socket. */
  discard(): void {
    this.writer.take();
  }
}
