// The window of a subscription while commits do not work: what is committed later, without another word, makes room.
import { ManualClock, silentLogger } from '@zhumq/base';
import type { Client, Consumer, TakenMessage } from '@zhumq/client';
import { zhumqError } from '@zhumq/model';
import type { CallContext } from '@zhumq/rpc';
import { until } from './gateway.fixture.js';
import { Member } from './member.js';
import { Subscription } from './subscription.js';

test('what could not be committed in time, and is by the next commit, is in the window no more', async () => {
  const clock = new ManualClock();
  const taken: { committed: boolean; lost: boolean; done: () => void }[] = [];
  const take = ({ max = 1 }): Promise<TakenMessage[]> =>
    Promise.resolve(
      Array.from({ length: max }, () => {
        const offset = taken.length;
        const handling = { committed: false, lost: false, done: () => undefined };
        taken.push(handling);
        const about = { topic: 't', partition: 0, offset, timestamp: 0, key: null };
        const message = { ...about, value: Buffer.from('x'), headers: new Map() };
        return { message, handling } as unknown as TakenMessage;
      }),
    );
  const late = zhumqError('TIMEOUT', 'the coordinator does not answer');
  const consumer = { take, commit: () => Promise.reject(late), on: () => undefined };
  const client = { consumer: () => consumer as unknown as Consumer } as unknown as Client;
  const settings = {
    ...{ group: 'g', topics: ['t'], sessionTimeoutMs: 60_000, start: -2, clientId: '' },
    ...{ resumeAfterLoss: false, prefetchBytes: 65_536, maxUnacked: 5, maxBytes: 65_536 },
  };
  const member = new Member(client, settings, clock);
  const told: string[] = [];
  const peer = {
    send: ({ name }: { readonly name: string }) => {
      told.push(name);
      return true;
    },
  };
  const context = { bufferedBytes: 0, peer } as unknown as CallContext;
  const subscription = new Subscription({
    ...{ member, context, clock, logger: silentLogger, heartbeatMs: 1_000 },
    window: { maxRecords: 5, maxBytes: 65_536 },
    ...{ told: (error) => error, ended: () => undefined },
  });
  subscription.start();
  await until(() => taken.length === 5);
  const id = (offset: number) => ({ topic: 't', partition: 0, offset });
  await subscription.acknowledge([0, 1, 2, 3, 4].map(id));
  expect(told).toContain('refused');
  for (const handling of taken) handling.committed = true;
  clock.advance(1_000);
  await until(() => taken.length === 10);
  subscription.end();
});
