// Rule 16, last clause: a majority of a raft group restarts after a loss of power, with flush=interval. Nobody may vote, so
// the zkserver recovers the group by itself, and says that acknowledged messages may have been lost.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from '@zhumq/client';
import type { Client } from '@zhumq/client';
import { directoryIdentityCodec } from '@zhumq/model';
import { NodeFileSystem } from '@zhumq/log';
import { readSealedFile, sealContent } from '../../packages/log/src/file-system/small-file.js';
import { ClusterProcesses } from './support/cluster-processes.js';
import { expectEqualReplicas, leaderOf } from './support/cluster-checks.js';
import { report } from './support/report.js';
import { until } from './support/until.js';

const TOPIC = 'orders';

let cluster: ClusterProcesses;
let client: Client;

jest.setTimeout(240_000);

beforeAll(async () => {
  cluster = await ClusterProcesses.start({
    ...{ brokers: 3, zkservers: 1, zookeepers: 1 },
    zkserverFlags: ['--session-timeout', '3s', '--recovery-wait-ms', '1s'],
    brokerFlags: ['--session-timeout', '3s'],
  });
  client = await connect(cluster.bootstrap);
});

afterAll(async () => {
  await client?.close({ timeout: 1_000 });
  await cluster?.destroy();
});

/** The directory says then that it was last used before the machine was started again, as after a loss of power. */
function pretendPowerLoss(broker: number): void {
  const file = join(cluster.dataDirectory(broker), 'meta');
  const content = readSealedFile(new NodeFileSystem(), file);
  if (content === undefined) throw new Error(`${file} is not there`);
  const identity = directoryIdentityCodec.decode(content);
  const earlier = { ...identity, bootId: 'an-earlier-boot', clean: false };
  writeFileSync(file, sealContent(directoryIdentityCodec.encode(earlier)));
}

test('a partition whose majority lost power is led again by itself, and the loss is reported', async () => {
  await client.admin().createTopic({
    ...{ topic: TOPIC, partitions: 1, replicas: 3 },
    config: { flush: 'interval', 'flush.interval.ms': '100ms' },
  });
  const producer = client.producer();
  for (let number = 0; number < 100; number++)
    await producer.send(TOPIC, { partition: 0, value: String(number) });
  const leader = await leaderOf(client, TOPIC);
  const others = [1, 2, 3].filter((id) => id !== leader);
  await Promise.all(
    cluster.servers.filter(({ name }) => name !== 'zkserver-1').map((one) => one.kill()),
  );
  for (const id of others) pretendPowerLoss(id);
  await cluster.startServers();
  const started = performance.now();
  const details = await until(
    'the partition is led again',
    async () => {
      const [seen] = await client.admin().describePartitions(TOPIC);
      return seen.possibleLoss !== undefined &&
        seen.replicaDetails.some(({ role }) => role === 'leader')
        ? seen
        : undefined;
    },
    { timeoutMs: 120_000, state: () => client.admin().describePartitions(TOPIC) },
  );
  report(
    `led again ${Math.round(performance.now() - started)} ms after the restart: ${details.possibleLoss}`,
  );
  expect(details.generation).toBe(2);
  expect(details.mode).toBe('raft');
  const { offset } = await producer.send(TOPIC, { partition: 0, value: 'after' });
  const consumer = client.consumer({ topic: TOPIC, partitions: [0], from: 'earliest' });
  const values: string[] = [];
  await until('everything is read', async () => {
    for (const message of await consumer.fetch({ wait: 200 })) values.push(String(message.value));
    return (consumer.position().at(0)?.offset ?? 0) > offset;
  });
  // The one that kept its memory had everything; it won by the largest end.
  expect(values).toEqual([...Array.from({ length: 100 }, (_, number) => String(number)), 'after']);
  await consumer.close();
  await producer.close();
  await expectEqualReplicas(cluster, client, TOPIC);
});
