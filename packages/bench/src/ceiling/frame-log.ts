// A file that frames are appended to. Syncs overlap with what comes next: one is under way at a time, and covers all
// that was written before it began.
import { fdatasync, openSync, writeSync, writevSync } from 'node:fs';

/** A file that is written over and over again, so that no write needs new room on the disk. */
const REUSED_BYTES = 128 << 20;
const ZEROS = 1 << 20;

export class FrameLog {
  private readonly fd: number;
  private waiting: Buffer[] = [];
  private syncing = false;
  private scheduled = false;
  private position = 0;
  private written = 0;

  constructor(
    file: string,
    private readonly reuse: boolean,
    private readonly onDurable: (frames: number) => void,
  ) {
    this.fd = openSync(file, 'w+');
    if (reuse) {
      const zeros = Buffer.alloc(ZEROS);
      for (let at = 0; at < REUSED_BYTES; at += ZEROS) writeSync(this.fd, zeros, 0, ZEROS, at);
    }
  }

  append(frame: Buffer): void {
    this.waiting.push(frame);
    if (this.scheduled || this.syncing) return;
    this.scheduled = true;
    setImmediate(() => {
      this.scheduled = false;
      this.write();
    });
  }

  private write(): void {
    if (this.waiting.length === 0) return;
    const frames = this.waiting;
    this.waiting = [];
    const bytes = frames.reduce((sum, frame) => sum + frame.length, 0);
    if (this.reuse && this.position + bytes > REUSED_BYTES) this.position = 0;
    writevSync(this.fd, frames, this.reuse ? this.position : undefined);
    this.position += bytes;
    this.written += frames.length;
    const durable = this.written;
    this.syncing = true;
    fdatasync(this.fd, (error) => {
      if (error !== null) throw error;
      this.syncing = false;
      this.onDurable(durable);
      this.write();
    });
  }
}
