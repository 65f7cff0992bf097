// How long closing waits, and for whom.
import { ManualClock, SeededRandom } from '@zhumq/base';
import type { BrokerRegistration } from '@zhumq/model';
import { broker } from '../testing/fetch-world.js';
import { CloseRound } from './close-round.js';
import type { CloseRoundParts } from './close-round.js';
import type { CloseAnswer } from './switch-events.js';

/** Lets everything run that waits for promises only. */
const settled = async (): Promise<void> => {
  for (let turns = 0; turns < 20; turns++) await Promise.resolve();
};

const answerOf = (id: number): CloseAnswer => ({
  ...{ replicaId: `r${id}`, broker: id, incarnation: 1, epoch: 5, tainted: false },
  end: { epoch: 5, offset: 9 },
});

class RoundWorld {
  readonly clock = new ManualClock();
  readonly live = new Map<number, BrokerRegistration>([1, 2, 3].map((id) => [id, broker(id)]));
  readonly stopping = new AbortController();
  readonly asked: number[] = [];
  /** Brokers that answer; the others refuse. */
  answering = new Set([1, 2, 3]);
  result: readonly number[] | undefined;

  start(given: Partial<CloseRoundParts> = {}): Promise<void> {
    const round = new CloseRound({
      ...{ clock: this.clock, random: new SeededRandom(1), signal: this.stopping.signal },
      voters: [1, 2, 3].map((id) => ({ replicaId: `r${id}`, broker: id, directoryId: `d${id}` })),
      brokerOf: (voter) => this.live.get(voter.broker),
      close: async ({ id }) => {
        this.asked.push(id);
        if (!this.answering.has(id)) throw new Error('refused');
        return answerOf(id);
      },
      onFailure: () => undefined,
      ...{ waitMs: 50, waitForDead: false, limitMs: Infinity },
      ...given,
    });
    return round.run().then((answers) => {
      this.result = answers.map((answer) => answer.broker);
    });
  }
}

test('ends at once when all have answered', async () => {
  const world = new RoundWorld();
  await world.start();
  expect(world.result).toEqual([1, 2, 3]);
});

test('ends without those that are dead, and without time passing', async () => {
  const world = new RoundWorld();
  world.live.delete(3);
  await world.start();
  expect(world.result).toEqual([1, 2]);
  expect(world.asked).toEqual([1, 2]);
});

test('gives those on live brokers a moment after a majority', async () => {
  const world = new RoundWorld();
  world.answering.delete(2);
  const ended = world.start();
  await settled();
  world.clock.advance(49);
  await settled();
  expect(world.result).toBeUndefined();
  world.clock.advance(1);
  await ended;
  expect(world.result).toEqual([1, 3]);
});

test('asks again until a majority has answered, however long that takes', async () => {
  const world = new RoundWorld();
  world.answering = new Set([1]);
  const ended = world.start();
  for (let seconds = 0; seconds < 5; seconds++) {
    await settled();
    world.clock.advance(1000);
  }
  await settled();
  expect(world.result).toBeUndefined();
  world.answering.add(3);
  world.clock.advance(1000);
  await settled();
  world.clock.advance(50);
  await ended;
  expect(world.result).toEqual([1, 3]);
});

test('rule 16: a recovery waits for the dead, too, and then goes on with a majority', async () => {
  const world = new RoundWorld();
  world.live.delete(3);
  const ended = world.start({ waitMs: 30_000, waitForDead: true });
  await settled();
  world.clock.advance(29_999);
  await settled();
  expect(world.result).toBeUndefined();
  world.clock.advance(1);
  await ended;
  expect(world.result).toEqual([1, 2]);
});

test('rule 16: a recovery takes one that comes back in the meantime', async () => {
  const world = new RoundWorld();
  world.live.delete(3);
  const ended = world.start({ waitMs: 30_000, waitForDead: true });
  await settled();
  world.live.set(3, broker(3, { incarnation: 2 }));
  world.clock.advance(1000);
  await ended;
  expect(world.result).toEqual([1, 2, 3]);
});

test('ends with what it has when its time is over', async () => {
  const world = new RoundWorld();
  world.answering = new Set([2]);
  const ended = world.start({ limitMs: 300 });
  await settled();
  world.clock.advance(300);
  await ended;
  expect(world.result).toEqual([2]);
});

test('rejects as soon as the leadership ends, and asks nobody any more', async () => {
  const world = new RoundWorld();
  world.answering = new Set();
  const ended = world.start().catch((error: unknown) => error);
  await settled();
  const { length } = world.asked;
  world.stopping.abort(new Error('deposed'));
  expect(await ended).toMatchObject({ message: 'deposed' });
  world.clock.advance(10_000);
  await settled();
  expect(world.asked).toHaveLength(length);
});
