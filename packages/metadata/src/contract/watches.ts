// Contract: watches, which fire once.
import assert from 'node:assert/strict';
import { eventually, folder, text } from './world.js';
import type { ContractCase } from './world.js';

export const watches: ContractCase[] = [
  {
    name: 'fires a watch once on creation, change and deletion of a node',
    async run(world) {
      const [store, other] = [world.open(), world.open()];
      const path = `${await folder(store)}/node`;
      const fired: string[] = [];
      const steps = [
        () => other.create(path, text('')),
        () => other.set(path, text('new'), 0),
        () => other.delete(path, 1),
      ];
      for (const [index, step] of steps.entries()) {
        const read = index % 2 === 0 ? store.get.bind(store) : store.exists.bind(store);
        await read(path, { fresh: true, watch: (at) => void fired.push(at) });
        assert.ok((await step()).ok);
        await eventually(world.clock, `watch ${index}`, () => fired.length === index + 1);
      }
      await other.create(path, text('')); // nobody watches any more
      await store.get(path, { fresh: true });
      assert.deepEqual(fired, [path, path, path]);
    },
  },
  {
    name: 'fires a watch on children for names that come and go, and for the node itself',
    async run(world) {
      const [store, other] = [world.open(), world.open()];
      const parent = `${await folder(store)}/list`;
      let fired = 0;
      const watch = (): void => void fired++;
      const steps = [
        () => other.create(parent, text('')),
        () => other.create(`${parent}/a`, text('')),
        () => other.delete(`${parent}/a`, 0),
        () => other.delete(parent, 0),
      ];
      for (const [index, step] of steps.entries()) {
        await store.children(parent, { fresh: true, watch });
        assert.ok((await step()).ok);
        await eventually(world.clock, `watch ${index}`, () => fired === index + 1);
      }
    },
  },
  {
    name: 'serves many watches on one path',
    async run(world) {
      const store = world.open();
      const path = `${await folder(store)}/node`;
      let fired = 0;
      const reads = Array.from({ length: 30 }, () =>
        store.get(path, { watch: () => void fired++ }),
      );
      await Promise.all(reads);
      await store.create(path, text(''));
      await eventually(world.clock, 'all watches', () => fired === 30);
    },
  },
];
