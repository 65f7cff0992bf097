// node-zookeeper-client 1.1.3 as it is: the internals that zookeeper-client.ts has to reach, with types, and its error
// codes. The version is pinned in package.json; a new one means reading this file and the next against its source.
import * as library from 'node-zookeeper-client';

export const { CreateMode, createClient } = library;
export type LibraryClient = ReturnType<typeof createClient>;

/** States of the connection manager (not those of the client, which hide some). */
export const ManagerState = {
  disconnected: 0,
  connecting: 1,
  connected: 2,
  closing: -1,
  closed: -2,
  expired: -3,
} as const;

/** Request types of the protocol. */
export const RequestType = { remove: 2, sync: 9, closeSession: -11, error: -1 } as const;

export interface LibrarySocket {
  readonly destroyed: boolean;
  destroy(): void;
  write(bytes: Buffer): boolean;
}

export interface LibraryRequest {
  readonly header: { xid: number; type: number };
  readonly payload: null;
  toBuffer(): Buffer;
}

export interface LibraryError extends Error {
  readonly code: number;
}

export interface LibraryStat {
  readonly version: number;
  readonly ephemeralOwner: Buffer;
}

type Done<T extends unknown[]> = (error: LibraryError | null | undefined, ...result: T) => void;

/** The calls of a client as they are: results may be missing, and a watcher may be undefined. @types know neither. */
export interface LibraryCalls {
  create(path: string, data: Buffer, done: Done<[path: string]>): void;
  getData(
    path: string,
    watcher: (() => void) | undefined,
    done: Done<[data: Buffer | undefined, stat: LibraryStat]>,
  ): void;
  exists(
    path: string,
    watcher: (() => void) | undefined,
    done: Done<[stat: LibraryStat | null | undefined]>,
  ): void;
  getChildren(path: string, watcher: (() => void) | undefined, done: Done<[names: string[]]>): void;
}

export type LibraryCallback = (error: LibraryError | null | undefined, ...results: never[]) => void;

export interface ConnectionManager {
  state: number;
  xid: number;
  sessionId: Buffer;
  sessionTimeout: number;
  connectTimeoutHandler: NodeJS.Timeout | null;
  socket: LibrarySocket | undefined;
  pendingBuffer: Buffer | null;
  readonly packetQueue: { readonly queue: unknown[] };
  on(event: 'state', listener: (state: number) => void): void;
  connect(): void;
  queue(request: LibraryRequest, callback: LibraryCallback): void;
  findNextServer(callback: (server: { host: string; port: number }) => void): void;
  onSocketConnected(): void;
  onSocketData(bytes: Buffer): void;
}

export interface TransactionResult {
  readonly type: number;
  readonly err?: number;
  readonly path?: string;
  readonly stat?: { readonly version: number };
}

export interface LibraryTransaction {
  /** Operations as they will be encoded. */
  readonly ops: { path: string; version?: number }[];
  create(path: string, data: Buffer, mode: number): unknown;
  check(path: string, version: number): unknown;
  setData(path: string, data: Buffer, version: number): unknown;
  remove(path: string, version: number): unknown;
  commit(
    callback: (error: LibraryError | null | undefined, results?: TransactionResult[]) => void,
  ): void;
}

export function callsOf(client: LibraryClient): LibraryCalls {
  return client as unknown as LibraryCalls;
}

export function managerOf(client: LibraryClient): ConnectionManager {
  return (client as unknown as { connectionManager: ConnectionManager }).connectionManager;
}

export function transactionOf(client: LibraryClient): LibraryTransaction {
  return client.transaction() as unknown as LibraryTransaction;
}

export const ErrorCode = {
  runtimeInconsistency: -2,
  connectionLoss: -4,
  operationTimeout: -7,
  noNode: -101,
  badVersion: -103,
  noChildrenForEphemerals: -108,
  nodeExists: -110,
  notEmpty: -111,
  sessionExpired: -112,
  sessionMoved: -118,
} as const;

interface ExceptionFactory {
  create(code: number, path?: string): LibraryError;
}

/**
 * Pitfall 9: the library's factory throws on codes it does not know (SESSION_MOVED -118, QUOTA -125, THROTTLED -127 ...)
 * in the middle of its socket handler. Ours makes an error of the same shape.
 */
export function errorOfCode(code: number, path?: string): LibraryError {
  try {
    return originalCreate(code, path);
  } catch {
    const error = new Error(`ZooKeeper error ${code}${path === undefined ? '' : ` at ${path}`}`);
    return Object.assign(error, { code, getCode: () => code });
  }
}

const factory = library.Exception as unknown as ExceptionFactory;
const originalCreate = factory.create;
factory.create = errorOfCode;
