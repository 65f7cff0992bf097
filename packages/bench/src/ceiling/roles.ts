// The plain pipe: what any queue on this machine has to do for acks -1 with a sync, and nothing else. Producers send
// frames to a leader, which checksums, appends, and passes them on to followers, which do the same; a frame is acknowledged
// when a majority has it on disk. No topics, no offsets, no retries.
import { createServer, connect } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { crc32c } from '@zhumq/model';
import { LatencyHistogram } from '../latency-histogram.js';
import { monotonicUs } from '../payload.js';
import { FrameLog } from './frame-log.js';
import { countFrame, readCounts, readFrames } from './frame-reader.js';

export interface PipeShape {
  readonly frameBytes: number;
  /** Written over and over again instead of growing. */
  readonly reuseFile: boolean;
}

const HOST = '127.0.0.1';

/** A listening server of one role. */
function serve(onSocket: (socket: Socket) => void): Promise<number> {
  const server = createServer((socket) => {
    socket.setNoDelay(true);
    // The run ends by killing processes.
    socket.on('error', () => undefined);
    onSocket(socket);
  });
  return new Promise((resolve) => {
    server.listen(0, HOST, () => resolve((server.address() as AddressInfo).port));
  });
}

/** Resolves with its port. */
export function follow(file: string, { frameBytes, reuseFile }: PipeShape): Promise<number> {
  let told = 0;
  let leader: Socket | undefined;
  const log = new FrameLog(file, reuseFile, (durable) => {
    leader?.write(countFrame(durable - told));
    told = durable;
  });
  return serve((socket) => {
    leader = socket;
    socket.on(
      'data',
      readFrames(frameBytes, (frame) => {
        crc32c(frame);
        log.append(frame);
      }),
    );
  });
}

/** Resolves with its port. */
export function lead(
  file: string,
  { frameBytes, reuseFile }: PipeShape,
  followers: readonly number[],
): Promise<number> {
  let durable = 0;
  const matched = followers.map(() => 0);
  const senders: Socket[] = [];
  let acknowledged = 0;
  const advance = (): void => {
    const ends = [durable, ...matched].sort((one, other) => other - one);
    const committed = ends[ends.length >> 1];
    const counts = new Map<Socket, number>();
    for (; acknowledged < committed; acknowledged++) {
      const sender = senders.shift() as Socket;
      counts.set(sender, (counts.get(sender) ?? 0) + 1);
    }
    for (const [sender, count] of counts) sender.write(countFrame(count));
  };
  const log = new FrameLog(file, reuseFile, (frames) => {
    durable = frames;
    advance();
  });
  const peers = followers.map((port, index) => {
    const socket = connect(port, HOST);
    socket.setNoDelay(true);
    socket.on(
      'data',
      readCounts((frames) => {
        matched[index] += frames;
        advance();
      }),
    );
    return socket;
  });
  return serve((socket) => {
    socket.on(
      'data',
      readFrames(frameBytes, (frame) => {
        crc32c(frame);
        senders.push(socket);
        log.append(frame);
        for (const peer of peers) peer.write(frame);
      }),
    );
  });
}

export interface PipeLoad {
  readonly port: number;
  readonly connections: number;
  /** Frames of each connection that are not acknowledged. */
  readonly outstanding: number;
  readonly messageBytes: number;
  readonly shape: PipeShape;
}

/** One side of the load: sends until the process is killed. */
export class PipeProducer {
  private readonly message: Buffer;
  private frames = 0;
  private sinceUs = 0;
  private latency = new LatencyHistogram();
  readonly messagesPerFrame: number;

  constructor(private readonly load: PipeLoad) {
    this.message = Buffer.alloc(load.messageBytes, 'x');
    this.messagesPerFrame = Math.max(
      1,
      Math.floor((load.shape.frameBytes - FRAME_HEADER) / (load.messageBytes + RECORD_HEADER)),
    );
    for (let index = 0; index < load.connections; index++) this.open();
  }

  measure(): void {
    this.frames = 0;
    this.latency = new LatencyHistogram();
    this.sinceUs = monotonicUs();
  }

  result(): { messagesPerSecond: number; latency: Float64Array } {
    const seconds = (monotonicUs() - this.sinceUs) / 1e6;
    return {
      messagesPerSecond: (this.frames * this.messagesPerFrame) / seconds,
      latency: this.latency.counters,
    };
  }

  private open(): void {
    const socket = connect(this.load.port, HOST);
    socket.setNoDelay(true);
    socket.on('error', () => undefined);
    const sentUs: number[] = [];
    const send = (): void => {
      sentUs.push(monotonicUs());
      socket.write(this.frame());
    };
    socket.on('connect', () => {
      for (let index = 0; index < this.load.outstanding; index++) send();
    });
    socket.on(
      'data',
      readCounts((count) => {
        for (let index = 0; index < count; index++) {
          this.latency.record(monotonicUs() - (sentUs.shift() ?? 0));
          this.frames++;
          send();
        }
      }),
    );
  }

  /** Made anew each time, message by message, as a client does. */
  private frame(): Buffer {
    const frame = Buffer.allocUnsafe(this.load.shape.frameBytes);
    let at = FRAME_HEADER;
    for (let index = 0; index < this.messagesPerFrame; index++) {
      frame.writeUInt16BE(this.message.length & 0xffff, at);
      frame.writeDoubleBE(index, at + 2);
      this.message.copy(frame, at + RECORD_HEADER);
      at += RECORD_HEADER + this.message.length;
    }
    frame.writeUInt32BE(crc32c(frame.subarray(FRAME_HEADER)), 0);
    return frame;
  }
}

const FRAME_HEADER = 64;
const RECORD_HEADER = 10;
