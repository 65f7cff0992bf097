// The metadata store below a path, decoded, for people (`zhumq zk dump`). Read node by node: not one moment's picture.
import { childOf } from '@zhumq/metadata';
import { zhumqError } from '@zhumq/model';
import type { StoreNode } from '@zhumq/rpc';
import type { ApiContext } from './api-context.js';
import { describeZnode } from './znode-description.js';

/** More would not fit an answer comfortably; ask for a part. */
const MAX_NODES = 20_000;

export async function dumpStore({ store }: ApiContext, path: string): Promise<StoreNode[]> {
  const found: StoreNode[] = [];
  const waiting = [path];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const node = await store.get(next);
    if (node === undefined) continue; // vanished meanwhile, or was never there
    if (found.length >= MAX_NODES) throw tooMany(path);
    const { version, owner, data } = node;
    const json = JSON.stringify(describeZnode(next, data));
    found.push({ path: next, version, ephemeral: owner !== undefined, json });
    const names = (await store.children(next)) ?? [];
    for (const name of names.toReversed()) waiting.push(childOf(next, name));
  }
  if (found.length > 0) return found;
  throw zhumqError('NOT_FOUND', `there is no ${path} in the metadata store`, { path });
}

function tooMany(path: string): Error {
  const message = `there are more than ${MAX_NODES} nodes below ${path}; ask for a path below it`;
  return zhumqError('INVALID_REQUEST', message, { path, limit: MAX_NODES });
}
