// The promises of a partition to producers and consumers, over real replicas.
import { controlBatch } from '@zhumq/model';
import { batchOf, produce, readAll, settle, TestCluster } from '../testing/test-cluster.js';

test('a duplicate waits for its original offset (rule 15)', async () => {
  const cluster = await TestCluster.start();
  const leader = await cluster.leader();
  const [one, two] = cluster.others(leader);
  cluster.network.filter = (from, _to, { batches }) => from !== leader.id || batches === undefined;
  const batch = (): Buffer => batchOf('a', { producerId: 5, producerEpoch: 0, baseSequence: 0 });
  const first = produce(leader.partition(), batch());
  const again = produce(leader.partition(), batch());
  const local = produce(leader.partition(), batch(), 1);
  await cluster.pass(200);
  expect([first.done, again.done]).toEqual([false, false]);
  expect(local).toMatchObject({ error: undefined, result: { duplicate: true } });
  cluster.network.heal();
  await cluster.until(() => first.done && again.done);
  expect(again.result).toEqual({ baseOffset: first.result?.baseOffset, duplicate: true });
  const end = (first.result?.baseOffset ?? 0) + 1;
  expect([one, two].some((broker) => broker.log().durableEnd >= end)).toBe(true);
});

test('a forged control batch is refused (rule 14)', async () => {
  const cluster = await TestCluster.start(1);
  const leader = await cluster.leader();
  const end = leader.log().logEnd;
  const forged = produce(leader.partition(), controlBatch(1000, Buffer.alloc(0), 1));
  expect(forged.error).toMatchObject({ retriable: false });
  expect(leader.log().logEnd).toBe(end);
});

test('uncommitted batches of a deposed leader are reported LEADERSHIP_LOST with outcome unknown', async () => {
  const cluster = await TestCluster.start();
  const deposed = await cluster.leader();
  cluster.isolate(deposed);
  const outcomes = Array.from({ length: 3 }, () => produce(deposed.partition(), batchOf('lost')));
  const leader = await cluster.leader([deposed.id]);
  const kept = produce(leader.partition(), batchOf('kept'));
  cluster.network.heal();
  await cluster.until(() => kept.done && outcomes.every(({ done }) => done));
  for (const { error } of outcomes) {
    expect(error).toMatchObject({ code: 'LEADERSHIP_LOST', retriable: true });
  }
  await cluster.until(() => deposed.partition().highWatermark === leader.log().logEnd);
  expect((await readAll(deposed.partition())).includes('lost')).toBe(false);
});

test('truncation removes producer state first', async () => {
  const cluster = await TestCluster.start();
  const deposed = await cluster.leader();
  const options = { producerId: 5, producerEpoch: 0, baseSequence: 0 };
  cluster.isolate(deposed);
  produce(deposed.partition(), batchOf('a', options));
  await settle();
  const leader = await cluster.leader([deposed.id]);
  cluster.network.heal();
  await cluster.until(() => deposed.partition().highWatermark === leader.log().logEnd);
  expect(deposed.replicator().epoch).toBe(leader.replicator().epoch);
  leader.replicator().transferLeadership(cluster.replicaId(deposed.id));
  await cluster.until(() => deposed.partition().leads && deposed.replicator().established);
  const again = produce(deposed.partition(), batchOf('a', options));
  await cluster.until(() => again.done);
  expect(again).toMatchObject({ error: undefined, result: { duplicate: false } });
});

test('high watermark never goes back for readers over leader changes (rule 18/27)', async () => {
  const cluster = await TestCluster.start();
  let seen = 0;
  for (let round = 0; round < 8; round++) {
    const leader = await cluster.leader();
    const outcome = produce(leader.partition(), batchOf(`round ${round}`));
    await cluster.until(() => outcome.done);
    expect(outcome.error).toBeUndefined();
    const { highWatermark } = leader.partition();
    expect(highWatermark).toBeGreaterThan(seen);
    seen = highWatermark;
    leader.crash(round + 1);
    // A successor may not know yet what is committed: a reader at the end is told to wait, and no more than is committed.
    await cluster.until(() =>
      cluster.others(leader).some(({ registry }) => registry.find('orders', 0)?.leads === true),
    );
    const successor = cluster.others(leader).find((broker) => broker.partition().leads);
    const partition = successor?.partition();
    if (partition !== undefined && partition.highWatermark < seen) {
      expect(() => partition.read(seen, 1000, -1)).toThrow(
        expect.objectContaining({ code: 'NOT_COMMITTED_YET' }),
      );
    }
    await cluster.restart(leader.id);
    const next = await cluster.leader();
    await cluster.until(() => next.partition().highWatermark >= seen);
    const text = (await readAll(next.partition())).toString('latin1');
    for (let before = 0; before <= round; before++) expect(text).toContain(`round ${before}`);
  }
}, 30_000);

test('a consumer that read what was lost is told so', async () => {
  const cluster = await TestCluster.start();
  const leader = await cluster.leader();
  const outcome = produce(leader.partition(), batchOf('a'));
  await cluster.until(() => outcome.done);
  const { highWatermark, replicator } = leader.partition();
  expect(() => leader.partition().read(highWatermark, 1000, replicator.epoch + 5)).toThrow(
    expect.objectContaining({ code: 'TRUNCATED' }),
  );
});
