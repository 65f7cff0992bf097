// The metadata store: one port, on ZooKeeper or embedded.
export { childOf, nameOf, parentOf, parsePath, paths, persistentParents } from './paths.js';
export type { ParsedPath } from './paths.js';
export type {
  CreateOptions,
  Created,
  Done,
  MetadataStore,
  MultiDone,
  NodeStat,
  ReadOptions,
  RefusalReason,
  Refused,
  Session,
  SessionListener,
  SessionState,
  StoreNode,
  StoreOperation,
  Watch,
  Written,
} from './metadata-store.js';
