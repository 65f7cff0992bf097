// One socket, seen from either end: frames in and out, calls that were made and calls that are served. What the two ends
// do differently is in channel.ts and server.ts.
//
// A connection that serves stops reading while too much of its work is unfinished, or while the other side does not take
// its answers ("held"). The end that only calls never stops reading for long, so that two ends can not wait for each other.
import type { Socket } from 'node:net';
import { formatHostPort } from '@zhumq/base';
import type { Clock } from '@zhumq/base';
import { isError, zhumqError } from '@zhumq/model';
import type { CallContext, CallOptions, CallTarget } from './contract.js';
import type { Dispatcher } from './dispatcher.js';
import { failureOf, writeUnknownMethod } from './failures.js';
import { exceptionHeader } from './method.js';
import type { Method } from './method.js';
import { Outbox } from './outbox.js';
import { PendingCalls } from './pending-calls.js';
import type { RpcChannelMetrics } from './pending-calls.js';
import { SilenceWatch } from './silence-watch.js';
import { MalformedMessage } from './wire/bad-message.js';
import { FrameReader } from './wire/frame-reader.js';
import { CALL, MessageReader, ONEWAY } from './wire/message-reader.js';
import type { MessageWriter } from './wire/message-writer.js';

let connectionsMade = 0;

/** So long one connection's frames may be handled at a time. */
const TURN_MS = 3;
const FRAMES_PER_LOOK = 8;

export interface ConnectionOptions {
  /** How the other side is called in errors and logs; by default what the socket says. */
  readonly remoteAddress?: string;
  readonly maxFrameBytes: number;
  readonly maxBufferedBytes: number;
  readonly callTimeoutMs: number;
  /** Ends the connection when for so long something was owed and nothing came; never when undefined. */
  readonly silenceTimeoutMs?: number;
  /** Serves what the other side calls; without it such calls end the connection. */
  readonly dispatcher?: Dispatcher;
  /** Stop reading beyond these; for the end that accepted the connection. */
  readonly hold?: { readonly maxInFlightRequests: number; readonly maxInFlightBytes: number };
  readonly clock: Clock;
  readonly metrics?: RpcChannelMetrics;
}

export interface ConnectionEvents {
  opened?(): void;
  /** Room was made: bufferedBytes is below the limit again. */
  drained?(): void;
  /** Called once. The error is undefined when the other side simply ended the connection. */
  closed(error: Error | undefined): void;
}

export class Connection implements CallContext, CallTarget {
  readonly connectionId = ++connectionsMade;
  /** Complete frames received. */
  frames = 0;
  /** Pieces of any size received: a large frame comes in many. */
  chunks = 0;
  readonly remoteAddress: string;
  private readonly frameReader: FrameReader;
  private readonly reader = new MessageReader();
  private readonly outbox: Outbox;
  private readonly pending: PendingCalls;
  /** How many of the pending calls were handed to the socket. */
  private callsSent = 0;
  private inFlight = 0;
  private inFlightBytes = 0;
  private held = false;
  /** It had its share of this turn of the event loop. */
  private resting = false;
  /** The other side sends no more. */
  private peerEnded = false;
  private established: boolean;
  private ended = false;
  /** We take no more calls: our side ends when what was written is gone. */
  private ending = false;
  private sentOneway = false;
  private closedWith: Error | undefined;
  private silence: SilenceWatch | undefined;
  private abortController: AbortController | undefined;

  constructor(
    private readonly socket: Socket,
    private readonly options: ConnectionOptions,
    private readonly events: ConnectionEvents,
  ) {
    this.frameReader = new FrameReader(options.maxFrameBytes);
    this.pending = new PendingCalls(options.clock, options.metrics);
    this.outbox = new Outbox(socket, options.maxFrameBytes, () => this.afterFlush());
    this.remoteAddress = options.remoteAddress ?? addressOf(socket);
    this.established = !socket.connecting;
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.receive(chunk));
    socket.on('drain', () => {
      this.silence?.heard();
      this.afterDrain();
    });
    socket.on('error', (error) => (this.closedWith ??= error));
    socket.once('end', () => this.afterPeerEnd());
    socket.on('close', () => this.finish());
    if (this.established) this.begin();
    else socket.once('connect', () => this.afterConnect());
  }

  get peer(): CallTarget {
    return this;
  }

  get bufferedBytes(): number {
    return this.outbox.bufferedBytes;
  }

  /** Requests that were begun and not answered. */
  get requestsInFlight(): number {
    return this.inFlight;
  }

  get connected(): boolean {
    return this.established && !this.ended;
  }

  get open(): boolean {
    return !this.ended;
  }

  /** Whether messages were sent that nobody answers. */
  get carriedOneway(): boolean {
    return this.sentOneway;
  }

  /** Whether bytes of a frame have come and the rest is being waited for. */
  get waitsForRestOfFrame(): boolean {
    return this.frameReader.midFrame && !this.held;
  }

  /** Whether the other side has too many answers to take. */
  get waitsForDrain(): boolean {
    return this.bufferedBytes > this.options.maxBufferedBytes;
  }

  get signal(): AbortSignal {
    this.abortController ??= new AbortController();
    if (this.ended) this.abortController.abort();
    return this.abortController.signal;
  }

  // ---- calls to the other side ------------------------------------------------------------------------------------

  call(method: Method, values: readonly unknown[], options?: CallOptions): Promise<unknown> {
    if (this.ended || this.ending) return Promise.reject(this.lost(method.name, false));
    if (this.waitsForDrain) return Promise.reject(this.overloaded(method.name));
    const signal = options?.signal;
    if (signal?.aborted) {
      const text = `${method.name} was aborted before it was sent`;
      return Promise.reject(zhumqError('ABORTED', text, { method: method.name }, signal.reason));
    }
    return new Promise((resolve, reject) => {
      // What is thrown here rejects the promise.
      const sequenceId = this.pending.nextSequenceId();
      this.outbox.write(method.callHeader, sequenceId, method.packArguments(values));
      const timeoutMs = options?.timeoutMs ?? this.options.callTimeoutMs;
      this.pending.add(sequenceId, method, timeoutMs, signal, resolve, reject);
    });
  }

  send(method: Method, values: readonly unknown[]): boolean {
    if (this.ended || this.ending || this.waitsForDrain) return false;
    this.outbox.write(method.callHeader, 0, method.packArguments(values));
    this.sentOneway = true;
    return true;
  }

  private overloaded(method: string): Error {
    const { maxBufferedBytes } = this.options;
    const text =
      `${method} was not sent: ${this.bufferedBytes} bytes wait for ${this.remoteAddress} already, ` +
      `more than the limit of ${maxBufferedBytes}; try again a little later`;
    const context = { method, bufferedBytes: this.bufferedBytes, limit: maxBufferedBytes };
    return zhumqError('OVERLOADED', text, context);
  }

  // ---- answers to the other side ----------------------------------------------------------------------------------

  /** Answers a call; throws what can not be written, and then nothing was. */
  answer(method: Method, sequenceId: number, value: unknown): void {
    if (this.ended) return;
    this.outbox.write(method.replyHeader, sequenceId, method.packResult(value));
  }

  refuse(method: Method, sequenceId: number, error: unknown): void {
    if (this.ended) return;
    this.outbox.write(method.replyHeader, sequenceId, method.packFailure(failureOf(error)));
  }

  refuseUnknown(name: string, sequenceId: number): void {
    this.outbox.write(exceptionHeader(name), sequenceId, {
      write: (output: MessageWriter) => writeUnknownMethod(output, name),
    });
  }

  /** To be called when a request was begun whose answer comes later, */
  requestBegan(bytes: number): void {
    this.inFlight++;
    this.inFlightBytes += bytes;
  }

  /** and when that answer was given. */
  requestEnded(bytes: number): void {
    this.inFlight--;
    this.inFlightBytes -= bytes;
    if (this.held) this.maybeRelease();
  }

  // ---- bytes out --------------------------------------------------------------------------------------------------

  /** Offers everything that was written to the kernel. */
  flush(): void {
    this.outbox.flush();
  }

  /** Resolves when the kernel has what was written until now. Rejects, retriably, when the connection ended before. */
  async written(): Promise<void> {
    const droppedBytes = await this.outbox.whenTaken();
    if (droppedBytes === 0) return;
    const why = this.closedWith === undefined ? '' : ` (${this.closedWith.message})`;
    const text = `${droppedBytes} bytes were not sent to ${this.remoteAddress}: there is no connection any more${why}`;
    const context = { address: this.remoteAddress, droppedBytes };
    throw zhumqError('CONNECTION_REFUSED', text, context, this.closedWith);
  }

  private afterConnect(): void {
    this.established = true;
    this.begin();
    this.events.opened?.();
    if (this.ending) this.socket.end();
  }

  private begin(): void {
    this.outbox.start();
    const { clock, silenceTimeoutMs } = this.options;
    if (silenceTimeoutMs === undefined) return;
    const isOwed = (): boolean => this.pending.size > 0 || this.bufferedBytes > 0;
    this.silence = new SilenceWatch(clock, silenceTimeoutMs, isOwed, () =>
      this.destroy(new Error(`nothing came for ${silenceTimeoutMs} ms although it was waited for`)),
    );
  }

  private afterFlush(): void {
    this.callsSent = this.pending.added;
    this.afterDrain();
  }

  private afterDrain(): void {
    if (this.held) this.maybeRelease();
    if (!this.waitsForDrain) this.events.drained?.();
  }

  // ---- bytes in ---------------------------------------------------------------------------------------------------

  private receive(chunk: Buffer): void {
    this.chunks++;
    this.silence?.heard();
    this.frameReader.push(chunk);
    this.readFrames();
  }

  private readFrames(): void {
    const { clock } = this.options;
    const restAtMs = clock.monotonicMs() + TURN_MS;
    try {
      for (let frames = 1; !this.ended; frames++) {
        if (frames % FRAMES_PER_LOOK === 0 && clock.monotonicMs() > restAtMs) this.rest();
        if (this.mustHold()) {
          this.held = true;
          this.socket.pause();
          return;
        }
        const frame = this.frameReader.next();
        if (frame === undefined) return;
        this.frames++;
        this.handleFrame(frame);
      }
    } catch (error) {
      this.destroy(error as Error);
    }
  }

  private handleFrame(frame: Buffer): void {
    const { reader } = this;
    reader.begin(frame);
    if (reader.kind === CALL || reader.kind === ONEWAY) {
      if (this.options.dispatcher === undefined) {
        throw new MalformedMessage(`a call of ${reader.name} where none is served`);
      }
      this.options.dispatcher.serve(this, reader, frame.length);
      return;
    }
    try {
      // Answers to calls that were given up come late and are dropped.
      this.pending.settle(reader);
    } catch (error) {
      // A value that can not be used concerns its own call only, which was settled with it.
      if (error instanceof MalformedMessage) throw error;
    }
  }

  /** Many small frames in one piece must not keep the others waiting. */
  private rest(): void {
    if (this.peerEnded) return;
    this.resting = true;
    setImmediate(() => {
      this.resting = false;
      if (this.held) this.maybeRelease();
    });
  }

  /** A socket tells of the end although it is paused, and closes: what is here is served now or never. */
  private afterPeerEnd(): void {
    this.peerEnded = true;
    if (!this.held) return;
    this.held = false;
    this.readFrames();
  }

  private mustHold(): boolean {
    if (this.peerEnded) return false;
    if (this.resting) return true;
    const { hold } = this.options;
    return (
      hold !== undefined &&
      (this.inFlight >= hold.maxInFlightRequests ||
        this.inFlightBytes > hold.maxInFlightBytes ||
        this.waitsForDrain)
    );
  }

  private maybeRelease(): void {
    if (this.ended || this.mustHold()) return;
    this.held = false;
    this.readFrames();
    if (!this.held) this.socket.resume();
  }

  // ---- the end ----------------------------------------------------------------------------------------------------

  /**
   * Lets the connection be made, if it is not, and the kernel take what was written, then ends our side; the other side
   * ends its own, when it has read everything. Calls that wait for an answer are given up: they may be done.
   */
  endGracefully(): void {
    this.ending = true;
    this.flush();
    this.pending.failAll(this.pending.added, (method) => this.lost(method, true));
    if (this.established) this.socket.end();
  }

  /** Ends the connection at once. All pending calls are settled and `closed` is told before this returns. */
  destroy(error?: Error): void {
    this.closedWith ??= error;
    this.socket.destroy();
    this.finish();
  }

  private finish(): void {
    if (this.ended) return;
    this.ended = true;
    this.silence?.stop();
    this.outbox.discard();
    this.pending.failAll(this.callsSent, (method, maySent) => this.lost(method, maySent));
    this.abortController?.abort();
    this.events.closed(this.closedWith);
  }

  private lost(method: string, maySent: boolean): Error {
    if (!maySent && isError(this.closedWith, 'CLOSED')) return this.closedWith;
    const why = this.closedWith === undefined ? '' : ` (${this.closedWith.message})`;
    const context = { method, address: this.remoteAddress };
    return maySent
      ? zhumqError(
          'CONNECTION_LOST',
          `the connection to ${this.remoteAddress} ended before ${method} was answered${why}; it may have been done`,
          context,
          this.closedWith,
        )
      : zhumqError(
          'CONNECTION_REFUSED',
          `${method} was not sent: there is no connection to ${this.remoteAddress}${why}`,
          context,
          this.closedWith,
        );
  }
}

function addressOf({ remoteAddress, remotePort }: Socket): string {
  if (remoteAddress === undefined || remotePort === undefined) return 'unknown';
  return formatHostPort({ host: remoteAddress, port: remotePort });
}
