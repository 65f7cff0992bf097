// Replicas that fell behind, were damaged, lost their disk or slept through a deletion: each comes back equal to the
// others, or not at all.
import { existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from '@zhumq/client';
import type { Client, ReplicaDetails } from '@zhumq/client';
import { expectEqualReplicas, leaderOf, makeLeader, untilLevel } from './support/cluster-checks.js';
import { ClusterProcesses } from './support/cluster-processes.js';
import { replicaFolder, segmentFiles, storedBatches } from './support/replica-bytes.js';
import type { StoredBatch } from './support/replica-bytes.js';
import { report } from './support/report.js';
import { until } from './support/until.js';

const KIB = 1024;
const SMALL_SEGMENTS = { 'segment.bytes': '64KiB' };
/** Longer than three elections with the default timeouts. */
const SEVERAL_ELECTIONS_MS = 4_000;

let cluster: ClusterProcesses;
let client: Client;

jest.setTimeout(180_000);

beforeAll(async () => {
  cluster = await ClusterProcesses.start({
    brokers: 3,
    zkservers: 1,
    zookeepers: 1,
    brokerFlags: ['--retention-check-ms', '200ms'],
  });
  client = await connect(cluster.bootstrap);
});

afterAll(async () => {
  await client?.close({ timeout: 1_000 });
  await cluster?.destroy();
});

async function create(topic: string, config: Record<string, string> = {}): Promise<void> {
  const created = await client.admin().createTopic({ topic, partitions: 1, replicas: 3, config });
  expect(created.ready).toBe(true);
}

/** Sends values of 1 KiB that begin with their number; all are acknowledged. */
async function send(topic: string, from: number, count: number): Promise<void> {
  const producer = client.producer({ batchBytes: 16 * KIB });
  const values = Array.from({ length: count }, (_, index) => `${from + index} `.padEnd(KIB, 'x'));
  await producer.send(
    topic,
    values.map((value) => ({ value })),
  );
  await producer.close();
}

async function numbersIn(topic: string, count: number): Promise<number[]> {
  const consumer = client.consumer({ topic, from: 'earliest' });
  const numbers: number[] = [];
  await until(`${count} messages of ${topic} are read`, async () => {
    for (const { value } of await consumer.fetch({ max: 1_000 }))
      numbers.push(Number.parseInt(String(value)));
    return numbers.length >= count;
  });
  await consumer.close();
  return numbers;
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

async function replicaOn(topic: string, broker: number): Promise<ReplicaDetails | undefined> {
  const [partition] = await client.admin().describePartitions(topic);
  return partition.replicaDetails.find((replica) => replica.broker === broker);
}

test('a broker that slept through retention copies segments, and its log is equal', async () => {
  await create('old', { ...SMALL_SEGMENTS, 'retention.bytes': '192KiB' });
  await makeLeader(client, 'old', 0, 1);
  await send('old', 0, 20);
  await untilLevel(client, 'old');
  await cluster.broker(3).kill('SIGTERM');
  const end = storedBatches(replicaFolder(cluster.dataDirectory(3), 'old', 0)).at(-1)?.lastOffset;
  await send('old', 20, 800);
  await until('what broker 3 needs next is deleted everywhere', async () => {
    const [earliest] = await client.admin().listOffsets({ topic: 'old', at: 'earliest' });
    return earliest.offset > (end ?? Infinity) + 1;
  });
  await cluster.broker(3).start();
  const [{ from, to }] = await expectEqualReplicas(cluster, client, 'old');
  const batches = storedBatches(replicaFolder(cluster.dataDirectory(3), 'old', 0));
  expect(batches[0].baseOffset).toBeGreaterThan((end ?? Infinity) + 1);
  report(`broker 3 slept from ${end} on and has copied ${from} to ${to}`);
  await send('old', 820, 50);
  await expectEqualReplicas(cluster, client, 'old');
});

describe.each(['sealed', 'active'])('A flipped bit in the %s segment of a follower', (segment) => {
  const topic = `damaged-${segment}`;
  let victim: StoredBatch;

  test('is reported precisely, and the replica elects nobody', async () => {
    await create(topic, SMALL_SEGMENTS);
    await makeLeader(client, topic, 0, 1);
    await send(topic, 0, 200);
    await untilLevel(client, topic);
    for (const id of [3, 2, 1]) await cluster.broker(id).kill('SIGTERM');
    const folder = replicaFolder(cluster.dataDirectory(2), topic, 0);
    const files = segmentFiles(folder);
    const file = files[segment === 'sealed' ? 1 : files.length - 1];
    const batches = storedBatches(folder).filter((batch) => batch.file === file);
    victim = batches[Math.floor(batches.length / 2)];
    flipBit(victim);
    report(`flipped a bit of offset ${victim.baseOffset} in ${file} of broker 2`);

    await Promise.all([cluster.broker(2).start(), cluster.broker(3).start()]);
    const found = await until('broker 2 reports the damage', async () => {
      const replica = await replicaOn(topic, 2);
      return replica === undefined || replica.problem === '' || replica.role === 'offline'
        ? undefined
        : replica;
    });
    expect(found.role).toBe('damaged');
    expect(found.problem).toContain(file);
    expect(found.problem).toContain(String(victim.position));
    // One whole log and a damaged one are no majority: the whole one campaigns and does not win.
    const since = performance.now();
    const roles = new Set<string | undefined>();
    await until('several elections had their time', async () => {
      for (const id of [2, 3]) roles.add((await replicaOn(topic, id))?.role);
      return performance.now() - since > SEVERAL_ELECTIONS_MS;
    });
    expect(roles).not.toContain('leader');
  });

  test('is gone when the others are back: copied again, equal, nothing lost', async () => {
    await cluster.broker(1).start();
    await expectEqualReplicas(cluster, client, topic);
    expect((await replicaOn(topic, 2))?.problem).toBe('');
    expect(await numbersIn(topic, 200)).toEqual(upTo(200));
    await send(topic, 200, 10);
    await expectEqualReplicas(cluster, client, topic);
  });
});

function flipBit({ file, position, bytes }: StoredBatch): void {
  const content = readFileSync(file);
  content[position + bytes.length - 10] ^= 1;
  writeFileSync(file, content);
}

test('a topic that was deleted and created again while a broker slept has nothing of the old one', async () => {
  await create('again');
  await send('again', 1_000, 30);
  await untilLevel(client, 'again');
  const broker = cluster.broker(2);
  // Not SIGTERM: until its session ends it counts as alive, and gets a replica of the new topic.
  await broker.kill();
  const old = replicaFolder(cluster.dataDirectory(2), 'again', 0);
  await client.admin().deleteTopic({ topic: 'again' });
  await create('again');
  await send('again', 0, 20);
  await broker.start();
  await until('the old data are gone', () => !existsSync(old));
  await expectEqualReplicas(cluster, client, 'again');
  expect(await numbersIn('again', 20)).toEqual(upTo(20));
});

test('an empty disk is no replica: it neither votes nor counts, and the others go on (rule 6)', async () => {
  await create('wiped');
  await makeLeader(client, 'wiped', 0, 1);
  await send('wiped', 0, 50);
  await untilLevel(client, 'wiped');
  await cluster.broker(3).kill();
  rmSync(cluster.dataDirectory(3), { recursive: true });
  await cluster.broker(3).start();
  await send('wiped', 50, 10);

  // Of three voters one is gone for good. Without the second, nothing may be acknowledged or elected.
  await cluster.broker(2).kill();
  const producer = client.producer({ deliveryTimeout: SEVERAL_ELECTIONS_MS });
  await expect(producer.send('wiped', { value: 'lonely' })).rejects.toThrow();
  await producer.close();
  await cluster.broker(1).kill();
  await cluster.broker(2).start();
  const since = performance.now();
  const roles = new Set<string | undefined>();
  await until('several elections had their time', async () => {
    for (const id of [2, 3]) roles.add((await replicaOn('wiped', id))?.role);
    return performance.now() - since > SEVERAL_ELECTIONS_MS;
  });
  expect(roles).not.toContain('leader');
  const partitions = join(cluster.dataDirectory(3), 'partitions');
  expect(readdirSync(partitions).filter((name) => name.startsWith('wiped-'))).toEqual([]);

  await cluster.broker(1).start();
  expect(await leaderOf(client, 'wiped')).not.toBe(3);
  expect((await numbersIn('wiped', 60)).slice(0, 60)).toEqual(upTo(60));
});
