// The contract, run against the embedded store in memory, on a file, and served to another party.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SystemClock, systemRandom } from '@zhumq/base';
import { EmbeddedStoreServer } from './embedded-store-server.js';
import { EmbeddedStore } from './embedded-store.js';
import type { MetadataStore } from './metadata-store.js';
import { RemoteEmbeddedStore } from './remote-embedded-store.js';
import { storeContract } from './store-contract.js';
import type { ContractWorld } from './store-contract.js';

jest.setTimeout(30_000);

const clock = new SystemClock();
const folder = mkdtempSync(join(tmpdir(), 'zhumq-metadata-'));
afterAll(() => rmSync(folder, { recursive: true }));

type Kind = 'memory' | 'file' | 'remote';

function openWorld(kind: Kind, name: string): ContractWorld & { close(): Promise<void> } {
  const file = kind === 'file' ? join(folder, name.replace(/\W+/g, '-')) : undefined;
  const embedded = new EmbeddedStore({ clock, ...(file !== undefined && { file }) });
  const server = new EmbeddedStoreServer({ store: embedded, clock });
  const stores: MetadataStore[] = [];
  const open = (): MetadataStore => {
    if (kind !== 'remote') return embedded.connect();
    const call = (request: string): Promise<string> => server.handle(request);
    return new RemoteEmbeddedStore({
      call,
      clock,
      random: systemRandom(),
      sessionTimeoutMs: 6_000,
    });
  };
  return {
    clock,
    open: () => {
      stores.push(open());
      return stores[stores.length - 1];
    },
    expire: (store) => Promise.resolve(embedded.expireSession(store.session.token)),
    close: async () => {
      await Promise.all(stores.map((store) => store.close()));
      server.close();
      await embedded.close();
    },
  };
}

describe.each<Kind>(['memory', 'file', 'remote'])('the embedded store (%s)', (kind) => {
  it.each(storeContract)('$name', async ({ name, run }) => {
    const world = openWorld(kind, name);
    try {
      await run(world);
    } finally {
      await world.close();
    }
  });
});
