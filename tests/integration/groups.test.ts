// A consumer group on real processes: two members share a topic, one of them dies without a word, then the broker that
// coordinates the group. Every message is handled, and no committed position goes back.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { SystemClock, silentLogger, systemRandom } from '@zhumq/base';
import { connect } from '@zhumq/client';
import type { Client } from '@zhumq/client';
import { isError } from '@zhumq/model';
import { ChannelPool, MAX_POSITIONS, groupClient } from '@zhumq/rpc';
import type { Endpoint, GroupClient, GroupDescription } from '@zhumq/rpc';
import { ClusterProcesses } from './support/cluster-processes.js';
import { report } from './support/report.js';
import { until } from './support/until.js';

const TOPIC = 'orders';
const GROUP = 'workers';
const PARTITIONS = 4;
const GROUP_OPTIONS = {
  topic: TOPIC,
  group: GROUP,
  sessionTimeout: '3s',
  commitInterval: '100ms',
} as const;

let cluster: ClusterProcesses;
let client: Client;
let channels: ChannelPool;
let member: ChildProcess | undefined;

jest.setTimeout(240_000);

beforeAll(async () => {
  cluster = await ClusterProcesses.start({
    ...{ brokers: 3, zkservers: 1, zookeepers: 1 },
    zkserverFlags: ['--session-timeout', '3s'],
    brokerFlags: ['--session-timeout', '3s'],
  });
  client = await connect(cluster.bootstrap);
  channels = new ChannelPool({
    ...{ clock: new SystemClock(), random: systemRandom(), logger: silentLogger },
  });
  await client.admin().createTopic({ topic: TOPIC, partitions: PARTITIONS, replicas: 3 });
});

afterAll(async () => {
  member?.kill('SIGKILL');
  channels?.close();
  await client?.close({ timeout: 1_000 });
  await cluster?.destroy();
});

function groupsAt(port: number): GroupClient {
  return groupClient(channels.channel({ host: '127.0.0.1', port }));
}

async function coordinator(name = GROUP): Promise<Endpoint> {
  const running = [1, 2, 3].find((id) => cluster.broker(id).runs) as number;
  return groupsAt(cluster.brokerPort(running)).findCoordinator(name, { timeoutMs: 2_000 });
}

async function group(): Promise<GroupDescription> {
  const { port } = await coordinator();
  return groupsAt(port).describeGroup(GROUP, { timeoutMs: 2_000 });
}

/** Numbers of partitions that the members own, once the group has so many members and nothing changes hands. */
async function shares(members: number): Promise<number[]> {
  const description = await until(`the group has ${members} members and is stable`, async () => {
    const found = await group();
    const isCalm = found.state === (members === 0 ? 'empty' : 'stable');
    return found.members.length === members && isCalm ? found : undefined;
  });
  return description.members.map(({ owned }) => owned.length);
}

/** A member in a process of its own: it says what it handles, as "partition offset". */
function startMember(onHandled: (partition: number, offset: number) => void): ChildProcess {
  const program = `
    import { connect } from '@zhumq/client';
    const client = await connect(${JSON.stringify(cluster.bootstrap)});
    const consumer = client.consumer(${JSON.stringify(GROUP_OPTIONS)});
    await consumer.run(({ partition, offset }) => console.log(partition, offset));
  `;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    cwd: join(__dirname, '../..'),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  createInterface({ input: child.stdout }).on('line', (line) => {
    const [partition, offset] = line.split(' ').map(Number);
    onHandled(partition, offset);
  });
  return child;
}

/** Looks at the committed positions again and again; what went back is a fault. */
class PositionWatch {
  readonly faults: string[] = [];
  readonly last = new Map<number, number>();
  private stopped = false;
  private readonly running = this.run();

  stop(): Promise<void> {
    this.stopped = true;
    return this.running;
  }

  private async run(): Promise<void> {
    const partitions = Array.from({ length: PARTITIONS }, (_, partition) => ({
      ...{ topic: TOPIC, partition },
    }));
    while (!this.stopped) {
      try {
        const { port } = await coordinator();
        const request = { group: GROUP, partitions, memberId: '' };
        const found = await groupsAt(port).positions(request, { timeoutMs: 1_000 });
        for (const { partition, offset } of found) {
          const before = this.last.get(partition) ?? -1;
          if (offset < before) this.faults.push(`${partition}: from ${before} back to ${offset}`);
          this.last.set(partition, offset);
        }
      } catch {
        // Between two coordinators there is nobody to ask.
      }
      // The pace of looking.
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

test('members share, one dies, the coordinator dies: every message is handled and no position goes back', async () => {
  const sent = new Set<string>();
  const handled = new Map<string, number>();
  const ends = new Map<number, number>();
  let byOther = 0;
  const count = (partition: number, offset: number): void => {
    const name = `${partition}/${offset}`;
    handled.set(name, (handled.get(name) ?? 0) + 1);
  };
  const producer = client.producer();
  let sending = true;
  const send = async (partition: number): Promise<void> => {
    while (sending) {
      const { offset } = await producer.send(TOPIC, { partition, value: 'x' });
      sent.add(`${partition}/${offset}`);
      ends.set(partition, offset + 1);
    }
  };
  const work = [...Array(PARTITIONS).keys()].map((partition) => send(partition));
  const consumer = client.consumer(GROUP_OPTIONS);
  const running = consumer.run(({ partition, offset }) => count(partition, offset));
  member = startMember((partition, offset) => {
    byOther++;
    count(partition, offset);
  });
  const watch = new PositionWatch();

  expect(await shares(2)).toEqual([2, 2]);
  const before = byOther;
  await until('the other one handles messages', () => byOther > before + 100);
  report(`two members share; ${sent.size} sent, ${byOther} handled by the other one`);

  const killedMs = performance.now();
  member.kill('SIGKILL');
  expect(await shares(1)).toEqual([4]);
  report(`all partitions are the survivor's ${since(killedMs)} ms after the SIGKILL of the other`);

  const { id } = await coordinator();
  const coordinatorMs = performance.now();
  const marks = new Map(watch.last);
  await cluster.broker(id).kill();
  await until('commits of all partitions go on', () =>
    [...marks].every(([partition, mark]) => (watch.last.get(partition) ?? 0) > mark),
  );
  report(`commits go on ${since(coordinatorMs)} ms after the SIGKILL of the coordinator, ${id}`);
  expect((await coordinator()).id).not.toBe(id);
  expect(await shares(1)).toEqual([4]);

  sending = false;
  await Promise.all(work);
  await until(
    'everything is handled and committed',
    () =>
      [...sent].every((name) => handled.has(name)) &&
      // Beyond the last message when a leader was elected after it: positions go over what is no message.
      [...ends].every(([partition, end]) => (watch.last.get(partition) ?? -1) >= end),
    { state: () => [[...watch.last], [...ends]] },
  );
  await consumer.close();
  await running;
  await watch.stop();
  expect(watch.faults).toEqual([]);
  expect(await shares(0)).toEqual([]);
  const twice = [...handled.values()].filter((times) => times > 1).length;
  report(`${sent.size} sent, ${handled.size} handled, ${twice} of them more than once`);
  await producer.close();
});

function since(startMs: number): number {
  return Math.round(performance.now() - startMs);
}

test('as many positions as one request may have are read, and judged one by one', async () => {
  const positions = Array.from({ length: MAX_POSITIONS }, (_, partition) => ({
    ...{ topic: TOPIC, partition, offset: 1, lastEpoch: 1, metadata: 'text', committedAt: 1 },
  }));
  const steps = await until('a coordinator answers', async () => {
    try {
      const { port } = await coordinator('wide');
      return await groupsAt(port).resetPositions('wide', positions, true, { timeoutMs: 30_000 });
    } catch (error) {
      if (isError(error, 'INVALID_REQUEST')) throw error;
      // There is none yet, or none any more.
      return undefined;
    }
  });
  expect(steps).toHaveLength(MAX_POSITIONS);
});
