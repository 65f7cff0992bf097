import fc from 'fast-check';
import { assign } from './assignor.js';
import { partitionKey } from './partition-set.js';
import type { PartitionKey } from './partition-set.js';

type Subscriptions = Map<string, readonly string[]>;
type Assignment = Map<string, ReadonlySet<PartitionKey>>;

/** A group through time: what was assigned last is what is owned, too. */
class History {
  readonly subscriptions: Subscriptions = new Map();
  readonly topics = new Map<string, number>();
  assignment: Assignment = new Map();
  private joined = 0;

  join(topics: readonly string[]): string {
    this.joined += 1;
    const memberId = `m${this.joined}`;
    this.subscriptions.set(memberId, topics);
    return memberId;
  }

  /** Assigns, and tells how many partitions went from one present member to another. */
  divide(): number {
    const previous = ownersOf(this.assignment);
    const members = [...this.subscriptions].map(([memberId, topics]) => ({ memberId, topics }));
    this.assignment = assign({ members, topics: this.topics, previous, owners: previous });
    this.check();
    return [...ownersOf(this.assignment)].filter(([partition, owner]) => {
      const former = previous.get(partition);
      return former !== undefined && former !== owner && this.subscriptions.has(former);
    }).length;
  }

  private check(): void {
    const owners = ownersOf(this.assignment);
    const given = [...this.assignment.values()].reduce((sum, { size }) => sum + size, 0);
    expect(given).toBe(owners.size);
    const read = new Set([...this.subscriptions.values()].flat());
    for (const [topic, partitions] of this.topics) {
      for (let number = 0; number < partitions; number += 1) {
        const owner = owners.get(partitionKey(topic, number));
        if (read.has(topic)) expect(this.subscriptions.get(owner ?? '')).toContain(topic);
        else expect(owner).toBeUndefined();
      }
    }
    this.checkBalance();
  }

  private checkBalance(): void {
    const loads = new Map<string, number[]>();
    for (const [memberId, topics] of this.subscriptions) {
      const key = [...topics].sort().join();
      const load = this.assignment.get(memberId)?.size ?? 0;
      loads.set(key, [...(loads.get(key) ?? []), load]);
    }
    for (const equal of loads.values()) {
      expect(Math.max(...equal) - Math.min(...equal)).toBeLessThanOrEqual(1);
    }
  }
}

function ownersOf(assignment: Assignment): Map<PartitionKey, string> {
  const owners = new Map<PartitionKey, string>();
  for (const [memberId, partitions] of assignment) {
    for (const partition of partitions) owners.set(partition, memberId);
  }
  return owners;
}

/** The fewest partitions that must leave members so that all have their share of `total`. */
function fewestMoves(loads: readonly number[], total: number): number {
  const share = Math.floor(total / loads.length);
  let larger = total - share * loads.length;
  let moves = 0;
  for (const load of [...loads].sort((one, other) => other - one)) {
    const allowed = larger > 0 && load > share ? share + 1 : share;
    if (allowed > share) larger -= 1;
    moves += Math.max(0, load - allowed);
  }
  return moves;
}

const step = fc.oneof(
  fc.record({ kind: fc.constant('join' as const), topics: fc.integer({ min: 1, max: 7 }) }),
  fc.record({ kind: fc.constant('leave' as const), which: fc.nat() }),
  fc.record({ kind: fc.constant('grow' as const), topic: fc.nat(2), by: fc.nat(9) }),
);
const NAMES = ['a', 'b', 'c'];

function take(history: History, one: typeof step extends fc.Arbitrary<infer T> ? T : never): void {
  if (one.kind === 'join') {
    history.join(NAMES.filter((_, bit) => (one.topics & (1 << bit)) !== 0));
  } else if (one.kind === 'leave') {
    const members = [...history.subscriptions.keys()];
    if (members.length > 1) history.subscriptions.delete(members[one.which % members.length]);
  } else {
    const topic = NAMES[one.topic];
    history.topics.set(topic, (history.topics.get(topic) ?? 0) + one.by);
  }
}

test('gives each partition to one subscriber, equals within one of each other, and moves nothing for nothing', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
      const history = new History();
      for (const one of steps) {
        take(history, one);
        history.divide();
        expect(history.divide()).toBe(0);
      }
    }),
    { numRuns: 150 },
  );
});

test('among equal subscribers moves as few partitions as balance demands', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 3, maxLength: 25 }), (steps) => {
      const history = new History();
      for (const one of steps) {
        take(history, one.kind === 'join' ? { ...one, topics: 7 } : one);
        const loads = [...history.subscriptions.keys()].map(
          (memberId) => history.assignment.get(memberId)?.size ?? 0,
        );
        const total = [...history.topics.values()].reduce((sum, count) => sum + count, 0);
        const moves = history.divide();
        if (loads.length > 0) expect(moves).toBe(fewestMoves(loads, total));
        if (one.kind !== 'join') expect(moves).toBe(0);
      }
    }),
    { numRuns: 150 },
  );
});

test('takes from nobody but the most loaded when one more comes: 12 partitions, 3 members, then 4', () => {
  const history = new History();
  history.topics.set('a', 12);
  for (let count = 0; count < 3; count += 1) history.join(['a']);
  history.divide();
  const before = new Map(history.assignment);
  const fourth = history.join(['a']);
  expect(history.divide()).toBe(3);
  expect(history.assignment.get(fourth)?.size).toBe(3);
  for (const [memberId, partitions] of before) {
    for (const partition of history.assignment.get(memberId) ?? []) {
      expect(partitions.has(partition)).toBe(true);
    }
  }
});

test('spreads each topic, not only their sum', () => {
  const history = new History();
  for (const topic of NAMES) history.topics.set(topic, 4);
  history.join(NAMES);
  history.divide();
  history.join(NAMES);
  expect(history.divide()).toBe(6);
  for (const partitions of history.assignment.values()) {
    for (const topic of NAMES) {
      expect([...partitions].filter((one) => one.startsWith(topic))).toHaveLength(2);
    }
  }
});

test('gives a partition back to the one that still owns it, and moves first what has not arrived', () => {
  const members = ['m1', 'm2', 'm3'].map((memberId) => ({ memberId, topics: ['a'] }));
  const topics = new Map([['a', 6]]);
  const key = (number: number): PartitionKey => partitionKey('a', number);
  const previous = new Map([0, 1, 2, 3, 4, 5].map((n) => [key(n), n < 3 ? 'm1' : 'm2'] as const));
  // a/1 has not arrived at m1; m3 has not given it up.
  const owners = new Map([...previous, [key(1), 'm3'] as const]);
  const assignment = assign({ members, topics, previous, owners });
  expect(assignment.get('m3')?.has(key(1))).toBe(true);
  expect(assignment.get('m3')?.size).toBe(2);

  const homeless = new Map([...previous].filter(([partition]) => partition !== key(0)));
  const orphans = assign({ members: members.slice(0, 2), topics, previous: homeless, owners });
  expect(orphans.get('m1')?.has(key(0))).toBe(true);
});

test('divides ten thousand partitions among a thousand members in an instant', () => {
  const history = new History();
  history.topics.set('a', 10_000);
  for (let count = 0; count < 999; count += 1) history.join(['a']);
  const members = [...history.subscriptions].map(([memberId, topics]) => ({ memberId, topics }));
  const nobody = new Map<string, string>();
  const first = assign({ members, topics: history.topics, previous: nobody, owners: nobody });
  const previous = ownersOf(first);
  const joined = [...members, { memberId: 'z', topics: ['a'] }];
  const startedAt = performance.now();
  const second = assign({ members: joined, topics: history.topics, previous, owners: previous });
  const elapsedMs = performance.now() - startedAt;
  expect(second.get('z')?.size).toBe(10);
  expect(elapsedMs).toBeLessThan(1_000);
});
