// A zkserver stops before or after each durable write of a switch, and another one takes over: whatever the point, it ends
// in exactly one mode, each publication raises the generation once, nothing acknowledged is lost (S1), and no two write
// in one epoch (S2, S3).
import { zhumqError } from '@zhumq/model';
import { ReplicationMode } from '@zhumq/rpc';
import type { PartitionInfo } from '@zhumq/rpc';
import { InterruptedStore } from '../testing/interrupted-store.js';
import type { Interruption } from '../testing/interrupted-store.js';
import { ReplicaGroup } from '../testing/replica-group.js';
import {
  TestCluster,
  dump,
  findTopic,
  topicRequest,
  until,
  untilBrokers,
} from '../testing/test-cluster.js';
import type { RunningZkServer } from '../testing/test-cluster.js';

const { RAFT, FETCH } = ReplicationMode;
const nameOf = (mode: ReplicationMode): string => (mode === RAFT ? 'raft' : 'fetch');

interface Saga {
  readonly name: string;
  readonly from: ReplicationMode;
  readonly writes: readonly string[];
  /** No leader seals: it is given up. */
  readonly isAborted: boolean;
}

const SAGAS: readonly Saga[] = [
  { name: 'raft -> fetch', from: RAFT, writes: ['intent', 'close', 'publish'], isAborted: false },
  { name: 'fetch -> raft', from: FETCH, writes: ['intent', 'publish'], isAborted: false },
  { name: 'raft, aborted', from: RAFT, writes: ['intent', 'abort', 'publish'], isAborted: true },
  { name: 'fetch, aborted', from: FETCH, writes: ['intent', 'publish'], isAborted: true },
];

const CASES = SAGAS.flatMap((saga) =>
  saga.writes.flatMap((write, index) =>
    (['before', 'after'] as const).map((when) => ({ saga, write, index, when })),
  ),
);

let cluster: TestCluster;
const table: string[] = [];
beforeEach(() => (cluster = new TestCluster()));
afterEach(() => cluster.stop());
afterAll(() => {
  const title = 'switch          stopped          ends in  generation  epoch  outcome';
  process.stdout.write(`${[title, ...table].join('\n')}\n`);
});

test.each(CASES)(
  '$saga.name, stopped $when the write of $write',
  async ({ saga, write, index, when }) => {
    const world = await start(saga);
    const to = saga.from === RAFT ? FETCH : RAFT;
    const before = await partition(world.second);
    world.store.interrupt(when, index, () =>
      cluster.embedded.expireSession(world.first.store.session.token),
    );
    const request = { topic: 'orders', partition: 0, to, parallel: 0, dryRun: false };
    await world.first.client.switchMode(request).catch(() => undefined);
    await until(() => {
      world.group.write();
      return world.store.interrupted;
    });
    await until(() => world.second.server.isActive);
    await until(async () => {
      world.group.write();
      return (await partition(world.second)).transition === undefined;
    });
    await until(() => world.group.write());

    const isBegun = index > 0 || when === 'after';
    const info = await partition(world.second);
    expect(info.mode).toBe(isBegun && !saga.isAborted ? to : saga.from);
    expect(info.generation).toBe(isBegun ? 2 : 1);
    if (isBegun) {
      expect(info.epoch).toBeGreaterThan(before.epoch);
      expect(info.lastSwitch).toMatchObject({ to, done: !saga.isAborted });
    } else {
      expect(info).toEqual(before);
    }
    expect(world.group.violations).toEqual([]);
    expect(world.group.missingAt(world.group.lastWriter)).toEqual([]);
    expect(await dump(world.second.client, '/admin/switches')).toHaveLength(1);
    table.push(rowOf(saga, when, write, info));
  },
);

test('a whole topic goes on where the zkserver stopped', async () => {
  const world = await start(SAGAS[0], 3);
  // The wish, the first intent, its phase close, its publication: the next partition has not begun.
  world.store.interrupt('after', 3, () =>
    cluster.embedded.expireSession(world.first.store.session.token),
  );
  const request = { topic: 'orders', partition: -1, to: FETCH, parallel: 1, dryRun: false };
  await world.first.client.switchMode(request);
  await until(() => world.second.server.isActive);
  await until(async () => {
    const topic = await findTopic(world.second.client, 'orders');
    return (
      topic?.partitions.every(
        ({ mode, transition }) => mode === FETCH && transition === undefined,
      ) === true
    );
  });
  const topic = await findTopic(world.second.client, 'orders');
  expect(topic?.partitions.map(({ generation }) => generation)).toEqual([2, 2, 2]);
  await until(async () => (await dump(world.second.client, '/admin/switches')).length === 1);
  for (const group of world.groups) {
    await until(() => group.write());
    expect(group.violations).toEqual([]);
    expect(group.missingAt(group.lastWriter)).toEqual([]);
  }
});

/** Two zkservers, the first of them active and with a store that can be cut off; a topic that takes records. */
async function start({ from, isAborted }: Saga, partitions = 1) {
  const store = new InterruptedStore();
  const options = { 'switch.timeout.ms': isAborted ? '200ms' : '10s' };
  const first = await cluster.startZkServer(1, options, (inner) => store.around(inner));
  await until(() => first.server.isActive);
  const second = await cluster.startZkServer(2, options);
  const brokers = [1, 2, 3].map((id) => cluster.newBroker(id));
  const groups = Array.from(
    { length: partitions },
    (_, number) => new ReplicaGroup(brokers, 'orders', number),
  );
  const [group] = groups;
  for (const broker of brokers) await broker.start();
  await untilBrokers(first.client, 3);
  await untilBrokers(second.client, 3);
  await first.client.createTopic(topicRequest('orders', { partitions, mode: from }));
  for (const one of groups) await until(() => one.write());
  await until(async () => (await findTopic(second.client, 'orders')) !== undefined);
  await until(async () => (await dump(first.client, '/brokers/registry')).length === 4);
  if (isAborted) {
    group.before = (call) => {
      if (call === 'seal') throw zhumqError('OVERLOADED', 'no room for a seal');
    };
  }
  return { store, first, second, groups, group };
}

async function partition({ client }: RunningZkServer): Promise<PartitionInfo> {
  const topic = await findTopic(client, 'orders');
  if (topic === undefined) throw new Error('the topic is gone');
  return topic.partitions[0];
}

function rowOf({ name }: Saga, when: Interruption, write: string, info: PartitionInfo): string {
  const { mode, generation, epoch, lastSwitch } = info;
  const outcome = lastSwitch === undefined ? 'not begun' : lastSwitch.done ? 'done' : 'given up';
  const stopped = `${when} ${write}`.padEnd(15);
  const where = `${nameOf(mode).padEnd(7)}  ${String(generation).padEnd(10)}  ${String(epoch).padEnd(5)}`;
  return `${name.padEnd(14)}  ${stopped}  ${where}  ${outcome}`;
}
