import { CoordinatorCluster } from '../testing/coordinators.js';
import type { StateRecord } from '../state-machine/state-machine.js';
import { encodeChange } from './group-records.js';
import { GroupsState } from './groups-state.js';
import { partsOf, proposeAll } from './large-decision.js';
import { partitionKey } from './partition-set.js';

const TOPIC_ID = 'a'.repeat(32);
const MIB = 2 ** 20;

function position(partition: number, offset: number, metadata = ''): StateRecord {
  const value = { offset, lastEpoch: -1, metadata, committedAt: 0 };
  return encodeChange('g', {
    kind: 'position',
    partition: partitionKey(TOPIC_ID, partition),
    value,
  });
}

function decision(count: number, offset: number): readonly (readonly StateRecord[])[] {
  return partsOf(
    'g',
    Array.from({ length: count }, (_, at) => position(at, offset, 'x'.repeat(1_000))),
  );
}

function offsets(state: GroupsState): Set<number> {
  return new Set([...(state.get('g')?.positions() ?? [])].map(([, { offset }]) => offset));
}

function apply(state: GroupsState, records: readonly StateRecord[]): void {
  for (const record of records) state.apply(record);
}

describe('a decision larger than a batch', () => {
  test('is one proposal while it is small, and has no part larger than a batch', () => {
    const small = [position(0, 1)];
    expect(partsOf('g', small)).toEqual([small]);
    const parts = decision(3_000, 1);
    expect(parts.length).toBeGreaterThan(5);
    for (const part of parts) {
      const bytes = part.reduce(
        (sum, { key, value }) => sum + key.length + (value?.length ?? 0),
        0,
      );
      expect(bytes).toBeLessThan(MIB / 2);
    }
  });

  test('counts when its last part is there, and not before', () => {
    const state = new GroupsState();
    const parts = decision(1_000, 7);
    for (const part of parts.slice(0, -1)) apply(state, part);
    expect(state.get('g')).toBeUndefined();
    apply(state, parts[parts.length - 1]);
    expect([...(state.get('g')?.positions() ?? [])]).toHaveLength(1_000);
  });

  test.each([
    ['its first part', 0],
    ['a part in the middle', 1],
    ['its last part', 4],
  ])('counts for nothing without %s, and what comes after it counts', (_, missing) => {
    const state = new GroupsState();
    const parts = decision(1_000, 7);
    expect(parts).toHaveLength(5);
    parts.forEach((part, index) => index !== missing && apply(state, part));
    expect(state.get('g')).toBeUndefined();
    apply(state, [position(5, 3)]);
    for (const part of decision(500, 9)) apply(state, part);
    expect(offsets(state)).toEqual(new Set([9]));
  });

  test('lets records of others stand between its parts', () => {
    const state = new GroupsState();
    const [first, ...rest] = decision(600, 7);
    apply(state, first);
    const value = { offset: 1, lastEpoch: -1, metadata: '', committedAt: 0 };
    const partition = partitionKey(TOPIC_ID, 0);
    apply(state, [encodeChange('other', { kind: 'position', partition, value })]);
    expect(state.get('other')).toBeDefined();
    for (const part of rest) apply(state, part);
    expect(offsets(state)).toEqual(new Set([7]));
  });

  test('is refused with what to do when it is too large for memory', () => {
    expect(() => decision(10_000, 1)).toThrow(
      expect.objectContaining({
        code: 'MESSAGE_TOO_LARGE',
        message: expect.stringContaining('fewer partitions at a time') as string,
      }),
    );
  });

  test('fails when one of its parts does, and not before all have settled', async () => {
    const settled: number[] = [];
    const outcome = proposeAll([[], [], []], async (part) => {
      const index = settled.push(0);
      await new Promise(setImmediate);
      if (index === 2) throw new Error('the disk is full');
      return part;
    });
    await expect(outcome).rejects.toThrow('the disk is full');
    expect(settled).toHaveLength(3);
  });
});

async function start(partitions: number) {
  const world = await CoordinatorCluster.start();
  world.topics.set('a', { topicId: TOPIC_ID, partitions });
  const positions = Array.from({ length: partitions }, (_, partition) => ({
    ...{ topic: 'a', partition, offset: partition + 1, lastEpoch: -1, metadata: 'm'.repeat(600) },
  }));
  return { world, positions, ...(await world.coordinator()) };
}

test('a reset of more positions than a batch holds is whole at the next coordinator, too', async () => {
  const { world, positions, broker, groups } = await start(3_000);
  const steps = await world.settled(groups.reset('g', positions, false));
  expect(steps.every(({ error }) => error === undefined)).toBe(true);
  broker.kill();
  const next = await world.coordinator([broker.id]);
  const described = await world.settled(next.groups.describe('g'));
  expect(described.positions.map(({ offset }) => offset)).toEqual(
    positions.map(({ offset }) => offset),
  );
  await world.settled(next.groups.delete('g', false));
  await expect(world.settled(next.groups.describe('g'))).rejects.toMatchObject({
    code: 'UNKNOWN_GROUP',
  });
}, 60_000);

test('of a reset whose coordinator dies when others have a part of it nothing is left', async () => {
  const { world, positions, broker, groups } = await start(10_000);
  groups.reset('g', positions, false).catch(() => undefined);
  // The others get as much at once as an append holds, and no more before they have answered.
  const [other] = world.cluster.others(broker);
  while (other.log().logEnd < 1_000) await new Promise(setImmediate);
  broker.kill();
  const next = await world.coordinator([broker.id]);
  expect(next.broker.log().logEnd).toBeGreaterThan(1_000);
  expect(next.broker.log().logEnd).toBeLessThan(positions.length);
  await expect(world.settled(next.groups.describe('g'))).rejects.toMatchObject({
    code: 'UNKNOWN_GROUP',
  });
  await world.settled(next.groups.reset('g', positions.slice(0, 1_000), false));
  const described = await world.settled(next.groups.describe('g'));
  expect(described.positions).toHaveLength(1_000);
}, 60_000);
