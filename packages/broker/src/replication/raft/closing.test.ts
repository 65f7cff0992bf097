// A closed replica takes no part in its generation any more, and says once and for all how far its log goes (rule 1).
import { batchOf, produce, settle, TestCluster } from '../../testing/test-cluster.js';
import type { TestBroker } from '../../testing/test-broker.js';

function closeAll(cluster: TestCluster, brokers: readonly TestBroker[]) {
  return Promise.all(brokers.map((broker) => broker.control.closePartition(cluster.ref())));
}

test('rule 1 (a): the epoch after a close is above every term, also of a leader that the zkserver never heard of', async () => {
  const cluster = await TestCluster.start();
  const c = await cluster.leader();
  const [a, b] = cluster.others(c);
  const term = c.replicator().epoch;
  cluster.isolate(c);
  // Alone and on its own disk only: what the next leader overwrites.
  const alone = Array.from({ length: 5 }, (_, at) => produce(c.partition(), batchOf(`c${at}`), 1));
  await settle();
  expect(alone.every(({ done, error }) => done && error === undefined)).toBe(true);
  const next = await cluster.leader([c.id]);
  const kept = produce(next.partition(), batchOf('kept'));
  await cluster.until(() => kept.done);
  const sealed = next.control.sealPartition(cluster.ref(), 'switch-1', 60_000);
  const answers: unknown[] = [];
  void sealed.then((result) => answers.push(result));
  await cluster.until(() => answers.length > 0);
  const { seal } = await sealed;

  // The zkserver's record names neither of the two leaders; the answers of a majority do.
  const ends = await closeAll(cluster, [a, b]);
  expect(ends.map(({ logEnd }) => logEnd)).toEqual([seal, seal]);
  for (const { epoch } of ends) expect(epoch).toBeGreaterThan(term);
  const late = await c.control.closePartition(cluster.ref());
  expect(late.epoch).toBe(term);
  expect(late.logEnd.offset).toBeGreaterThan(0);
  const epoch = 1 + Math.max(...ends.map((end) => end.epoch));
  expect(epoch).toBeGreaterThan(late.epoch);
});

test('rule 1 (b): after a majority has closed nobody is elected, nothing is appended, and the ends stay', async () => {
  const cluster = await TestCluster.start();
  const leader = await cluster.leader();
  const [first, second] = cluster.others(leader);
  const written = produce(leader.partition(), batchOf('a'));
  await cluster.until(() => written.done);
  await cluster.pass(500);
  const ends = await closeAll(cluster, [first, second]);
  const pending = produce(leader.partition(), batchOf('b'));
  await cluster.until(() => !leader.partition().leads);
  expect(pending.error).toMatchObject({ code: 'LEADERSHIP_LOST' });
  await cluster.pass(5_000);
  for (const broker of cluster.brokers) expect(broker.partition().leads).toBe(false);
  for (const [at, broker] of [first, second].entries()) {
    const again = await broker.control.closePartition(cluster.ref());
    expect(again).toEqual(ends[at]);
    expect(broker.log().logEnd).toBe(ends[at].logEnd.offset);
    expect(broker.replicator().role).toBe('closed');
  }
});

test('a closed replica votes for nobody, acknowledges nothing and stays silent', async () => {
  const cluster = await TestCluster.start();
  const leader = await cluster.leader();
  const [closed, other] = cluster.others(leader);
  const end = await closed.control.closePartition(cluster.ref());
  let said = 0;
  cluster.network.filter = (from) => {
    if (from === closed.id) said++;
    return true;
  };
  // With the other one away the leader has only the closed one, which must not help it.
  cluster.isolate(other);
  cluster.network.cut.delete(`${other.id}>${closed.id}`);
  cluster.network.cut.delete(`${closed.id}>${other.id}`);
  const pending = produce(leader.partition(), batchOf('a'));
  await cluster.pass(4_000);
  expect(said).toBe(0);
  expect(pending.error).toMatchObject({ code: 'LEADERSHIP_LOST' });
  expect(closed.log().logEnd).toBe(end.logEnd.offset);
  expect(cluster.brokers.some((broker) => broker.partition().leads)).toBe(false);
});

test('a leader that is closed fails what waits with outcome unknown, and consumers with a retriable error (rule 34)', async () => {
  const cluster = await TestCluster.start();
  const leader = await cluster.leader();
  const first = produce(leader.partition(), batchOf('a'));
  await cluster.until(() => first.done);
  cluster.isolate(leader);
  const waiting = produce(leader.partition(), batchOf('b'));
  let woken = false;
  leader.partition().gate.wait(() => (woken = true));
  const closing = leader.control.closePartition(cluster.ref());
  // In the very turn of the call.
  expect(waiting.error).toMatchObject({ code: 'LEADERSHIP_LOST', retriable: true });
  expect(woken).toBe(true);
  expect(() => leader.partition().read(0, 1000, -1)).toThrow(
    expect.objectContaining({ code: 'NOT_LEADER' }),
  );
  const refused = produce(leader.partition(), batchOf('c'));
  expect(refused.error).toMatchObject({ code: 'LEADER_NOT_AVAILABLE', retriable: true });
  await expect(leader.replicator().confirmLeadership()).rejects.toMatchObject({
    code: 'NOT_LEADER',
  });
  const end = await closing;
  // All of it is on disk, also what nobody else has.
  expect(end.logEnd.offset).toBe(leader.log().syncedEnd);
  expect(end).toMatchObject({ tainted: false, broker: leader.id });
});

test('rule 1: closed survives a restart, by a crash before or after it is on disk', async () => {
  for (let seed = 1; seed <= 8; seed++) {
    const cluster = await TestCluster.start();
    const leader = await cluster.leader();
    const [closed] = cluster.others(leader);
    const closing = closed.control.closePartition(cluster.ref());
    let answered: Awaited<typeof closing> | undefined;
    closing.then(
      (end) => (answered = end),
      () => undefined,
    );
    await settle(seed % 4);
    closed.crash(seed);
    cluster.isolate(closed);
    await cluster.restart(closed.id);
    const isClosed = closed.replicator().role === 'closed';
    // Answered means durable; not answered may be either.
    if (answered !== undefined) expect(isClosed).toBe(true);
    cluster.network.heal();
    await cluster.pass(2_000);
    const again = await closed.control.closePartition(cluster.ref());
    if (isClosed) expect(closed.log().hardState).toMatchObject({ closed: true });
    if (answered !== undefined) {
      expect(again.logEnd).toEqual(answered.logEnd);
      expect(again.epoch).toBeGreaterThanOrEqual(answered.epoch);
    }
  }
}, 30_000);

test('a replica whose disk failed does not close: its word would be worth nothing', async () => {
  const cluster = await TestCluster.start();
  const leader = await cluster.leader();
  const [failed] = cluster.others(leader);
  failed.fileSystem.fault = ({ kind, path }) =>
    kind === 'write' && path.endsWith('.log') ? { kind: 'error', code: 'EIO' } : undefined;
  const outcome = produce(leader.partition(), batchOf('a'));
  await cluster.until(() => outcome.done);
  await cluster.until(() => failed.replicator().role === 'failed');
  const refused = { code: 'REPLICA_FAILED' };
  await expect(failed.control.closePartition(cluster.ref())).rejects.toMatchObject(refused);
  await expect(failed.control.closePartition(cluster.ref())).rejects.toMatchObject(refused);
});

test('a disk that fails while it closes fails the close', async () => {
  const cluster = await TestCluster.start();
  const leader = await cluster.leader();
  const [failing] = cluster.others(leader);
  failing.fileSystem.fault = ({ kind, path }) =>
    kind === 'sync' && path.endsWith('.wal') ? { kind: 'error', code: 'EIO' } : undefined;
  await expect(failing.control.closePartition(cluster.ref())).rejects.toThrow();
});
