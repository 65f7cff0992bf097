import { ManualClock, SeededRandom, silentLogger } from '@zhumq/base';
import type { MetadataStore } from '@zhumq/metadata';
import { zhumqError } from '@zhumq/model';
import type { ChannelPool } from '@zhumq/rpc';
import { ZkServerLink } from './zkserver-link.js';

function linkOver(store: Partial<MetadataStore>): { link: ZkServerLink; clock: ManualClock } {
  const clock = new ManualClock();
  const link = new ZkServerLink({
    store: store as MetadataStore,
    channels: {} as ChannelPool,
    clock,
    random: new SeededRandom(1),
    logger: silentLogger,
  });
  return { link, clock };
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
}

const never = new AbortController().signal;
const unused = (): Promise<never> => Promise.reject(new Error('not to be called'));

test('a call with a deadline ends at the deadline although the metadata store does not answer', async () => {
  const { link, clock } = linkOver({ get: () => new Promise(() => undefined) });
  const call = link.callActiveWithin(3000, unused, never).catch((error: unknown) => error);
  await settle();
  clock.advance(3000);
  expect(await call).toMatchObject({
    code: 'STORE_UNAVAILABLE',
    retriable: true,
    context: { sent: false },
    message: 'no zkserver answered within 3000 ms',
  });
});

test('a call with a deadline names the last failure at the deadline', async () => {
  const away = zhumqError('STORE_UNAVAILABLE', 'ZooKeeper at zk1:2181 is away');
  const { link, clock } = linkOver({ get: () => Promise.reject(away) });
  const call = link.callActiveWithin(3000, unused, never).catch((error: unknown) => error);
  for (let passed = 0; passed < 30; passed++) {
    await settle();
    clock.advance(100);
  }
  expect(await call).toMatchObject({
    code: 'STORE_UNAVAILABLE',
    message: 'no zkserver answered within 3000 ms: ZooKeeper at zk1:2181 is away',
    cause: away,
  });
});

test('a call with a deadline ends with what the caller stops it with', async () => {
  const { link } = linkOver({ get: () => new Promise(() => undefined) });
  const stopping = new AbortController();
  const call = link
    .callActiveWithin(3000, unused, stopping.signal)
    .catch((error: unknown) => error);
  await settle();
  stopping.abort(zhumqError('STOPPING', 'the broker is stopping'));
  expect(await call).toMatchObject({ code: 'STOPPING' });
});
