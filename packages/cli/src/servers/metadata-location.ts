// Where the metadata store is: a ZooKeeper ensemble, or the embedded store that `zhumq dev --processes` serves.
import { RemoteEmbeddedStore, ZooKeeperStore } from '@zhumq/metadata';
import type { MetadataStore } from '@zhumq/metadata';
import { connectChannel, storeClient } from '@zhumq/rpc';
import { formatHostPort } from '@zhumq/base';
import type { HostPort } from '@zhumq/base';
import type { ServerEnvironment } from './environment.js';

export type MetadataLocation =
  | { readonly kind: 'zookeeper'; readonly connectionString: string }
  | { readonly kind: 'embedded'; readonly address: HostPort };

export interface OpenedStore {
  readonly store: MetadataStore;
  close(): Promise<void>;
}

export function openMetadataStore(
  location: MetadataLocation,
  sessionTimeoutMs: number,
  environment: ServerEnvironment,
): OpenedStore {
  const { clock, random } = environment;
  if (location.kind === 'zookeeper') {
    const { connectionString } = location;
    const store = new ZooKeeperStore({ connectionString, clock, random, sessionTimeoutMs });
    return { store, close: () => store.close() };
  }
  const channel = connectChannel({ ...location.address, clock, random });
  const client = storeClient(channel);
  const store = new RemoteEmbeddedStore({
    call: (request, timeoutMs) => client.call(request, { timeoutMs }),
    clock,
    random,
    sessionTimeoutMs,
    place: `at ${formatHostPort(location.address)}`,
  });
  return {
    store,
    close: async () => {
      await store.close();
      channel.close();
    },
  };
}
