// The metadata store: one port, on ZooKeeper or embedded.
export { ControllerElection } from './controller-election.js';
export type { ControllerElectionOptions } from './controller-election.js';
export { createIfMissing, createPersistentParents } from './create-parents.js';
export { EmbeddedStoreServer } from './embedded-store-server.js';
export type { EmbeddedStoreServerOptions } from './embedded-store-server.js';
export { EmbeddedStore } from './embedded-store.js';
export type { EmbeddedStoreOptions } from './embedded-store.js';
export { EmbeddedTree, touchedBy } from './embedded-tree.js';
export type { Effect } from './embedded-tree.js';
export { Leadership } from './leadership.js';
export type { DeposedReason } from './leadership.js';
export { LinkedStore } from './linked-store.js';
export type { LinkedStoreOptions } from './linked-store.js';
export { LinkBroken } from './session-link.js';
export type { LinkEvents, OpenLink, SessionLink, WatchKind } from './session-link.js';
export { childOf, nameOf, parentOf, parsePath, paths } from './paths.js';
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
export { RemoteEmbeddedStore } from './remote-embedded-store.js';
export type { RemoteEmbeddedStoreOptions } from './remote-embedded-store.js';
export type { StoreCall } from './remote-link.js';
export { ZooKeeperStore } from './zookeeper-store.js';
export type { ZooKeeperStoreOptions } from './zookeeper-store.js';
