// What becomes of the ISRs that leaders want, as pure decisions. Brokers 1 to 3 hold r1 to r3; broker 1 leads in epoch 5.
import { FetchWorld, TOPIC_ID, answer, broker } from '../testing/fetch-world.js';
import { refusalOf, wasCarriedOut } from './change-isr.js';
import type { IsrWish } from './events.js';
import { fetchPartitionFinder } from './fetch-partitions.js';

function partitionOf(world: FetchWorld) {
  const partition = fetchPartitionFinder(world.view)({ topicId: TOPIC_ID, partition: 0 });
  if (partition === undefined) throw new Error('the partition is gone');
  return partition;
}

test('the ISR is as the leader wants it, in the order of the replicas; nothing else changes', () => {
  const world = new FetchWorld({ isr: ['r1'], elr: [] }, { 'min.insync.replicas': '1' });
  const before = world.record;
  const wish = world.wish(['r3', 'r1']);
  expect(world.apply({ kind: 'isr-changes-wanted', changes: [wish] })).toEqual({
    ...before,
    isr: ['r1', 'r3'],
  });
  expect(world.version).toBe(1);
  expect(wasCarriedOut(partitionOf(world), wish)).toBe(true);
});

const refused: [string, string, (world: FetchWorld) => Partial<IsrWish>][] = [
  ['of another generation', 'STALE_GENERATION', () => ({ generation: 2 })],
  ['of an older epoch (rule 2)', 'STALE_EPOCH', () => ({ epoch: 4 })],
  ['of a broker that does not lead', 'STALE_EPOCH', () => ({ broker: 2 })],
  ['of an earlier life of the leader (rule 3)', 'STALE_EPOCH', () => ({ incarnation: 0 })],
  ['based on another version', 'STALE_EPOCH', () => ({ version: 3 })],
  ['with a member that is no replica', 'INVALID_REQUEST', () => isr('r1', 'r9')],
  ['with a member twice', 'INVALID_REQUEST', () => isr('r1', 'r2', 'r2')],
  ['without the leader', 'INVALID_REQUEST', () => isr('r2')],
  ['without anybody', 'INVALID_REQUEST', () => isr()],
  [
    'with a new member that is not alive',
    'STALE_INCARNATION',
    (world) => {
      world.live(1, 2);
      return isr('r1', 'r3');
    },
  ],
  [
    'with a new member whose life is not named',
    'STALE_INCARNATION',
    () => ({
      isr: [
        { replicaId: 'r1', incarnation: 1 },
        { replicaId: 'r3', incarnation: -1 },
      ],
    }),
  ],
  [
    'with a new member that has another directory (rule 6)',
    'STALE_INCARNATION',
    (world) => {
      world.live(1, 2, broker(3, { directoryId: 'new' }));
      return isr('r1', 'r3');
    },
  ],
  [
    'of a leader whose session is over',
    'STALE_EPOCH',
    (world) => {
      world.live(2, 3);
      return isr('r1');
    },
  ],
];

const isr = (...ids: string[]): Pick<IsrWish, 'isr'> => ({
  isr: ids.map((replicaId) => ({ replicaId, incarnation: 1 })),
});

test.each(refused)('a change %s is refused with %s', (_what, code, given) => {
  const world = new FetchWorld({ isr: ['r1', 'r2'] });
  const wish = { ...world.wish(['r1', 'r2', 'r3']), ...given(world) };
  expect(world.decide({ kind: 'isr-changes-wanted', changes: [wish] })).toEqual([]);
  expect(refusalOf(world.view, partitionOf(world), wish)?.code).toBe(code);
  expect(wasCarriedOut(partitionOf(world), wish)).toBe(false);
});

test('rule 11: (c) what a former life of a broker fetched does not bring it into the ISR', () => {
  const world = new FetchWorld({ isr: ['r1', 'r2'] });
  world.live(1, 2, broker(3, { incarnation: 2 }));
  expect(world.decide(world.isrWish(['r1', 'r2', 'r3']))).toEqual([]);
  const again = [1, 1, 2].map((incarnation, index) => ({
    replicaId: `r${index + 1}`,
    incarnation,
  }));
  expect(world.apply(world.isrWish([], { isr: again })).isr).toEqual(['r1', 'r2', 'r3']);
});

test('a present member stays although its leader has not heard of it, and although it died', () => {
  const world = new FetchWorld();
  world.live(1, 2);
  const members = ['r1', 'r2', 'r3'].map((replicaId) => ({ replicaId, incarnation: -1 }));
  expect(world.apply(world.isrWish([], { isr: members })).isr).toEqual(['r1', 'r2', 'r3']);
});

test('of two wishes on one record the first is carried out, and the other one is not', () => {
  const world = new FetchWorld();
  const [first, second] = [world.wish(['r1', 'r2']), world.wish(['r1'])];
  world.apply({ kind: 'isr-changes-wanted', changes: [first, second] });
  expect(world.record.isr).toEqual(['r1', 'r2']);
  expect(wasCarriedOut(partitionOf(world), first)).toBe(true);
  expect(wasCarriedOut(partitionOf(world), second)).toBe(false);
  expect(refusalOf(world.view, partitionOf(world), second)?.reason).toMatch(/version 0 .* 1$/);
});

test('rule 10: a proposal of a deposed leader changes nothing after an election', () => {
  const world = new FetchWorld();
  const proposed = world.isrWish(['r1']);
  world.live(2, 3);
  world.apply(world.election([answer(2, 90)]));
  world.live(1, 2, 3);
  expect(world.decide(proposed)).toEqual([]);
  // Not even when the leader leads again in the same life.
  world.apply(world.election([answer(1, 90)], { wanted: 1 }));
  expect(world.decide(proposed)).toEqual([]);
});

describe('who is eligible besides the ISR [KIP-966]', () => {
  test('whoever leaves with enough others in sync is not: the high watermark moves on without it', () => {
    const world = new FetchWorld();
    expect(world.apply(world.isrWish(['r1', 'r2']))).toMatchObject({ isr: ['r1', 'r2'], elr: [] });
  });

  test('whoever leaves when too few stay is, and stays so while others leave', () => {
    const world = new FetchWorld({}, { 'min.insync.replicas': '3' });
    expect(world.apply(world.isrWish(['r1', 'r2'])).elr).toEqual(['r3']);
    expect(world.apply(world.isrWish(['r1'])).elr).toEqual(['r2', 'r3']);
    expect(world.apply(world.isrWish(['r1', 'r3'])).elr).toEqual(['r2']);
    expect(world.apply(world.isrWish(['r1', 'r2', 'r3'])).elr).toEqual([]);
  });

  test('both that leave at once are, although there were enough before: both had to have what was committed', () => {
    const world = new FetchWorld();
    expect(world.apply(world.isrWish(['r1'])).elr).toEqual(['r2', 'r3']);
  });

  test('nobody is when one replica in sync is enough', () => {
    const world = new FetchWorld({}, { 'min.insync.replicas': '1' });
    expect(world.apply(world.isrWish(['r1'])).elr).toEqual([]);
  });

  test('a smaller min.insync.replicas makes them ineligible before any leader hears of it', () => {
    const world = new FetchWorld();
    world.apply(world.isrWish(['r1']));
    const lower = (value: string) =>
      ({ kind: 'alter-topic', name: 't', config: { 'min.insync.replicas': value } }) as const;
    expect(world.decide(lower('3'))).toHaveLength(1);
    const writes = world.decide(lower('1'));
    expect(writes.map(([{ path }]) => path)).toEqual(['/topics/t/partitions/0', '/topics/t']);
    expect(world.apply(lower('1'))).toMatchObject({ isr: ['r1'], elr: [] });
  });
});
