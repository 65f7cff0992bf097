// The port to the metadata store: a small tree of versioned nodes with sessions, as ZooKeeper has them.
// Implemented on ZooKeeper (zookeeper-store.ts) and embedded (embedded-store.ts, remote-embedded-store.ts).

/** Where the session of a store stands. `lost` is final for that session; a new one gets the next number. */
export type SessionState =
  /** No session yet, or the next one is not established yet; writes are refused after a loss, reads wait. */
  | 'lost'
  /** The server answers. */
  | 'connected'
  /** The connection is gone, the session not yet: operations wait for it until their time limit. */
  | 'suspended';

export interface Session {
  readonly state: SessionState;
  /** 0 before the first session; each new session has the next number. Nodes of older ones are gone or going. */
  readonly number: number;
  /** Identity of the session; equals `owner` of the ephemeral nodes it made. Empty before the first session. */
  readonly token: string;
}

export type SessionListener = (session: Session) => void;

export interface NodeStat {
  /** 0 when created, one more with every `set`. */
  readonly version: number;
  /** Token of the session an ephemeral node belongs to; undefined for a persistent node. */
  readonly owner: string | undefined;
}

export interface StoreNode extends NodeStat {
  readonly data: Buffer;
}

/**
 * Called at most once, some time after the node (or the list of children) changed, or when a new session replaced the
 * one that the watch was set in: changes may have been missed then. A hint to read again, nothing else.
 */
export type Watch = (path: string) => void;

export interface ReadOptions {
  /** Left also when the node is missing; it fires when the node appears. */
  readonly watch?: Watch;
  /**
   * Sees everything that was decided before the call, also the outcome of a write that ended in STORE_UNAVAILABLE.
   * Other reads may lag behind the newest writes of other stores. Costs a round trip to the leader of the ensemble.
   */
  readonly fresh?: boolean;
}

export interface CreateOptions {
  /** Lives as long as the session of this store. */
  readonly ephemeral?: boolean;
  /** The store appends ten decimal digits that grow with every such child of the parent. */
  readonly sequential?: boolean;
}

/** One part of a `multi`. Versions are compared exactly; there is no "any version". */
export type StoreOperation =
  | { readonly kind: 'check'; readonly path: string; readonly version: number }
  | ({ readonly kind: 'create'; readonly path: string; readonly data: Uint8Array } & CreateOptions)
  | {
      readonly kind: 'set';
      readonly path: string;
      readonly data: Uint8Array;
      readonly version: number;
    }
  | { readonly kind: 'delete'; readonly path: string; readonly version: number };

/** Why a write certainly had no effect. */
export type RefusalReason =
  /** The node, or the parent of the node to create, does not exist. */
  | 'node-missing'
  | 'node-exists'
  | 'version-conflict'
  /** A node with children can not be deleted. */
  | 'not-empty'
  /** An ephemeral node can not have children. */
  | 'ephemeral-parent';

export interface Refused {
  readonly ok: false;
  readonly reason: RefusalReason;
  readonly path: string;
  /** Which operation of a `multi` was refused (0 for a single write). Nothing of the multi was done. */
  readonly index: number;
}

export interface Created {
  readonly ok: true;
  /** With the digits of a sequential node. */
  readonly path: string;
}

export interface Written {
  readonly ok: true;
  /** The new version. */
  readonly version: number;
}

export interface Done {
  readonly ok: true;
}

export interface MultiDone {
  readonly ok: true;
  /** One for each operation: the path created, the version written; neither for check and delete. */
  readonly results: readonly { readonly path?: string; readonly version?: number }[];
}

/**
 * A long-lived store: it reconnects by itself and opens a new session when one was lost.
 *
 * A refused write is a value (`ok: false`). Everything else that goes wrong throws a `ZhumqError`: STORE_UNAVAILABLE (outcome
 * unknown: the write may have been done, read back to see; `context.sent === false` says that it certainly was not),
 * INVALID_REQUEST (path, version or size), CLOSED. Every operation ends within the store's operation time limit.
 * A write belongs to the session it was called in: it is never sent in a later one.
 */
export interface MetadataStore {
  /** The present session; changes with the events of `onSession`. */
  readonly session: Session;

  /** Undefined when the node is missing. */
  get(path: string, options?: ReadOptions): Promise<StoreNode | undefined>;
  /** Names (not paths), sorted; undefined when the node is missing. The watch is on the list, not on the children. */
  children(path: string, options?: ReadOptions): Promise<readonly string[] | undefined>;
  exists(path: string, options?: ReadOptions): Promise<NodeStat | undefined>;

  create(path: string, data: Uint8Array, options?: CreateOptions): Promise<Created | Refused>;
  set(path: string, data: Uint8Array, expectedVersion: number): Promise<Written | Refused>;
  delete(path: string, expectedVersion: number): Promise<Done | Refused>;
  /** All or nothing. */
  multi(operations: readonly StoreOperation[]): Promise<MultiDone | Refused>;

  /**
   * Every change of `session`. `lost` comes 2/3 of the session's time limit after the last answered request, before the
   * servers can drop the ephemeral nodes: the listener must stop acting on them before it returns. `connected` with a
   * new number means: create the ephemeral nodes again and read everything again. Returns what removes the listener.
   */
  onSession(listener: SessionListener): () => void;

  /** Ends the session (its ephemeral nodes vanish) and all waiting operations (CLOSED). Not followed by an event. */
  close(): Promise<void>;
}
