// From one generation to the next, as a published record brings it about: what counts of the old one, what does not, and
// what must be on disk before a word is said in the new one (rules 2, 12, 13, 18).
import { parseTopicConfig } from '@zhumq/model';
import { ReplicationMode } from '@zhumq/rpc';
import type { PartitionInfo, SealResult } from '@zhumq/rpc';
import { batchOf, produce, readAll, settle, TestCluster } from '../testing/test-cluster.js';
import type { TestBroker } from '../testing/test-broker.js';
import { enterGeneration } from './generation.js';
import { configureLog } from './log-config.js';

const INTERVAL = { flush: 'interval', 'flush.interval.ms': '60000' };
/** Less than the shortest election timeout. */
const AT_ONCE_MS = 450;

async function write(cluster: TestCluster, broker: TestBroker, text: string): Promise<void> {
  const outcome = produce(broker.partition(), batchOf(text));
  await cluster.until(() => outcome.done);
  expect(outcome.error).toBeUndefined();
}

async function seal(cluster: TestCluster, leader: TestBroker): Promise<SealResult> {
  let result: SealResult | undefined;
  void leader.control
    .sealPartition(cluster.ref(), 'switch-1', 60_000)
    .then((answer) => (result = answer));
  await cluster.until(() => result !== undefined);
  return result as SealResult;
}

/** Publishes the next generation in mode raft: who leads, above which terms, from where on. */
async function publish(
  cluster: TestCluster,
  record: Partial<PartitionInfo>,
  brokers = cluster.brokers,
): Promise<void> {
  cluster.topic = { ...cluster.topic, generation: cluster.topic.generation + 1 };
  cluster.record = record;
  for (const broker of brokers) await broker.apply(cluster.state());
}

async function sealedAndClosed(config: Readonly<Record<string, string>> = {}) {
  const cluster = await TestCluster.start(3, { config });
  const leader = await cluster.leader();
  await write(cluster, leader, 'old');
  const { seal: end } = await seal(cluster, leader);
  const ends = await Promise.all(
    cluster.brokers.map((broker) => broker.control.closePartition(cluster.ref())),
  );
  const epoch = 1 + Math.max(...ends.map((one) => one.epoch));
  return { cluster, leader, end, epoch };
}

function leads(broker: TestBroker): boolean {
  const { leads: isLeader, replicator } = broker.partition();
  return isLeader && replicator.established;
}

describe('the next generation', () => {
  test('rule 13: an old seal, vote and close mean nothing in it, and its terms are above all before', async () => {
    const { cluster, end, epoch } = await sealedAndClosed();
    await publish(cluster, { leader: 2, epoch, seal: end });
    const leader = await cluster.leader();
    expect(leader.replicator().epoch).toBeGreaterThan(epoch);
    expect(leader.replicator().sealedBy).toBeUndefined();
    await write(cluster, leader, 'new');
    const text = (await readAll(leader.partition())).toString('latin1');
    expect(text).toContain('old');
    expect(text).toContain('new');
    for (const broker of cluster.brokers) {
      const { hardState, generation } = broker.log();
      expect(hardState).toMatchObject({ generation: 2, closed: false });
      expect(generation).toMatchObject({ generation: 2, mode: 'raft', epoch, seal: end });
    }
  });

  test('the published leader leads at once, without an election timeout', async () => {
    const { cluster, end, epoch } = await sealedAndClosed();
    for (const leader of [3, 1]) {
      await publish(cluster, { leader, epoch: epoch + 100 * leader, seal: end });
      await cluster.until(() => leads(cluster.broker(leader)), AT_ONCE_MS);
    }
  });

  test('and also when the others enter a little later', async () => {
    const { cluster, end, epoch } = await sealedAndClosed();
    await publish(cluster, { leader: 3, epoch, seal: end }, [cluster.broker(3)]);
    await cluster.pass(200);
    for (const broker of cluster.others(cluster.broker(3))) await broker.apply(cluster.state());
    await cluster.until(() => leads(cluster.broker(3)), 200);
  });

  test('after a restart nobody stands before an election timeout, whoever was published', async () => {
    const { cluster, end, epoch } = await sealedAndClosed();
    await publish(cluster, { leader: 3, epoch, seal: end });
    await cluster.leader();
    for (const broker of cluster.brokers) broker.kill();
    for (const { id } of cluster.brokers) await cluster.restart(id);
    await cluster.pass(AT_ONCE_MS);
    expect(cluster.brokers.some(leads)).toBe(false);
    await cluster.leader();
  });

  test('begins in the turn in which the old one ends: what waits is told, and nobody finds a gap', async () => {
    const cluster = await TestCluster.start();
    const leader = await cluster.leader();
    await write(cluster, leader, 'a');
    cluster.isolate(leader);
    const waiting = produce(leader.partition(), batchOf('b'));
    const before = leader.partition();
    let found: unknown = 'not woken';
    before.gate.wait(() => {
      found = leader.registry.find('orders', 0);
      queueMicrotask(() => (found = leader.registry.find('orders', 0)));
    });
    await publish(cluster, { leader: leader.id, epoch: 50 }, [leader]);
    expect(waiting.error).toMatchObject({ code: 'LEADERSHIP_LOST', retriable: true });
    expect(found).toBe(leader.partition());
    expect(leader.partition()).not.toBe(before);
    // What consumers ask the old one that they still hold, or the new one that does not lead yet.
    for (const partition of [before, leader.partition()]) {
      expect(() => partition.read(0, 1000, -1)).toThrow(
        expect.objectContaining({ retriable: true }),
      );
    }
  });

  test('one that can not be opened leaves a partition that says to come again', async () => {
    const { cluster, end, epoch } = await sealedAndClosed();
    const [broker] = cluster.brokers;
    const open = jest.spyOn(broker.store, 'replica').mockImplementation(() => {
      throw new Error('not now');
    });
    await publish(cluster, { leader: 1, epoch, seal: end }, [broker]);
    open.mockRestore();
    expect(() => broker.partition().read(0, 1000, -1)).toThrow(
      expect.objectContaining({ retriable: true }),
    );
    await cluster.until(() => broker.partition().name.generation === 2, 10_000);
  });
});

describe('rule 2: what comes from an older generation', () => {
  test('an older assignment changes nothing', async () => {
    const { cluster, end, epoch } = await sealedAndClosed();
    await publish(cluster, { leader: 2, epoch, seal: end });
    const leader = await cluster.leader();
    const open = leader.partition();
    cluster.topic = { ...cluster.topic, generation: 1 };
    cluster.record = { leader: 1, epoch: epoch + 1000 };
    await cluster.tellAll();
    expect(leader.partition()).toBe(open);
    expect(open.leads).toBe(true);
  });

  test('a broker that was not told, with any term, moves nobody and acknowledges nothing', async () => {
    const cluster = await TestCluster.start();
    const left = await cluster.leader();
    const others = cluster.others(left);
    cluster.isolate(left);
    const next = await cluster.leader([left.id]);
    const { seal: end } = await seal(cluster, next);
    const ends = await Promise.all(
      others.map((broker) => broker.control.closePartition(cluster.ref())),
    );
    const epoch = 1 + Math.max(...ends.map((one) => one.epoch));
    await publish(cluster, { leader: next.id, epoch, seal: end }, others);
    await cluster.until(() => leads(next), AT_ONCE_MS);
    const term = next.replicator().epoch;
    cluster.network.heal();
    const outcome = produce(left.partition(), batchOf('zombie'));
    await cluster.pass(10_000);
    expect(outcome.error).toBeDefined();
    expect(left.partition().leads).toBe(false);
    expect(leads(next)).toBe(true);
    expect(next.replicator().epoch).toBe(term);
    // Told at last, it follows.
    await left.apply(cluster.state());
    await cluster.until(() => left.log().logEnd === next.log().logEnd);
    await cluster.until(() => left.partition().highWatermark === next.partition().highWatermark);
    const copies = [await readAll(left.partition()), await readAll(next.partition())];
    expect(copies[0].equals(copies[1])).toBe(true);
  });
});

describe('rule 12: nothing is said in a generation before the log of the one before is synced', () => {
  test('the votes of a new generation survive a power loss together with the log that they speak for', async () => {
    for (let seed = 1; seed <= 6; seed++) {
      const cluster = await TestCluster.start(3, { config: INTERVAL });
      const leader = await cluster.leader();
      for (let at = 0; at < 3; at++) await write(cluster, leader, `record ${at}`);
      const { logEnd, lastEpoch } = leader.log();
      const end = { epoch: lastEpoch, offset: logEnd };
      await cluster.until(() => cluster.brokers.every((broker) => broker.log().logEnd === logEnd));
      // None of it is synced: by the old policy it did not have to be.
      for (const broker of cluster.brokers) expect(broker.log().syncedEnd).toBeLessThan(logEnd);
      await publish(cluster, { leader: leader.id, epoch: lastEpoch + 5, seal: end });
      await cluster.until(() => cluster.brokers.some((broker) => broker.partition().leads));
      for (const broker of cluster.brokers) broker.crash(seed + broker.id);
      for (const { store } of cluster.brokers) await store.abort();
      cluster.isolate(cluster.broker(1));
      cluster.isolate(cluster.broker(2));
      for (const { id } of cluster.brokers) await cluster.restart(id);
      const whole = cluster.brokers.filter((broker) => broker.log().logEnd >= logEnd);
      expect(whole.length).toBeGreaterThanOrEqual(2);
    }
  }, 30_000);

  test('a voter whose log is still being synced says nothing, and what it was asked is not lost', async () => {
    const { cluster, end, epoch } = await sealedAndClosed(INTERVAL);
    const [slow, candidate, away] = cluster.brokers;
    cluster.isolate(away);
    const log = slow.log();
    const sync = log.sync.bind(log);
    let release: () => void = () => undefined;
    log.sync = () => new Promise<void>((go) => (release = go)).then(sync);
    let said = 0;
    cluster.network.filter = (from) => {
      if (from === slow.id) said++;
      return true;
    };
    await publish(cluster, { leader: candidate.id, epoch, seal: end });
    await cluster.pass(200);
    expect(said).toBe(0);
    expect(candidate.partition().leads).toBe(false);
    expect(log.hardState?.vote).toBeUndefined();
    release();
    // What waited is answered now: nobody stands again for that.
    await settle(40);
    expect(candidate.partition().leads).toBe(true);
  });

  test('rule 16: in mode fetch, too: or a power loss takes the mode under which it acknowledged, and nobody doubts it', async () => {
    const { cluster, end, epoch } = await sealedAndClosed();
    const held = cluster.brokers.map((broker) => {
      const log = broker.log();
      const sync = log.sync.bind(log);
      let release: () => void = () => undefined;
      log.sync = () => new Promise<void>((go) => (release = go)).then(sync);
      return { broker, release: () => release() };
    });
    cluster.topic = { ...cluster.topic, generation: 2, mode: ReplicationMode.FETCH };
    cluster.record = { seal: end };
    await cluster.zkServer.elect(1, { epoch, isr: [1, 2, 3] });
    await settle(40);
    for (const { broker } of held) {
      const replicator = broker.fetchReplicator();
      expect([replicator.role, replicator.state?.epoch]).toEqual(['offline', epoch]);
      expect(replicator.position()).toBeUndefined();
      expect(broker.log().logEnd).toBe(end.offset);
    }
    for (const { release } of held) release();
    expect((await cluster.leader()).id).toBe(1);
    await write(cluster, cluster.broker(1), 'new');
  });

  test('a replica that can not sync its log does not vote', async () => {
    const { cluster, end, epoch } = await sealedAndClosed(INTERVAL);
    const [failing, ...others] = cluster.brokers;
    for (const broker of others) broker.kill();
    failing.fileSystem.fault = ({ kind }) =>
      kind === 'sync' ? { kind: 'error', code: 'EIO' } : undefined;
    let said = 0;
    cluster.network.filter = () => ++said < 0;
    await publish(cluster, { leader: failing.id, epoch, seal: end }, [failing]).catch(
      () => undefined,
    );
    await cluster.pass(3_000);
    expect(said).toBe(0);
    expect(failing.replicator().role).toBe('failed');
  });
});

describe('rule 13: kill points of entering', () => {
  test('a crash at any moment leaves the old generation or the new one, never a mixture', async () => {
    const seen = new Set<number>();
    for (let seed = 1; seed <= 12; seed++) {
      const { cluster, end, epoch } = await sealedAndClosed();
      const [broker] = cluster.brokers;
      for (const other of cluster.others(broker)) cluster.isolate(other);
      cluster.topic = { ...cluster.topic, generation: 2 };
      cluster.record = { leader: 2, epoch, seal: end };
      void broker.apply(cluster.state()).catch(() => undefined);
      await settle(seed % 3);
      broker.crash(seed);
      await broker.start();
      const { hardState, generation } = broker.store.replica(cluster.replicaId(1)) ?? {};
      seen.add(generation?.generation ?? 0);
      if (hardState?.generation === 2) {
        expect(hardState).toMatchObject({ closed: false, term: epoch, vote: undefined });
      } else {
        expect(hardState).toMatchObject({ generation: 1, closed: true });
      }
      await broker.apply(cluster.state());
      expect(broker.log()).toMatchObject({
        generation: { generation: 2 },
        hardState: { generation: 2, closed: false, term: epoch, vote: undefined },
      });
    }
    expect([...seen].sort()).toEqual([1, 2]);
  }, 30_000);

  test('a record without its hard state is completed: the vote and the close of the old one do not count', async () => {
    const { cluster, end, epoch } = await sealedAndClosed();
    const log = cluster.broker(1).log();
    const info = { ...cluster.state().partitions[0].info, generation: 2, epoch, seal: end };
    log.saveGeneration({ generation: 2, mode: 'raft', epoch, seal: end, voters: [] });
    expect(log.hardState).toMatchObject({ generation: 1, closed: true });
    expect(enterGeneration(log, info)).toBe(true);
    expect(log.hardState).toMatchObject({ generation: 2, closed: false, vote: undefined });
    expect(enterGeneration(log, info)).toBe(false);
  });
});

describe('rule 16: taint', () => {
  test.each([
    ['kept by a switch', 0, true],
    ['kept when an earlier recovery set it', -1, true],
    ['void after a forced recovery', 1, false],
  ])('%s', async (_, lossOf, kept) => {
    const { cluster, end, epoch } = await sealedAndClosed();
    const log = cluster.broker(1).log();
    const before = log.hardState;
    if (before === undefined) throw new Error('no hard state');
    log.saveHardState({ ...before, tainted: true, taintReason: 'unclean' });
    const lossEpoch = lossOf === 1 ? epoch : lossOf === -1 ? epoch - 1 : undefined;
    const { info } = cluster.state().partitions[0];
    enterGeneration(log, { ...info, generation: 2, epoch, seal: end, lossEpoch });
    expect(log.hardState).toMatchObject({ tainted: kept, taintReason: kept ? 'unclean' : '' });
  });
});

describe('rule 18: the high watermark at the start', () => {
  test('is the end of the old generation where the log holds its seal, however little was known', async () => {
    const { cluster, leader, end, epoch } = await sealedAndClosed();
    const [behind] = cluster.others(leader);
    expect(behind.log().highWatermark).toBeLessThan(end.offset);
    cluster.isolate(behind);
    await publish(cluster, { leader: leader.id, epoch, seal: end });
    await settle();
    expect(behind.partition().highWatermark).toBe(end.offset);
    expect(behind.log().highWatermark).toBe(end.offset);
  });

  test('a straggler that diverged keeps its old one, and gives its own records up', async () => {
    const cluster = await TestCluster.start();
    const straggler = await cluster.leader();
    await write(cluster, straggler, 'shared');
    await cluster.pass(500);
    cluster.isolate(straggler);
    for (let at = 0; at < 20; at++) produce(straggler.partition(), batchOf(`own ${at}`), 1);
    await settle();
    const known = straggler.log().highWatermark;
    const next = await cluster.leader([straggler.id]);
    await write(cluster, next, 'kept');
    const { seal: end } = await seal(cluster, next);
    const epoch = next.replicator().epoch + 1;
    expect(straggler.log().logEnd).toBeGreaterThan(end.offset);
    await publish(cluster, { leader: next.id, epoch, seal: end });
    await settle();
    expect(straggler.partition().highWatermark).toBe(known);
    expect(known).toBeLessThan(end.offset);
    cluster.network.heal();
    await cluster.until(() => straggler.log().logEnd === next.log().logEnd);
    await cluster.until(() => straggler.partition().highWatermark >= end.offset);
    expect((await readAll(straggler.partition())).includes('own')).toBe(false);
  });
});

test('the flush policy follows the mode of the generation', async () => {
  const cluster = await TestCluster.start(1);
  const log = (await cluster.leader()).log();
  configureLog(log, parseTopicConfig());
  expect(log.config.flush).toBe('fsync');
  log.saveGeneration({ generation: 2, mode: 'fetch', epoch: 9, seal: undefined, voters: [] });
  configureLog(log, parseTopicConfig());
  expect(log.config.flush).toBe('interval');
  configureLog(log, parseTopicConfig({ flush: 'os' }));
  expect(log.config.flush).toBe('os');
});
