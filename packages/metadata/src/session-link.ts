// What LinkedStore needs of one session with the servers; the room below implements it for ZooKeeper, for the embedded
// store in this process and for one in another process.
import type { MultiDone, NodeStat, Refused, StoreNode, StoreOperation } from './metadata-store.js';

/** `node`: created, changed or deleted. `children`: the list of names. */
export type WatchKind = 'node' | 'children';

/** The request got no answer: it may have been done, now or (as long as the session lives) later. */
export class LinkBroken extends Error {
  override readonly name = 'LinkBroken';
}

/**
 * What a link reports, never from within the call that opens it. Nothing comes after `over`, nor after `dispose`. A
 * request that breaks off rejects after `suspended` or `over` was reported.
 */
export interface LinkEvents {
  /** The session exists. `sentAtMs`: when the request was sent that this answers. */
  opened(token: string, timeoutMs: number, sentAtMs: number): void;
  /** No connection; the session may live on. */
  suspended(): void;
  /** The same session is connected again. */
  resumed(sentAtMs: number): void;
  /** The servers said that the session is over. */
  over(): void;
  /** A watched thing changed; that watch is used up. */
  changed(kind: WatchKind, path: string): void;
}

/**
 * One session, from its opening to its end. Requests reject with LinkBroken, or with a ZhumqError when the answer was
 * an error that is none of the refusals. A watch is left by passing `watched`; it survives reconnects of the session.
 */
export interface SessionLink {
  getNode(path: string, watched: boolean): Promise<StoreNode | undefined>;
  getStat(path: string, watched: boolean): Promise<NodeStat | undefined>;
  getChildren(path: string, watched: boolean): Promise<string[] | undefined>;
  /** Later reads see everything decided before; requests that were broken off before are never done after it. */
  sync(): Promise<void>;
  write(operations: readonly StoreOperation[]): Promise<MultiDone | Refused>;
  /** Something small, answered by the servers, that keeps the session alive. */
  beat(): Promise<void>;
  /** Ends the session as soon as the servers can be reached; resolves once it is over. */
  end(): Promise<void>;
  /** Lets go of everything at once without telling the servers. */
  dispose(): void;
}

/** Starts to open a session; keeps trying until `opened` or `dispose`. */
export type OpenLink = (events: LinkEvents) => SessionLink;
