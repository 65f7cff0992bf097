// Contract: sessions, their end and what belongs to them.
import assert from 'node:assert/strict';
import { isError } from '@zhumq/model';
import type { Session } from '../metadata-store.js';
import { connected, eventually, folder, text } from './world.js';
import type { ContractCase } from './world.js';

export const sessions: ContractCase[] = [
  {
    name: 'tells whose an ephemeral node is, and drops it when its store closes',
    async run(world) {
      const [store, other] = [world.open(), world.open()];
      const path = `${await folder(store)}/node`;
      await store.create(path, text(''), { ephemeral: true });
      const { token } = await connected(world.clock, store);
      assert.equal((await other.get(path, { fresh: true }))?.owner, token);
      assert.notEqual((await connected(world.clock, other)).token, token);
      await store.close();
      await eventually(
        world.clock,
        'node gone',
        async () => (await other.exists(path)) === undefined,
      );
      await assert.rejects(
        async () => store.get(path),
        (error) => isError(error, 'CLOSED'),
      );
      await assert.rejects(
        async () => store.create(path, text('')),
        (error) => isError(error, 'CLOSED'),
      );
    },
  },
  {
    name: 'replaces an expired session by a new one: lost, connected, watches fire, nodes are gone',
    async run(world) {
      const [store, other] = [world.open(), world.open()];
      const path = `${await folder(store)}/node`;
      const first = await connected(world.clock, store);
      await store.create(path, text(''), { ephemeral: true });
      const events: Session[] = [];
      store.onSession((session) => void events.push(session));
      let fired = 0;
      await store.get(path, { watch: () => void fired++ });
      await world.expire(store);
      const second = await eventually(
        world.clock,
        'a new session',
        () => store.session.number === first.number + 1 && store.session,
      );
      assert.notEqual(second.token, first.token);
      // On a slow machine the connection may come and go before the session is lost.
      const told = events.filter(
        ({ state, number }) =>
          state !== 'suspended' && !(state === 'connected' && number === first.number),
      );
      assert.deepEqual(
        told.map(({ state, number }) => [state, number]),
        [
          ['lost', first.number],
          ['connected', first.number + 1],
        ],
      );
      await eventually(world.clock, 'watch', () => fired === 1);
      await eventually(
        world.clock,
        'node gone',
        async () => (await other.exists(path)) === undefined,
      );
      const again = await store.create(path, text(''), { ephemeral: true });
      assert.ok(again.ok);
      assert.equal((await store.get(path))?.owner, second.token);
    },
  },
  {
    name: 'never does a write of a lost session in the next one',
    async run(world) {
      const store = world.open();
      const path = `${await folder(store)}/node`;
      await connected(world.clock, store);
      let attempt: Promise<unknown> | undefined;
      store.onSession(({ state }) => {
        if (state === 'lost')
          attempt = store.create(path, text('')).catch((error: unknown) => error);
      });
      await world.expire(store);
      const error = await eventually(world.clock, 'an answer', async () => attempt);
      assert.ok(isError(error, 'STORE_UNAVAILABLE'));
      assert.equal(error.context.sent, false);
      await eventually(world.clock, 'a new session', () => store.session.number === 2);
      assert.equal(await store.get(path, { fresh: true }), undefined);
    },
  },
  {
    name: 'forgets a listener that was removed',
    async run(world) {
      const store = world.open();
      await connected(world.clock, store);
      let heard = 0;
      const forget = store.onSession(() => void heard++);
      forget();
      await world.expire(store);
      await eventually(world.clock, 'a new session', () => store.session.number === 2);
      assert.equal(heard, 0);
    },
  },
  {
    name: 'sees with a fresh read what another store was told is done',
    async run(world) {
      const [store, other] = [world.open(), world.open()];
      const parent = await folder(store);
      for (let round = 0; round < 20; round++) {
        await store.create(`${parent}/${round}`, text(''));
        assert.ok(await other.exists(`${parent}/${round}`, { fresh: true }));
      }
    },
  },
];
