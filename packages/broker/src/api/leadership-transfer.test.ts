import { batchOf, produce, settle, TestCluster } from '../testing/test-cluster.js';
import type { TestBroker } from '../testing/test-broker.js';
import { LeadershipTransfer } from './leadership-transfer.js';

interface Answer {
  error: unknown;
  done: boolean;
}

function transferAt(cluster: TestCluster, leader: TestBroker, toBroker: number): Answer {
  const { clock } = cluster;
  const { registry } = leader;
  // Replica ids begin with their broker's.
  const transport = { brokerOf: (replicaId: string) => Number(replicaId[0]) };
  const stopping = new AbortController().signal;
  const subject = new LeadershipTransfer({ registry, transport, clock, electionMs: 500, stopping });
  const answer: Answer = { error: undefined, done: false };
  void subject.run('orders', 0, toBroker).then(
    () => (answer.done = true),
    (error: unknown) => Object.assign(answer, { error, done: true }),
  );
  return answer;
}

async function begun() {
  const cluster = await TestCluster.start();
  const leader = await cluster.leader();
  const first = produce(leader.partition(), batchOf('a'));
  await cluster.until(() => first.done);
  return { cluster, leader, target: cluster.others(leader)[0] };
}

test('a transfer is answered when the target leads, not before', async () => {
  const { cluster, leader, target } = await begun();
  const answer = transferAt(cluster, leader, target.id);
  expect(answer.done).toBe(false);
  await cluster.until(() => answer.done);
  expect([answer.error, target.partition().leads]).toEqual([undefined, true]);
});

test('a transfer to a broker that does not answer any more is refused at once', async () => {
  const { cluster, leader, target } = await begun();
  target.kill();
  await cluster.pass(3000);
  const answer = transferAt(cluster, leader, target.id);
  await settle();
  expect(answer.error).toMatchObject({ code: 'REPLICA_NOT_READY', retriable: false });
  expect(produce(leader.partition(), batchOf('b')).error).toBeUndefined();
});

test('a transfer to a broker that has just died ends with the truth, after an election timeout', async () => {
  const { cluster, leader, target } = await begun();
  target.kill();
  const answer = transferAt(cluster, leader, target.id);
  await cluster.until(() => answer.done, 1000);
  expect(answer.error).toMatchObject({
    code: 'TIMEOUT',
    message: `broker ${target.id} did not take over partition orders-0 in time; broker ${leader.id} leads it`,
  });
});

test('a transfer to a broker without a replica is refused', async () => {
  const { cluster, leader } = await begun();
  const answers = [transferAt(cluster, leader, 9), transferAt(cluster, leader, leader.id)];
  await settle();
  for (const { error } of answers) expect(error).toMatchObject({ code: 'INVALID_REQUEST' });
});
