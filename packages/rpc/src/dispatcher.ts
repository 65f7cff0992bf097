// From a message to the handler that serves it, and back. Whatever a handler does - throw, reject, give nonsense - ends
// in an answer for that one call; only bytes that are no message end the connection.
import { ZhumqError, assert } from '@zhumq/base';
import type { Clock, Logger } from '@zhumq/base';
import { isError, zhumqError } from '@zhumq/model';
import type { Connection } from './connection.js';
import type { CallContext } from './contract.js';
import type { Method } from './method.js';
import type { Service } from './services.js';
import { MalformedMessage } from './wire/bad-message.js';
import { ONEWAY, TYPE } from './wire/message-reader.js';
import type { MessageReader } from './wire/message-reader.js';

export interface RpcServerMetrics {
  /** A request was served in `durationMs`; `errorCode` is the name of the error that it was refused with. */
  served?(method: string, durationMs: number, errorCode: string | undefined): void;
  /** A connection was accepted. */
  opened?(): void;
  /** A connection that had been accepted is gone. */
  closed?(): void;
  /** A connection was ended, or not accepted, for a reason of RefusalReason. */
  refused?(reason: RefusalReason): void;
}

export type RefusalReason =
  'bad-input' | 'slow-frame' | 'no-handshake' | 'not-reading' | 'too-many-connections';

/** How much one request may say. */
export interface MessageBounds {
  /** Fields and items; without it any number. */
  readonly maxValues?: number;
  /** Methods that may have another number. */
  readonly largeMethods?: Readonly<Record<string, number>>;
}

type HandlerFunction = (...values: unknown[]) => unknown;

interface Served {
  readonly maxValues: number;
  readonly method: Method;
  readonly invoke: (values: Readonly<Record<string, unknown>>, context: CallContext) => unknown;
}

export class Dispatcher {
  /** When set, no new request is begun: all are refused with STOPPING. */
  stopping = false;
  private readonly served = new Map<string, Served>();

  constructor(
    services: readonly Service[],
    private readonly clock: Clock,
    private readonly logger: Logger,
    private readonly metrics: RpcServerMetrics | undefined,
    private readonly bounds: MessageBounds = {},
  ) {
    for (const { methods, handler } of services) {
      for (const method of methods) {
        assert(!this.served.has(method.name), `two services have a method ${method.name}`);
        const maxValues = this.maxValuesOf(method.name);
        this.served.set(method.name, { method, maxValues, invoke: invoker(method, handler) });
      }
    }
  }

  /** Serves the message that the reader has begun. Throws MalformedMessage when its bytes are no request. */
  serve(connection: Connection, reader: MessageReader, bytes: number): void {
    const { name, sequenceId } = reader;
    const oneway = reader.kind === ONEWAY;
    const served = this.served.get(name);
    if (served === undefined || served.method.oneway !== oneway) {
      reader.maxValues = this.maxValuesOf(undefined);
      this.passOver(reader);
      if (!oneway) connection.refuseUnknown(name, sequenceId);
      this.metrics?.served?.('unknown', 0, 'UNKNOWN_METHOD');
      return;
    }
    const request = new Request(this, connection, served.method, sequenceId, bytes, this.nowMs());
    const values = served.method.emptyArguments();
    reader.maxValues = served.maxValues;
    try {
      values.read(reader);
      reader.end();
    } catch (error) {
      if (error instanceof MalformedMessage) throw error;
      request.refuse(
        zhumqError('INVALID_REQUEST', `${name}: ${(error as Error).message}`, { method: name }),
      );
      return;
    }
    if (this.stopping) {
      request.refuse(zhumqError('STOPPING', 'the server is stopping', { method: name }));
      return;
    }
    request.run(served, values);
  }

  /** For Request: the time, if anybody wants to know durations. */
  nowMs(): number {
    return this.metrics?.served === undefined ? 0 : this.clock.monotonicMs();
  }

  /** For Request: a request is done. */
  count(method: Method, startedMs: number, errorCode: string | undefined): void {
    this.metrics?.served?.(method.name, this.nowMs() - startedMs, errorCode);
  }

  /** For Request: a handler failed in a way that nobody foresaw. */
  logUnforeseen(method: Method, error: unknown): void {
    this.logger.error(
      { method: method.name, err: error },
      'a request failed for a reason nobody foresaw',
    );
  }

  /** For Request: a request that is not answered was refused. */
  logUnanswered(method: Method, error: ZhumqError): void {
    this.logger.warn(
      { method: method.name, code: error.code, err: error },
      'a one-way request was refused',
    );
  }

  private passOver(reader: MessageReader): void {
    try {
      reader.skip(TYPE.STRUCT);
      reader.end();
    } catch (error) {
      // Too much to look through: it is refused all the same.
      if (error instanceof MalformedMessage) throw error;
    }
  }

  private maxValuesOf(name: string | undefined): number {
    const { maxValues = Infinity, largeMethods = {} } = this.bounds;
    return name !== undefined && Object.hasOwn(largeMethods, name) ? largeMethods[name] : maxValues;
  }
}

/** One request from its arguments to its answer. */
class Request {
  constructor(
    private readonly dispatcher: Dispatcher,
    private readonly connection: Connection,
    private readonly method: Method,
    private readonly sequenceId: number,
    private readonly bytes: number,
    private readonly startedMs: number,
  ) {}

  run(served: Served, values: Readonly<Record<string, unknown>>): void {
    let result: unknown;
    try {
      result = served.invoke(values, this.connection);
    } catch (error) {
      this.refuse(error);
      return;
    }
    if (!isPromiseLike(result)) {
      this.answer(result);
      return;
    }
    this.connection.requestBegan(this.bytes);
    result.then(
      (value) => {
        this.answer(value);
        this.connection.requestEnded(this.bytes);
      },
      (error: unknown) => {
        this.refuse(error);
        this.connection.requestEnded(this.bytes);
      },
    );
  }

  refuse(error: unknown): void {
    const { method } = this;
    const expected = ZhumqError.is(error);
    if (!expected) this.dispatcher.logUnforeseen(method, error);
    else if (method.oneway) this.dispatcher.logUnanswered(method, error);
    if (!method.oneway) this.writeRefusal(error);
    this.dispatcher.count(method, this.startedMs, expected ? error.code : 'INTERNAL');
  }

  private answer(value: unknown): void {
    const { method } = this;
    if (!method.oneway) {
      try {
        if (method.answers && (value === undefined || value === null)) {
          throw new TypeError(`the handler of ${method.name} gave no value`);
        }
        this.connection.answer(method, this.sequenceId, value);
      } catch (error) {
        this.refuse(isError(error, 'FRAME_TOO_LARGE') ? answerTooLarge(error) : error);
        return;
      }
    }
    this.dispatcher.count(method, this.startedMs, undefined);
  }

  /** An error whose own text can not be sent is replaced by one that can. */
  private writeRefusal(error: unknown): void {
    try {
      this.connection.refuse(this.method, this.sequenceId, error);
    } catch (unwritable) {
      this.dispatcher.logUnforeseen(this.method, unwritable);
      this.connection.refuse(this.method, this.sequenceId, undefined);
    }
  }
}

/** The request was done, so that its caller must not take it for one that was rejected. */
function answerTooLarge(error: ZhumqError): ZhumqError {
  return zhumqError(
    'INTERNAL',
    `the answer can not be sent: ${error.message}`,
    error.context,
    error,
  );
}

/** Calls the handler with exactly the arguments of the contract and the context. */
function invoker(method: Method, handler: Readonly<Record<string, unknown>>): Served['invoke'] {
  const { name, parameters } = method;
  const target = handler as Readonly<Record<string, HandlerFunction>>;
  if (parameters.length === 1) {
    const [only] = parameters;
    return (values, context) => target[name](values[only], context);
  }
  return (values, context) =>
    target[name](...parameters.map((parameter) => values[parameter]), context);
}

function isPromiseLike(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === 'object' &&
    value !== null &&
    'then' in value &&
    typeof value.then === 'function'
  );
}
