// Contract: several operations as one, sizes, compare-and-set.
import assert from 'node:assert/strict';
import { isError } from '@zhumq/model';
import { NODE_BYTES_LIMIT } from '../request-checks.js';
import { folder, text } from './world.js';
import type { ContractCase } from './world.js';

export const multis: ContractCase[] = [
  {
    name: 'does a multi as a whole, each operation seeing those before it',
    async run(world) {
      const store = world.open();
      const path = `${await folder(store)}/node`;
      const outcome = await store.multi([
        { kind: 'create', path, data: text('a') },
        { kind: 'check', path, version: 0 },
        { kind: 'set', path, data: text('b'), version: 0 },
        { kind: 'create', path: `${path}/-`, data: text(''), sequential: true },
        { kind: 'check', path, version: 1 },
      ]);
      assert.ok(outcome.ok);
      assert.equal(outcome.results.length, 5);
      assert.equal(outcome.results[0].path, path);
      assert.equal(outcome.results[2].version, 1);
      assert.match(outcome.results[3].path ?? '', /\/-\d{10}$/);
      assert.equal((await store.get(path))?.data.toString(), 'b');
    },
  },
  {
    name: 'does nothing of a multi with one refusal, and says which',
    async run(world) {
      const store = world.open();
      const parent = await folder(store);
      await store.create(`${parent}/old`, text('old'));
      const outcome = await store.multi([
        { kind: 'create', path: `${parent}/new`, data: text('') },
        { kind: 'set', path: `${parent}/old`, data: text('changed'), version: 0 },
        { kind: 'check', path: `${parent}/old`, version: 7 },
        { kind: 'delete', path: `${parent}/old`, version: 1 },
      ]);
      const expected = { ok: false, reason: 'version-conflict', path: `${parent}/old`, index: 2 };
      assert.deepEqual(outcome, expected);
      assert.deepEqual(await store.children(parent), ['old']);
      assert.equal((await store.get(`${parent}/old`))?.data.toString(), 'old');
      assert.deepEqual(await store.multi([]), { ok: true, results: [] });
    },
  },
  {
    name: 'refuses what is too large or malformed before sending it',
    async run(world) {
      const store = world.open();
      const path = `${await folder(store)}/node`;
      const invalid = (error: unknown): boolean => isError(error, 'INVALID_REQUEST');
      const large = Buffer.alloc(NODE_BYTES_LIMIT + 1);
      const most = Buffer.alloc(NODE_BYTES_LIMIT, 1);
      await assert.rejects(async () => store.create(path, large), invalid);
      const many = Array.from({ length: 6 }, (_, index) => ({
        kind: 'create' as const,
        path: `${path}${index}`,
        data: most,
      }));
      await assert.rejects(async () => store.multi(many), invalid);
      await assert.rejects(async () => store.set(path, most, -1), invalid);
      await assert.rejects(async () => store.delete('/', 0), invalid);
      for (const bad of ['', 'a', '/a/', '/a//b', '/a/../b', '/a\u0000b']) {
        await assert.rejects(async () => store.get(bad), invalid);
        await assert.rejects(async () => store.create(bad, text('')), invalid);
      }
      assert.deepEqual(await store.create(path, most), { ok: true, path });
      assert.ok((await store.get(path))?.data.equals(most));
    },
  },
  {
    name: 'lets exactly one of many concurrent compare-and-sets win',
    async run(world) {
      const stores = [world.open(), world.open()];
      const path = `${await folder(stores[0])}/node`;
      await stores[0].create(path, text(''));
      const tries = Array.from({ length: 20 }, (_, index) =>
        stores[index % 2].set(path, text(String(index)), 0),
      );
      const outcomes = await Promise.all(tries);
      assert.equal(outcomes.filter(({ ok }) => ok).length, 1);
      const winner = outcomes.findIndex(({ ok }) => ok);
      assert.equal((await stores[0].get(path, { fresh: true }))?.data.toString(), String(winner));
    },
  },
];
