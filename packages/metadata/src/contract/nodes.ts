// Contract: nodes, versions, children.
import assert from 'node:assert/strict';
import { folder, text } from './world.js';
import type { ContractCase } from './world.js';

export const nodes: ContractCase[] = [
  {
    name: 'creates, reads, sets and deletes a node, with versions from 0',
    async run(world) {
      const store = world.open();
      const path = `${await folder(store)}/node`;
      assert.equal(await store.get(path), undefined);
      assert.equal(await store.exists(path), undefined);
      assert.equal(await store.children(path), undefined);
      assert.deepEqual(await store.create(path, text('one')), { ok: true, path });
      const node = await store.get(path);
      assert.equal(node?.data.toString(), 'one');
      assert.equal(node.version, 0);
      assert.equal(node.owner, undefined);
      assert.deepEqual(await store.set(path, text('two'), 0), { ok: true, version: 1 });
      assert.deepEqual(await store.exists(path), { version: 1, owner: undefined });
      assert.deepEqual(await store.delete(path, 1), { ok: true });
      assert.equal(await store.get(path), undefined);
    },
  },
  {
    name: 'keeps empty data and every byte',
    async run(world) {
      const store = world.open();
      const parent = await folder(store);
      const bytes = Buffer.from(Array.from({ length: 256 }, (_, index) => index));
      await store.create(`${parent}/bytes`, bytes);
      await store.create(`${parent}/empty`, new Uint8Array());
      assert.ok((await store.get(`${parent}/bytes`))?.data.equals(bytes));
      assert.equal((await store.get(`${parent}/empty`))?.data.length, 0);
    },
  },
  {
    name: 'refuses with a reason, and changes nothing',
    async run(world) {
      const store = world.open();
      const parent = await folder(store);
      const path = `${parent}/node`;
      const refused = (reason: string, at: string): object => ({
        ok: false,
        reason,
        path: at,
        index: 0,
      });
      assert.deepEqual(
        await store.create(`${path}/deep`, text('')),
        refused('node-missing', `${path}/deep`),
      );
      assert.deepEqual(await store.set(path, text(''), 0), refused('node-missing', path));
      assert.deepEqual(await store.delete(path, 0), refused('node-missing', path));
      await store.create(path, text('kept'));
      assert.deepEqual(await store.create(path, text('')), refused('node-exists', path));
      assert.deepEqual(await store.set(path, text(''), 1), refused('version-conflict', path));
      assert.deepEqual(await store.delete(path, 1), refused('version-conflict', path));
      assert.deepEqual(await store.delete(parent, 0), refused('not-empty', parent));
      await store.create(`${parent}/short`, text(''), { ephemeral: true });
      const under = `${parent}/short/under`;
      assert.deepEqual(await store.create(under, text('')), refused('ephemeral-parent', under));
      assert.equal((await store.get(path))?.data.toString(), 'kept');
      assert.equal((await store.get(path))?.version, 0);
    },
  },
  {
    name: 'compares version 0 exactly, alone and in a multi',
    async run(world) {
      const store = world.open();
      const path = `${await folder(store)}/node`;
      await store.create(path, text('a'));
      await store.set(path, text('b'), 0);
      const stale = [
        await store.set(path, text('c'), 0),
        await store.delete(path, 0),
        await store.multi([{ kind: 'check', path, version: 0 }]),
        await store.multi([{ kind: 'set', path, data: text('c'), version: 0 }]),
        await store.multi([{ kind: 'delete', path, version: 0 }]),
      ];
      for (const outcome of stale) assert.equal(!outcome.ok && outcome.reason, 'version-conflict');
      assert.equal((await store.get(path))?.data.toString(), 'b');
    },
  },
  {
    name: 'lists children sorted by name',
    async run(world) {
      const store = world.open();
      const parent = await folder(store);
      for (const name of ['c', 'a', 'b']) await store.create(`${parent}/${name}`, text(''));
      assert.deepEqual(await store.children(parent), ['a', 'b', 'c']);
      assert.deepEqual(await store.children(`${parent}/a`), []);
    },
  },
  {
    name: 'numbers sequential nodes upwards',
    async run(world) {
      const store = world.open();
      const parent = await folder(store);
      const made: string[] = [];
      for (let count = 0; count < 3; count++) {
        const options = { sequential: true, ephemeral: count === 1 };
        const outcome = await store.create(`${parent}/`, text(String(count)), options);
        assert.ok(outcome.ok);
        assert.match(outcome.path, new RegExp(`^${parent}/\\d{10}$`));
        made.push(outcome.path);
      }
      assert.deepEqual(made, [...made].sort());
      assert.equal(new Set(made).size, 3);
      assert.equal((await store.get(made[1]))?.owner, store.session.token);
    },
  },
];
