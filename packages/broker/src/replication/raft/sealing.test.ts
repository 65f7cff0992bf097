// Sealed is a function of the log (rule 17): orders that come late, twice or from the past, and whoever leads.
import type { SealResult } from '@zhumq/rpc';
import { batchOf, produce, readAll, settle, TestCluster } from '../../testing/test-cluster.js';
import type { TestBroker } from '../../testing/test-broker.js';

const WAIT_MS = 60_000;
const SEALED = { code: 'PARTITION_SEALED', retriable: true };

interface Asked {
  result: SealResult | undefined;
  error: Error | undefined;
}

function ask(
  cluster: TestCluster,
  broker: TestBroker,
  transitionId = 'switch-1',
  timeoutMs = WAIT_MS,
): Asked {
  const asked: Asked = { result: undefined, error: undefined };
  broker.control.sealPartition(cluster.ref(), transitionId, timeoutMs).then(
    (result) => (asked.result = result),
    (error: unknown) => (asked.error = error as Error),
  );
  return asked;
}

async function sealed(cluster: TestCluster, broker: TestBroker): Promise<SealResult> {
  const asked = ask(cluster, broker);
  await cluster.until(() => asked.result !== undefined || asked.error !== undefined);
  if (asked.result === undefined) throw asked.error ?? new Error('not sealed');
  return asked.result;
}

test('a sealed leader takes no records, serves what is committed, and answers its seal again', async () => {
  const cluster = await TestCluster.start();
  const leader = await cluster.leader();
  const kept = produce(leader.partition(), batchOf('kept'), 1);
  const { seal, replicas } = await sealed(cluster, leader);
  expect(kept).toMatchObject({ done: true, error: undefined });
  // Every voter is there, so every voter has it.
  expect([...replicas].sort()).toEqual(cluster.brokers.map(({ id }) => cluster.replicaId(id)));
  expect(seal).toEqual({ epoch: leader.replicator().epoch, offset: leader.log().logEnd });
  expect(produce(leader.partition(), batchOf('late')).error).toMatchObject(SEALED);
  expect(produce(leader.partition(), batchOf('late'), 1).error).toMatchObject(SEALED);
  expect(leader.log().logEnd).toBe(seal.offset);
  expect((await readAll(leader.partition())).includes('kept')).toBe(true);
  // The one seal of the generation, whoever asks.
  const again = await leader.control.sealPartition(cluster.ref(), 'another', WAIT_MS);
  expect(again.seal).toEqual(seal);
  expect(leader.replicator().sealedBy).toBe('switch-1');
  expect(leader.log().logEnd).toBe(seal.offset);
});

test('an answered seal is on all voters that are there, or 200 ms have passed since its commit', async () => {
  const cluster = await TestCluster.start();
  const leader = await cluster.leader();
  const [slow] = cluster.others(leader);
  // It is alive, its answers come; appends to it are lost.
  cluster.network.filter = (_from, to, { batches }) => to !== slow.id || batches === undefined;
  const asked = ask(cluster, leader);
  await cluster.until(() => leader.partition().highWatermark === leader.log().logEnd);
  await cluster.pass(150);
  expect(asked.result).toBeUndefined();
  await cluster.pass(100);
  expect(asked.result?.replicas).not.toContain(cluster.replicaId(slow.id));
  expect(asked.result?.replicas).toHaveLength(2);
});

test('without a majority a seal times out, and may be there all the same', async () => {
  const cluster = await TestCluster.start();
  const leader = await cluster.leader();
  cluster.isolate(leader);
  const asked = ask(cluster, leader, 'switch-1', 200);
  await cluster.pass(300);
  expect(asked.error).toMatchObject({ code: 'TIMEOUT', retriable: true });
  expect(produce(leader.partition(), batchOf('x')).error).toMatchObject(SEALED);
});

test('rule 17: a leader elected after the seal is sealed, too, and answers that seal', async () => {
  const cluster = await TestCluster.start();
  const first = await cluster.leader();
  const { seal } = await sealed(cluster, first);
  first.kill();
  const next = await cluster.leader([first.id]);
  expect(produce(next.partition(), batchOf('x')).error).toMatchObject(SEALED);
  expect(next.replicator().sealedBy).toBe('switch-1');
  const again = await sealed(cluster, next);
  expect(again.seal).toEqual(seal);
  // Behind the seal stands its own first batch, nothing else.
  expect(next.log().logEnd).toBe(seal.offset + 1);
});

test('rule 17: after a restart, from a cold log, nobody takes records behind a seal', async () => {
  const cluster = await TestCluster.start();
  await sealed(cluster, await cluster.leader());
  for (const broker of cluster.brokers) broker.crash(broker.id);
  for (const { id } of cluster.brokers) await cluster.restart(id);
  const refusals = new Set<string>();
  await cluster.until(() => {
    for (const broker of cluster.brokers) {
      const { error } = produce(broker.partition(), batchOf('x'), 1);
      refusals.add((error as { code?: string } | undefined)?.code ?? 'taken');
    }
    return refusals.has('PARTITION_SEALED');
  });
  for (const code of refusals) {
    expect(['NOT_LEADER', 'LEADER_NOT_AVAILABLE', 'PARTITION_SEALED']).toContain(code);
  }
});

test('rule 17: a leader that has not yet read the end of its log takes no records', async () => {
  const cluster = await TestCluster.start();
  await sealed(cluster, await cluster.leader());
  for (const broker of cluster.brokers) broker.kill();
  for (const { id } of cluster.brokers) await cluster.restart(id);
  const release: (() => void)[] = [];
  for (const broker of cluster.brokers) {
    const log = broker.log();
    const read = log.read.bind(log);
    log.read = (from, end, maxBytes) => {
      if (maxBytes !== 1) return read(from, end, maxBytes);
      return new Promise((resolve) => release.push(() => resolve(read(from, end, maxBytes))));
    };
  }
  const leader = await cluster.leader();
  const early = produce(leader.partition(), batchOf('x'), 1);
  expect(early.error).toMatchObject({ code: 'LEADER_NOT_AVAILABLE', retriable: true });
  expect(ask(cluster, leader).result).toBeUndefined();
  const end = leader.log().logEnd;
  while (leader.replicator().sealedBy === undefined) {
    for (const go of release.splice(0)) go();
    await settle();
  }
  expect(produce(leader.partition(), batchOf('x')).error).toMatchObject(SEALED);
  expect(leader.log().logEnd).toBe(end);
});

test('rule 17: a truncated seal unseals', async () => {
  const cluster = await TestCluster.start();
  const deposed = await cluster.leader();
  cluster.isolate(deposed);
  const asked = ask(cluster, deposed);
  await settle();
  expect(produce(deposed.partition(), batchOf('x')).error).toMatchObject(SEALED);
  const next = await cluster.leader([deposed.id]);
  // Nothing but its own first batch takes the seal's place: records would tell by themselves that none is there.
  cluster.network.heal();
  await cluster.until(() => deposed.log().lastEpoch === next.log().lastEpoch);
  expect(asked.error).toMatchObject({ code: 'LEADERSHIP_LOST' });
  next.replicator().transferLeadership(cluster.replicaId(deposed.id));
  await cluster.until(() => deposed.partition().leads && deposed.replicator().established);
  expect(deposed.replicator().sealedBy).toBeUndefined();
  const taken = produce(deposed.partition(), batchOf('taken'));
  await cluster.until(() => taken.done);
  expect(taken.error).toBeUndefined();
});

describe('rule 17: a delayed order of a saga that was given up', () => {
  test.each([
    ['of an older record', { version: 4 }, 'STALE_EPOCH'],
    ['of an older generation', { generation: 0 }, 'STALE_GENERATION'],
    ['of a deposed zkserver', { controllerEpoch: 2 }, 'STALE_CONTROLLER'],
    ['for a topic that is not here', { topicId: '1'.repeat(32) }, 'UNKNOWN_PARTITION'],
  ] as const)('%s seals and closes nothing', async (_, change, code) => {
    const cluster = await TestCluster.start();
    cluster.record = { version: 5 };
    await cluster.tellAll();
    const leader = await cluster.leader();
    const newest = { controllerEpoch: 3, version: 5 };
    await leader.control.replicaEnds([cluster.ref(newest)]);
    const ref = cluster.ref({ ...newest, ...change });
    await expect(leader.control.sealPartition(ref, 's', WAIT_MS)).rejects.toMatchObject({ code });
    await expect(leader.control.closePartition(ref)).rejects.toMatchObject({ code });
    const [end] = await leader.control.replicaEnds([ref]);
    expect(end.failure).toBeDefined();
    const taken = produce(leader.partition(), batchOf('x'));
    await cluster.until(() => taken.done);
    expect(taken.error).toBeUndefined();
  });

  test('a zombie seal, committed although no switch is recorded, is reported with every record that says so', async () => {
    const cluster = await TestCluster.start();
    const leader = await cluster.leader();
    const told = { leader: leader.id, epoch: leader.replicator().epoch };
    cluster.record = { ...told, version: 5, transition: { id: 'switch-1', to: 2, phase: 'seal' } };
    await cluster.tellAll();
    await sealed(cluster, leader);
    leader.stale.length = 0;
    await cluster.tellAll();
    expect(leader.stale).toEqual([]);
    cluster.record = { ...told, version: 6 };
    await cluster.tellAll();
    await cluster.tellAll();
    expect(leader.stale).toEqual(['switch-1', 'switch-1']);
    for (const other of cluster.others(leader)) expect(other.stale).toEqual([]);
  });
});

test('an order without an id, or to a follower, is refused', async () => {
  const cluster = await TestCluster.start();
  const leader = await cluster.leader();
  const [follower] = cluster.others(leader);
  for (const id of ['', 'x'.repeat(101)]) {
    await expect(leader.control.sealPartition(cluster.ref(), id, WAIT_MS)).rejects.toMatchObject({
      code: 'INVALID_REQUEST',
    });
  }
  await expect(follower.control.sealPartition(cluster.ref(), 's', WAIT_MS)).rejects.toMatchObject({
    code: 'NOT_LEADER',
  });
});

test('ends are answered for each partition, all of it on disk', async () => {
  const cluster = await TestCluster.start(3, {
    config: { flush: 'interval', 'flush.interval.ms': '60000' },
  });
  const leader = await cluster.leader();
  const written = produce(leader.partition(), batchOf('a'));
  await cluster.until(() => written.done);
  const refs = [cluster.ref(), cluster.ref({ partition: 7 })];
  const [end, unknown] = await leader.control.replicaEnds(refs);
  expect(end).toMatchObject({
    replicaId: cluster.replicaId(leader.id),
    broker: leader.id,
    epoch: leader.replicator().epoch,
    logEnd: { epoch: leader.replicator().epoch, offset: leader.log().logEnd },
    tainted: false,
  });
  expect(unknown).toMatchObject({ partition: 7, replicaId: '' });
  expect(unknown.failure).toBeDefined();
  leader.crash(5);
  cluster.isolate(leader);
  await cluster.restart(leader.id);
  expect(leader.log().logEnd).toBe(end.logEnd.offset);
});

test('ends of ten thousand partitions that are not here do not hold up the event loop', async () => {
  const cluster = await TestCluster.start();
  const leader = await cluster.leader();
  const refs = Array.from({ length: 10_000 }, (_, partition) => ({ ...cluster.ref(), partition }));
  let turns = 0;
  let answered = false;
  const count = (): void => {
    turns++;
    if (!answered) setImmediate(count);
  };
  count();
  const ends = await leader.control.replicaEnds(refs);
  answered = true;
  expect(ends.filter(({ failure }) => failure !== undefined)).toHaveLength(refs.length - 1);
  expect(turns).toBeGreaterThan(refs.length / 200);
});
