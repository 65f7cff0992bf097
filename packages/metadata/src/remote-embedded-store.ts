// The metadata store on an EmbeddedStoreServer in another process; how to call it comes in as a port.
import type { Clock, Random } from '@zhumq/base';
import { LinkedStore } from './linked-store.js';
import { RemoteLink } from './remote-link.js';
import type { StoreCall } from './remote-link.js';

export interface RemoteEmbeddedStoreOptions {
  /** Sends a request to `EmbeddedStoreServer.handle`; rejects when no reply came within `timeoutMs`. */
  readonly call: StoreCall;
  readonly clock: Clock;
  readonly random: Random;
  /** Default 6 s. */
  readonly sessionTimeoutMs?: number;
  /** Default 10 s. */
  readonly operationTimeoutMs?: number;
  /** Where the server is, for the texts of errors. */
  readonly place?: string;
}

const DEFAULT_SESSION_TIMEOUT_MS = 6_000;

export class RemoteEmbeddedStore extends LinkedStore {
  constructor(options: RemoteEmbeddedStoreOptions) {
    const { call, clock, random, sessionTimeoutMs = DEFAULT_SESSION_TIMEOUT_MS } = options;
    super((events) => new RemoteLink({ call, clock, random, sessionTimeoutMs }, events), options);
  }
}
