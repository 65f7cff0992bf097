// The types of handlers and clients, derived from the contract of a service. Nothing here exists at run time.
import type { ZhumqError } from '@zhumq/base';
import type { Unanswered } from '../generated/services.js';
import type { Method } from './method.js';
import type { Binary } from './wire/message-writer.js';

/**
 * A value on its way out: every Buffer in it may also be several, which are sent one after the other. Large ones go by
 * reference, so their bytes must not change any more.
 */
export type Outgoing<T> = T extends Uint8Array
  ? Binary
  : T extends readonly (infer Item)[]
    ? readonly Outgoing<Item>[]
    : T extends object
      ? { readonly [Field in keyof T]: Outgoing<T[Field]> }
      : T;

type OutgoingList<Values extends readonly unknown[]> = {
  [Index in keyof Values]: Outgoing<Values[Index]>;
};

export interface CallOptions {
  /** Milliseconds until the call is given up with TIMEOUT; it may still be done. */
  readonly timeoutMs?: number;
  /** Gives the call up with ABORTED; it may still be done. */
  readonly signal?: AbortSignal;
}

/** What a handler learns about the connection that a request came by. */
export interface CallContext {
  /** Unique in this process. */
  readonly connectionId: number;
  /** Address and port of the other side. */
  readonly remoteAddress: string;
  /** Aborted when the connection is gone: nobody waits for the answer any more. */
  readonly signal: AbortSignal;
  /** Bytes of answers that the other side has not taken yet. */
  readonly bufferedBytes: number;
  /** Calls in the other direction over the same connection. */
  readonly peer: CallTarget;
  /** Resolves when the kernel has what was sent until now. Rejects when the connection ended before. */
  written(): Promise<void>;
  /** Ends the connection at once; for a peer that is taken for dead. The error goes to whoever waits for an answer of it. */
  destroy(error: ZhumqError): void;
}

/** Where calls go: a channel, or the other side of a connection. Used through a typed client. */
export interface CallTarget {
  /** Bytes encoded and not yet taken by the kernel. */
  readonly bufferedBytes: number;
  call(method: Method, values: readonly unknown[], options?: CallOptions): Promise<unknown>;
  /** False when the message was dropped. */
  send(method: Method, values: readonly unknown[]): boolean;
}

/** What serves a service: a method for each of the contract, with the context as last argument. */
export type Handler<Service> = {
  readonly [Name in keyof Service]: Service[Name] extends (...values: infer Values) => infer Result
    ? (...values: [...Values, context: CallContext]) => HandlerResult<Result>
    : never;
};

type HandlerResult<Result> = Result extends Unanswered
  ? void | Promise<void>
  : Outgoing<Result> | Promise<Outgoing<Result>>;

/**
 * What calls a service. Methods that are answered return a promise, which rejects with a ZhumqError, or with a
 * RangeError or TypeError when an argument can not be written. The others return false when the message was dropped.
 */
export type Client<Service> = {
  readonly [Name in keyof Service]: Service[Name] extends (...values: infer Values) => infer Result
    ? [Result] extends [Unanswered]
      ? (...values: OutgoingList<Values>) => boolean
      : (...values: [...OutgoingList<Values>, options?: CallOptions]) => Promise<Result>
    : never;
};
