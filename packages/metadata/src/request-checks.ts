// What a store refuses before sending anything. The limits lie well below those of ZooKeeper, which answers a request
// over its jute.maxbuffer (1,048,575 bytes with everything around it) by dropping the connection.
import { zhumqError } from '@zhumq/model';
import type { StoreOperation } from './metadata-store.js';

/** Most bytes in one node. */
export const NODE_BYTES_LIMIT = 100 * 1024;
/** Most bytes (data, paths and framing) in one multi. */
export const MULTI_BYTES_LIMIT = 500 * 1024;
/** Most characters in a path. */
export const PATH_LENGTH_LIMIT = 1024;
/** An operation around its path and data: type, flags, access list, lengths. */
const OPERATION_OVERHEAD_BYTES = 64;

/** Throws INVALID_REQUEST for what is no absolute, normal path. A prefix of sequential nodes may end in a slash. */
export function checkPath(path: string, isPrefix = false): void {
  const why = pathProblem(isPrefix && path !== '/' && path.endsWith('/') ? `${path}0` : path);
  if (why !== undefined) throw zhumqError('INVALID_REQUEST', `Path "${path}" ${why}`, { path });
}

export function checkOperations(operations: readonly StoreOperation[]): void {
  let bytes = 0;
  for (const operation of operations) {
    checkPath(operation.path, operation.kind === 'create' && operation.sequential === true);
    bytes += OPERATION_OVERHEAD_BYTES + Buffer.byteLength(operation.path);
    if (operation.kind === 'create' || operation.kind === 'set') {
      checkData(operation.path, operation.data);
      bytes += operation.data.byteLength;
    }
    if (operation.kind !== 'create') checkVersion(operation.path, operation.version);
    if (operation.kind === 'delete' && operation.path === '/') {
      throw zhumqError('INVALID_REQUEST', 'The root can not be deleted', { path: '/' });
    }
  }
  if (bytes > MULTI_BYTES_LIMIT) {
    throw zhumqError(
      'INVALID_REQUEST',
      `A multi of ${operations.length} operations has ${bytes} bytes, over the limit of ${MULTI_BYTES_LIMIT}`,
      { bytes, limit: MULTI_BYTES_LIMIT },
    );
  }
}

function pathProblem(path: string): string | undefined {
  if (typeof path !== 'string' || !path.startsWith('/')) return 'does not begin with a slash';
  if (path.length > PATH_LENGTH_LIMIT) return `is longer than ${PATH_LENGTH_LIMIT} characters`;
  if (path === '/') return undefined;
  const names = path.slice(1).split('/');
  if (names.includes('')) return 'has an empty part';
  if (names.includes('.') || names.includes('..')) return 'has a relative part';
  return /[\p{C}]/u.test(path) ? 'has a control character' : undefined;
}

function checkData(path: string, data: Uint8Array): void {
  if (!(data instanceof Uint8Array)) {
    throw zhumqError('INVALID_REQUEST', `The data of ${path} are no bytes`, { path });
  }
  if (data.byteLength > NODE_BYTES_LIMIT) {
    throw zhumqError(
      'INVALID_REQUEST',
      `${data.byteLength} bytes of data for ${path} are over the limit of ${NODE_BYTES_LIMIT}`,
      { path, bytes: data.byteLength, limit: NODE_BYTES_LIMIT },
    );
  }
}

/** There is no "any version" (-1): it would overwrite what the caller has not seen. */
function checkVersion(path: string, version: number): void {
  if (Number.isInteger(version) && version >= 0 && version < 2 ** 31) return;
  throw zhumqError('INVALID_REQUEST', `${version} is no version to expect of ${path}`, {
    path,
    version: String(version),
  });
}
