// Makes nodes that must exist before others; safe to repeat and to race.
import { zhumqError } from '@zhumq/model';
import type { MetadataStore } from './metadata-store.js';
import { parentOf, persistentParents } from './paths.js';

/** The persistent nodes that every cluster needs (paths.ts). */
export async function createPersistentParents(store: MetadataStore): Promise<void> {
  for (const path of persistentParents) await createIfMissing(store, path);
}

/** Creates a persistent node, and its parents, unless it exists. What an existing one holds is left alone. */
export async function createIfMissing(
  store: MetadataStore,
  path: string,
  data: Uint8Array = Buffer.alloc(0),
): Promise<void> {
  if ((await store.exists(path)) !== undefined) return;
  const parent = parentOf(path);
  if (parent !== '/') await createIfMissing(store, parent);
  const outcome = await store.create(path, data);
  if (outcome.ok || outcome.reason === 'node-exists') return;
  const message = `${path} can not be created: ${outcome.reason}`;
  throw zhumqError('INVALID_REQUEST', message, { path, reason: outcome.reason });
}
