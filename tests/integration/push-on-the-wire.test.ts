// What passes between a push consumer and a broker, written down by a proxy between the two processes: the broker sends by
// itself, and is asked for nothing.
import { connect } from '@zhumq/client';
import { ClusterProcesses } from './support/cluster-processes.js';
import { freePorts } from './support/free-ports.js';
import { RecordingProxy } from './support/recording-proxy.js';
import { report } from './support/report.js';
import { until } from './support/until.js';

const TOPIC = 'orders';
const MESSAGES = 2_000;
const PARTITIONS = 3;

let cluster: ClusterProcesses;
let proxy: RecordingProxy;

jest.setTimeout(120_000);

beforeAll(async () => {
  const [port] = await freePorts(1);
  proxy = new RecordingProxy(() => cluster?.brokerPort(1) ?? 1);
  await proxy.listen(port);
  cluster = await ClusterProcesses.start({
    ...{ brokers: 1, zkservers: 1, zookeepers: 1 },
    brokerFlags: ['--advertise', `127.0.0.1:${port}`, '--delivery-heartbeat-ms', '500ms'],
  });
});

afterAll(async () => {
  await cluster?.destroy();
  await proxy?.close();
});

test.each([undefined, 'workers'])(
  'with credit outstanding nothing but credit and heartbeats goes to the broker between deliveries (group: %s)',
  async (group) => {
    await using client = await connect(cluster.bootstrap);
    await using other = await connect(cluster.bootstrap);
    const topic = `${TOPIC}-${group ?? 'alone'}`;
    await client.admin().createTopic({ topic, partitions: PARTITIONS, replicas: 1 });
    const from = 'earliest';
    const consumer = client.consumer({ topic, from, delivery: 'push', ...(group && { group }) });
    let handled = 0;
    const running = consumer.run(() => void handled++);
    const producer = other.producer();
    for (let partition = 0; partition < PARTITIONS; partition++) {
      await producer.send(topic, { partition, value: 'first' });
    }
    await until('all partitions are attached', () => handled === PARTITIONS);
    handled = 0;
    const begun = proxy.passed.length;
    for (let sent = 0; sent < MESSAGES; sent++) {
      await producer.send(topic, { partition: sent % PARTITIONS, value: `${sent}` });
    }
    await until('everything is handled', () => handled === MESSAGES);
    const passed = proxy.passed.slice(begun);
    const pushing = passed.find(({ method }) => method === 'deliver')?.connection;
    const own = passed.filter(({ connection }) => connection === pushing);
    const count = (direction: string): Record<string, number> => {
      const methods = own.filter((one) => one.direction === direction).map(({ method }) => method);
      return Object.fromEntries(
        [...new Set(methods)].map((name) => [name, methods.filter((one) => one === name).length]),
      );
    };
    const [toServer, toClient] = [count('to the server'), count('to the client')];
    report(
      `${MESSAGES} messages handled; to the broker ${JSON.stringify(toServer)}, from it ${JSON.stringify(toClient)}`,
    );
    // Heartbeats are grants of nothing; commits of a group go to its coordinator by another connection.
    expect(Object.keys(toServer)).toEqual(['grantCredit']);
    expect(toServer.grantCredit).toBeLessThan(toClient.deliver);
    expect(toClient.deliver).toBeGreaterThan(MESSAGES / 10);
    // And nobody pulls on any other connection either.
    expect(passed.filter(({ method }) => method === 'pull')).toEqual([]);
    await consumer.close();
    await running;
    await producer.close();
  },
);
