// Changes of ISRs on their way to the zkserver: together, one call at a time, and what becomes of them told to the core.
import { ManualClock, delay, silentLogger } from '@zhumq/base';
import { zhumqError } from '@zhumq/model';
import { failureOf } from '@zhumq/rpc';
import type { IsrChange, IsrChangeResult, ZkServerClient } from '@zhumq/rpc';
import type { FetchReplicator } from '../replication/fetch/fetch-replicator.js';
import { settle } from '../testing/test-cluster.js';
import { IsrChanges } from './isr-changes.js';

const REPLICA = 'a'.repeat(32);

/** Takes down what it is told. */
function replicatorOf(partition: number) {
  const told: string[] = [];
  const group = { topicId: '7'.repeat(32), partition, generation: 1 };
  const replicator = {
    ...{ group, epoch: 4, isr: [REPLICA] },
    assign: ({ version }: { version: number }) => told.push(`assign ${version}`),
    proposalSettled: (id: number) => told.push(`settled ${id}`),
    proposalUnknown: (id: number) => told.push(`unknown ${id}`),
  };
  return { told, replicator: replicator as unknown as FetchReplicator };
}

const proposal = { id: 1, version: 3, isr: [{ replica: REPLICA, incarnation: 5 }], reason: 'test' };

function resultOf(partition: number, change: Partial<IsrChangeResult> = {}): IsrChangeResult {
  const replicas = [{ broker: 1, replicaId: REPLICA, directoryId: '' }];
  const info = { partition, replicas, leader: 1, epoch: 4, mode: 2, isr: [REPLICA], version: 4 };
  const assignment = { topic: 't', topicId: '7'.repeat(32), info: { ...info, generation: 1 } };
  return { assignment: { ...assignment, config: {} }, ...change };
}

function subject(answer: (changes: readonly IsrChange[]) => Promise<IsrChangeResult[]>) {
  const clock = new ManualClock();
  const calls: number[][] = [];
  let stale = 0;
  const client = {
    changeIsr: (changes: readonly IsrChange[]) => {
      calls.push(changes.map(({ partition }) => partition));
      return answer(changes);
    },
  } as unknown as ZkServerClient;
  const link = { callActive: <T>(call: (to: ZkServerClient) => Promise<T>) => call(client) };
  const parts = { brokerId: 1, incarnation: 5, link, clock, logger: silentLogger };
  const changes = new IsrChanges({ ...parts, onStale: () => void stale++ });
  return { changes, calls, clock, stale: () => stale };
}

test('what is proposed in one turn goes in one call, and the next call waits for its answer', async () => {
  let answer: (results: IsrChangeResult[]) => void = () => undefined;
  const { changes, calls } = subject(() => new Promise((resolve) => (answer = resolve)));
  const [one, two, three] = [replicatorOf(0), replicatorOf(1), replicatorOf(2)];
  changes.add(one.replicator, proposal);
  changes.add(two.replicator, proposal);
  await settle();
  changes.add(three.replicator, proposal);
  await settle();
  expect(calls).toEqual([[0, 1]]);
  answer([resultOf(0), resultOf(1)]);
  await settle();
  expect(calls).toEqual([[0, 1], [2]]);
  expect(one.told).toEqual(['assign 4', 'settled 1']);
  expect(two.told).toEqual(['assign 4', 'settled 1']);
});

test('a refusal brings the present state and settles the proposal', async () => {
  const failure = failureOf(zhumqError('STALE_EPOCH', 'another version'));
  const { changes } = subject(() => Promise.resolve([resultOf(0, { failure })]));
  const { told, replicator } = replicatorOf(0);
  changes.add(replicator, proposal);
  await settle();
  expect(told).toEqual(['assign 4', 'settled 1']);
});

test('rule 10: a failure that leaves the outcome open, or no answer at all, makes it unknown', async () => {
  const failure = failureOf(zhumqError('STORE_UNAVAILABLE', 'lost the connection while writing'));
  const answers = [
    () => Promise.resolve([{ failure }]),
    () => Promise.resolve([]),
    () => Promise.reject(zhumqError('CONNECTION_LOST', 'lost')),
  ];
  const { changes } = subject(() => (answers.shift() as () => Promise<IsrChangeResult[]>)());
  const { told, replicator } = replicatorOf(0);
  for (let id = 1; id <= 3; id++) {
    changes.add(replicator, { ...proposal, id });
    await settle();
  }
  expect(told).toEqual(['unknown 1', 'unknown 2', 'unknown 3']);
});

test('a call that nobody answers is given up, so that something newer can be proposed', async () => {
  const clock = new ManualClock();
  const link = {
    callActive: <T>(_call: unknown, signal: AbortSignal) => delay(clock, 1e9, signal) as Promise<T>,
  };
  const parts = { brokerId: 1, incarnation: 5, link, clock, logger: silentLogger };
  const changes = new IsrChanges({ ...parts, onStale: () => undefined });
  const { told, replicator } = replicatorOf(0);
  changes.add(replicator, proposal);
  await settle();
  clock.advance(9_000);
  await settle();
  expect(told).toEqual([]);
  clock.advance(2_000);
  await settle();
  expect(told).toEqual(['unknown 1']);
});

test('an answer about another generation is not assigned, but asked about', async () => {
  const result = resultOf(0);
  const info = { ...result.assignment?.info, generation: 2 };
  const moved = { assignment: { ...result.assignment, info } } as IsrChangeResult;
  const { changes, stale } = subject(() => Promise.resolve([moved]));
  const { told, replicator } = replicatorOf(0);
  changes.add(replicator, proposal);
  await settle();
  expect(told).toEqual(['settled 1']);
  expect(stale()).toBe(1);
});
