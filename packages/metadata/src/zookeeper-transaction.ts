// Operations of the port to a transaction of the library and its results back. Every write is one, single ones too: one
// path to get right.
import { zhumqError } from '@zhumq/model';
import type { MultiDone, RefusalReason, Refused, StoreOperation } from './metadata-store.js';
import { LinkBroken } from './session-link.js';
import { CreateMode, ErrorCode, RequestType } from './zookeeper-library.js';
import type { LibraryError, LibraryTransaction, TransactionResult } from './zookeeper-library.js';

/** Error codes that say: not done, and why. */
const REFUSALS: ReadonlyMap<number, RefusalReason> = new Map([
  [ErrorCode.noNode, 'node-missing'],
  [ErrorCode.nodeExists, 'node-exists'],
  [ErrorCode.badVersion, 'version-conflict'],
  [ErrorCode.notEmpty, 'not-empty'],
  [ErrorCode.noChildrenForEphemerals, 'ephemeral-parent'],
]);

/** Codes after which the request may have been done, or be done later. */
const BROKEN: ReadonlySet<number> = new Set([
  ErrorCode.connectionLoss,
  ErrorCode.operationTimeout,
  ErrorCode.sessionExpired,
  ErrorCode.sessionMoved,
]);

export function fillTransaction(
  transaction: LibraryTransaction,
  operations: readonly StoreOperation[],
  fullPath: (path: string) => string,
): void {
  for (const operation of operations) {
    const path = fullPath(operation.path);
    switch (operation.kind) {
      case 'create':
        // The library refuses a prefix that ends in a slash; the server takes it for a sequential node.
        transaction.create(`${path}-`, bufferOf(operation.data), modeOf(operation));
        transaction.ops[transaction.ops.length - 1].path = path;
        continue;
      case 'set':
        transaction.setData(path, bufferOf(operation.data), operation.version);
        break;
      case 'check':
        transaction.check(path, operation.version);
        break;
      case 'delete':
        transaction.remove(path, operation.version);
    }
    // Pitfall 1: the library turns version 0 into -1, "any version" (its issue 67, open since 2017).
    transaction.ops[transaction.ops.length - 1].version = operation.version;
  }
}

export function doneOf(
  results: readonly TransactionResult[],
  ownPath: (path: string) => string,
): MultiDone {
  return {
    ok: true,
    results: results.map(({ path, stat }) => ({
      ...(path === undefined ? {} : { path: ownPath(path) }),
      ...(stat === undefined ? {} : { version: stat.version }),
    })),
  };
}

/**
 * The operation that was refused: those before it have the code 0, those after it RUNTIME_INCONSISTENCY. Throws for
 * errors that are no refusal.
 */
export function refusedOf(
  error: LibraryError,
  results: readonly TransactionResult[] | undefined,
  operations: readonly StoreOperation[],
): Refused {
  const index = results?.findIndex(
    ({ type, err }) =>
      type === RequestType.error && err !== 0 && err !== ErrorCode.runtimeInconsistency,
  );
  const code = index === undefined || index === -1 ? error.code : results?.[index].err;
  const reason = REFUSALS.get(code ?? error.code);
  if (reason === undefined) throw storeError(error);
  const at = Math.max(0, index ?? 0);
  return { ok: false, reason, path: operations[at].path, index: at };
}

/** What a request of the library failed with, in the terms of the port. */
export function storeError(error: LibraryError): Error {
  // A code that is none is a synchronous complaint of the library about its arguments, hence a bug of ours.
  if (typeof error.code !== 'number') return zhumqError('INTERNAL', error.message, {}, error);
  if (BROKEN.has(error.code)) return new LinkBroken(error.message, { cause: error });
  const message = `ZooKeeper refuses the request: ${error.message}`;
  return zhumqError('STORE_UNAVAILABLE', message, { sent: true, storeCode: error.code }, error);
}

function bufferOf(data: Uint8Array): Buffer {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
}

function modeOf(operation: { ephemeral?: boolean; sequential?: boolean }): number {
  const { ephemeral = false, sequential = false } = operation;
  if (sequential)
    return ephemeral ? CreateMode.EPHEMERAL_SEQUENTIAL : CreateMode.PERSISTENT_SEQUENTIAL;
  return ephemeral ? CreateMode.EPHEMERAL : CreateMode.PERSISTENT;
}
