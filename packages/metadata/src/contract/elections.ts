// Contract: one active zkserver at a time, fenced by its epoch (rule 33).
import assert from 'node:assert/strict';
import { Backoff, systemRandom } from '@zhumq/base';
import { isError, zhumqError } from '@zhumq/model';
import { ControllerElection } from '../controller-election.js';
import type { DeposedReason, Leadership } from '../leadership.js';
import type { MetadataStore, StoreOperation } from '../metadata-store.js';
import { paths } from '../paths.js';
import { eventually, folder, text } from './world.js';
import type { ContractCase, ContractWorld } from './world.js';

/** A zkserver as far as the election is concerned. */
class Candidate {
  readonly elected: Leadership[] = [];
  readonly deposed: { reason: DeposedReason; epoch: number; wasOwn: boolean }[] = [];
  controller: string | undefined;
  readonly election: ControllerElection;

  constructor(
    world: ContractWorld,
    readonly name: string,
    readonly store: MetadataStore,
  ) {
    this.election = new ControllerElection({
      store,
      clock: world.clock,
      backoff: new Backoff({ minMs: 5, maxMs: 50 }, systemRandom()),
      candidate: text(name),
      encodeController: (epoch) => text(`${name} at ${epoch}`),
      encodeEpoch: (epoch) => text(String(epoch)),
      onElected: (leadership) => void this.elected.push(leadership),
      onDeposed: ({ epoch, isActive }, reason) =>
        void this.deposed.push({ reason, epoch, wasOwn: isActive }),
      onController: (bytes) => (this.controller = bytes?.toString()),
      onFailure: (error) => {
        throw error;
      },
    });
    this.election.start();
  }
}

function leaderOf(world: ContractWorld, candidates: readonly Candidate[]): Promise<Candidate> {
  return eventually(world.clock, 'a leader', () => {
    const active = candidates.filter(({ election }) => election.current !== undefined);
    assert.ok(active.length <= 1, 'two leaders');
    return active.length === 1 && active[0];
  });
}

/** A store whose multis are done, or not, and then go unanswered, as often as asked. */
function unanswering(store: MetadataStore, count: number, isDone: boolean): MetadataStore {
  let left = count;
  const multi = async (
    operations: readonly StoreOperation[],
  ): ReturnType<MetadataStore['multi']> => {
    if (left-- <= 0) return store.multi(operations);
    if (isDone) await store.multi(operations);
    throw zhumqError('STORE_UNAVAILABLE', 'no answer');
  };
  return new Proxy(store, {
    get: (target, name) => {
      if (name === 'multi') return multi;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

export const elections: ContractCase[] = [
  {
    name: 'elects one of three candidates at epoch 1, known to all',
    async run(world) {
      const candidates = ['a', 'b', 'c'].map((name) => new Candidate(world, name, world.open()));
      const leader = await leaderOf(world, candidates);
      assert.equal(leader.election.current?.epoch, 1);
      await eventually(world.clock, 'all know', () =>
        candidates.every(({ controller }) => controller === `${leader.name} at 1`),
      );
      const listed = await leader.store.children(paths.candidates, { fresh: true });
      assert.equal(listed?.length, 3);
      assert.equal(candidates.flatMap(({ elected }) => elected).length, 1);
    },
  },
  {
    name: 'deposes on session loss, before another one is elected at the next epoch',
    async run(world) {
      const candidates = ['a', 'b'].map((name) => new Candidate(world, name, world.open()));
      const first = await leaderOf(world, candidates);
      const leadership = first.election.current;
      await world.expire(first.store);
      const second = await eventually(world.clock, 'the next leader', () =>
        candidates.find(({ election }) => election.current?.epoch === 2),
      );
      assert.deepEqual(first.deposed, [{ reason: 'session-lost', epoch: 1, wasOwn: false }]);
      await assert.rejects(
        async () => leadership?.fencedMulti([]),
        (error) => isError(error, 'STALE_CONTROLLER'),
      );
      assert.equal((await second.store.get(paths.controllerEpoch))?.data.toString(), '2');
      await eventually(world.clock, 'both are candidates again', async () => {
        const listed = await second.store.children(paths.candidates, { fresh: true });
        return listed?.length === 2;
      });
    },
  },
  {
    name: 'hands over when the leader stops, and takes its nodes away',
    async run(world) {
      const candidates = ['a', 'b'].map((name) => new Candidate(world, name, world.open()));
      const first = await leaderOf(world, candidates);
      await first.election.stop();
      const second = await leaderOf(world, candidates);
      assert.notEqual(second.name, first.name);
      assert.equal(second.election.current?.epoch, 2);
      assert.equal(first.deposed[0].reason, 'resigned');
      const listed = await second.store.children(paths.candidates, { fresh: true });
      assert.equal(listed?.length, 1);
    },
  },
  {
    name: 'writes under the fence, and counts refusals from the first operation of the caller',
    async run(world) {
      const leader = await leaderOf(world, [new Candidate(world, 'a', world.open())]);
      const path = `${await folder(leader.store)}/state`;
      const leadership = leader.election.current;
      const created = await leadership?.fencedMulti([{ kind: 'create', path, data: text('') }]);
      assert.deepEqual(created, { ok: true, results: [{ path }] });
      const again = await leadership?.fencedMulti([{ kind: 'create', path, data: text('') }]);
      assert.deepEqual(again, { ok: false, reason: 'node-exists', path, index: 0 });
    },
  },
  {
    name: 'refuses the writes of a leader whose epoch was passed, and deposes it',
    async run(world) {
      const leader = new Candidate(world, 'a', world.open());
      await leaderOf(world, [leader]);
      const leadership = leader.election.current;
      const path = `${await folder(leader.store)}/state`;
      assert.ok((await world.open().set(paths.controllerEpoch, text('2'), 1)).ok);
      await assert.rejects(
        async () => leadership?.fencedMulti([{ kind: 'create', path, data: text('') }]),
        (error) => isError(error, 'STALE_CONTROLLER'),
      );
      assert.deepEqual(leader.deposed, [{ reason: 'fenced', epoch: 1, wasOwn: false }]);
      assert.equal(await leader.store.exists(path, { fresh: true }), undefined);
      await eventually(world.clock, 'a new epoch', () => leader.election.current?.epoch === 3);
    },
  },
  ...[true, false].map((isDone) => ({
    name: `resolves an election without an answer that was ${isDone ? '' : 'not '}done by reading back`,
    async run(world: ContractWorld) {
      const store = world.open();
      const candidate = new Candidate(world, 'a', unanswering(store, 3, isDone));
      await leaderOf(world, [candidate]);
      assert.equal(candidate.election.current?.epoch, 1);
      assert.equal(candidate.elected.length, 1);
      assert.equal((await store.exists(paths.controllerEpoch, { fresh: true }))?.version, 1);
    },
  })),
  {
    name: 'runs again when somebody removes the controller node',
    async run(world) {
      const leader = new Candidate(world, 'a', world.open());
      await leaderOf(world, [leader]);
      assert.ok((await world.open().delete(paths.controller, 0)).ok);
      await eventually(world.clock, 'a new epoch', () => leader.election.current?.epoch === 2);
      assert.equal(leader.deposed[0].reason, 'replaced');
    },
  },
];
