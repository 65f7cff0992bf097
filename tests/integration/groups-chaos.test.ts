// A group whose member processes come, go, die and freeze at random, while brokers that lead and coordinate are killed: no
// partition has two owners, nothing is lost, what is handled twice has its reason, commits never go back, and partitions that
// do not change hands never pause. ZHUMQ_GROUPS_MINUTES sets how long (a short form without it), ZHUMQ_SEED what happens.
import { writeFileSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';
import { join } from 'node:path';
import { connect } from '@zhumq/client';
import type { Client } from '@zhumq/client';
import { checkGroupHistory } from './support/check-group-history.js';
import { untilCaughtUp } from './support/cluster-checks.js';
import { ClusterProcesses } from './support/cluster-processes.js';
import { GroupHistory } from './support/group-history.js';
import { GroupMembers, SESSION_TIMEOUT_MS } from './support/group-members.js';
import type { Member } from './support/group-members.js';
import { GroupObserver } from './support/group-observer.js';
import { pausesOf, silencesOf, takeoversOf } from './support/group-pauses.js';
import type { Pause, Takeover } from './support/group-pauses.js';
import { percentile } from './support/open-loop.js';
import { report } from './support/report.js';
import { seededRandom } from './support/seed.js';
import { SteadyLoad } from './support/steady-load.js';
import { until } from './support/until.js';

const MINUTES = process.env.ZHUMQ_GROUPS_MINUTES;
const CHAOS_MS = MINUTES === undefined ? 24_000 : Number(MINUTES) * 60_000;
/** Before it: what pauses are without any changes. */
const QUIET_MS = MINUTES === undefined ? 8_000 : 30_000;
const TOPIC = 'orders';
const GROUP = 'workers';
const PARTITIONS = 12;
const SLOTS = 12;
/**
 * While members come and go a partition that stays may pause so much longer than at other times, each compared with readers
 * without a group; on a machine with more to do than it has cores, as much longer as it has more to do.
 */
const MAX_PAUSE_MS = 1_000;

type MemberDeed = 'join' | 'leave' | 'kill' | 'freeze' | 'freeze shortly';
type BrokerDeed = 'coordinator' | 'leader';

const MEMBER_DEEDS: readonly MemberDeed[] = [
  ...(['join', 'join', 'join', 'join', 'join', 'join'] as const),
  ...(['leave', 'leave', 'kill', 'kill', 'freeze', 'freeze shortly'] as const),
];
const BROKER_DEEDS: readonly BrokerDeed[] = ['coordinator', 'leader'];

const random = seededRandom();
const history = new GroupHistory();
const counts = new Map<string, number>();
let cluster: ClusterProcesses;
let client: Client;
let members: GroupMembers;
let observer: GroupObserver;
let load: SteadyLoad;

jest.setTimeout(CHAOS_MS + QUIET_MS + 240_000);

beforeAll(async () => {
  const flags = ['--session-timeout', '3s'];
  cluster = await ClusterProcesses.start({
    ...{ brokers: 3, zkservers: 1, zookeepers: 1, zkserverFlags: flags, brokerFlags: flags },
  });
  client = await connect(cluster.bootstrap);
  await client.admin().createTopic({ topic: TOPIC, partitions: PARTITIONS, replicas: 3 });
  const group = { topic: TOPIC, group: GROUP, history };
  members = new GroupMembers({
    ...group,
    ...{ bootstrap: cluster.bootstrap, directory: join(cluster.directory, 'members') },
  });
  observer = new GroupObserver({ ...group, partitions: PARTITIONS, ports: runningPorts });
  load = new SteadyLoad({ client, topic: TOPIC, partitions: PARTITIONS, paceMs: 50, history });
});

afterAll(async () => {
  await members?.destroy();
  await observer?.stop();
  await client?.close({ timeout: 1_000 });
  await cluster?.destroy();
});

function runningPorts(): number[] {
  return [1, 2, 3].filter((id) => cluster.broker(id).runs).map((id) => cluster.brokerPort(id));
}

function count(deed: string): void {
  counts.set(deed, (counts.get(deed) ?? 0) + 1);
}

function pick<T>(values: readonly T[]): T {
  return values[random.below(values.length)];
}

/** All of them in some order, again and again: also a short run has each. */
function deck<T>(values: readonly T[]): () => T {
  let left: T[] = [];
  return () => {
    if (left.length === 0) left = [...values];
    return left.splice(random.below(left.length), 1)[0];
  };
}

/** What is done at times of its own choice; it is the subject here and waits for nothing. */
function pause(minMs: number, maxMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, minMs + random.below(maxMs - minMs)));
}

async function startMember(): Promise<void> {
  const free = Array.from({ length: SLOTS }, (_, slot) => slot).filter(
    (slot) => !members.running.has(slot),
  );
  if (free.length === 0) return;
  members.start(pick(free));
  count('joins');
}

/** Somebody is left to go on. */
function victim(): Member | undefined {
  return members.active.length < 2 ? undefined : pick(members.active);
}

async function troubleMembers(untilMs: number): Promise<void> {
  const next = deck(MEMBER_DEEDS);
  const thaws: Promise<void>[] = [];
  while (performance.now() < untilMs) {
    const deed = next();
    const member = victim();
    if (deed === 'join' || member === undefined) await startMember();
    else if (deed === 'leave') {
      void members.leave(member);
      count('leaves');
    } else if (deed === 'kill') {
      void members.kill(member);
      count('kills');
    } else {
      const isLong = deed === 'freeze';
      members.freeze(member);
      count(isLong ? 'freezes beyond the session' : 'short freezes');
      const [min, max] = isLong ? [SESSION_TIMEOUT_MS + 1_500, 7_000] : [200, 1_500];
      thaws.push(pause(min, max).then(() => members.continue(member)));
    }
    await pause(300, 2_500);
  }
  await Promise.all(thaws);
}

async function troubleBrokers(untilMs: number): Promise<void> {
  const next = deck(BROKER_DEEDS);
  await pause(1_000, 3_000);
  while (performance.now() < untilMs) {
    const details = await client.admin().describePartitions(TOPIC);
    const leaders = details.map(
      ({ replicaDetails }) => replicaDetails.find(({ role }) => role === 'leader')?.broker ?? -1,
    );
    const deed = next();
    const coordinator = (await until('a coordinator', () => observer.coordinator())).id;
    const broker = deed === 'coordinator' ? coordinator : pick(leaders);
    if (broker === -1) continue;
    count(broker === coordinator ? 'kills of the coordinator' : 'kills of other brokers');
    const leads = leaders.flatMap((leader, partition) => (leader === broker ? [partition] : []));
    if (leads.length > 0) count('kills of leaders');
    history.record({ kind: 'broker killed', broker, leads });
    await cluster.broker(broker).kill();
    await pause(1_000, 4_000);
    await cluster.broker(broker).start();
    await untilCaughtUp(client, TOPIC, broker);
    history.record({ kind: 'broker back', broker });
    await pause(2_000, 10_000);
  }
}

async function settle(): Promise<void> {
  const present = [...members.running.values()].filter(({ leaving }) => !leaving);
  if (present.length === 0) members.start(0);
  await load.stop();
  await until(
    'everything is handled and committed',
    () => load.ends.every((end, partition) => (observer.positions.get(partition) ?? 0) >= end),
    { state: () => [load.ends, [...observer.positions], observer.description?.members] },
  );
  await Promise.all([...members.running.values()].map((member) => members.leave(member)));
  await observer.stop();
  members.readFiles();
}

test(`a group of up to ${SLOTS} processes goes through ${CHAOS_MS / 1000} s of trouble`, async () => {
  report(`load of the machine at the beginning: ${loadavg().map((load) => load.toFixed(2))}`);
  for (const delivery of ['push', 'pull'] as const) members.startReader(delivery);
  for (const slot of [0, 1, 2, 3]) members.start(slot);
  await until('four members share', () => {
    const shares = observer.description?.members.map(({ owned }) => owned.length) ?? [];
    return shares.length === 4 && shares.every((owned) => owned === PARTITIONS / 4);
  });
  await pause(QUIET_MS, QUIET_MS + 1);
  const endMs = performance.now() + CHAOS_MS;
  await Promise.all([troubleMembers(endMs), troubleBrokers(endMs)]);
  await settle();

  const events = history.inOrder();
  if (process.env.ZHUMQ_TEST_KEEP !== undefined) {
    const text = events.map((event) => JSON.stringify(event)).join('\n');
    writeFileSync(join(cluster.directory, 'history.jsonl'), text);
  }
  const { anomalies, duplicates } = checkGroupHistory(events);
  const pauses = pausesOf(events);
  const again = Object.values(duplicates).reduce((sum, more) => sum + more, 0);
  report([...counts].map(([deed, times]) => `${times} ${deed}`).join(', '));
  report(
    `${load.sent} sent, ${load.acknowledged} acknowledged, ${load.failures.length} without an answer, ` +
      `${history.count('handled')} handled, ${again} of them again: ${JSON.stringify(duplicates)}`,
  );
  report(
    `${history.count('position') / PARTITIONS} looks at positions, ${history.count('described')} at the group; ` +
      `${history.count('commit refused')} commits refused or failed, ${history.count('fenced')} members fenced`,
  );
  const silences = silencesOf(events).map(({ from, until }) => until - from);
  report(
    `${silences.length} times nobody coordinated the group for more than 2 s, at most ${Math.max(0, ...silences).toFixed(0)} ms`,
  );
  const quiet = describePauses('at other times', pauses.quiet);
  const excess = describePauses('while members come and go', pauses.changing);
  for (const cause of ['told to leave', 'killed', 'frozen'] as const) {
    describeTakeovers(cause, takeoversOf(events));
  }
  report(`load of the machine at the end: ${loadavg().map((load) => load.toFixed(2))}`);
  for (const { kind, detail } of anomalies.slice(0, 50)) report(`${kind}: ${detail}`);
  expect(anomalies).toEqual([]);
  expect(load.acknowledged).toBeGreaterThan(CHAOS_MS / 20);
  const overload = Math.max(1, loadavg()[0] / availableParallelism());
  expect(excess).toBeLessThan(quiet + MAX_PAUSE_MS * overload);
});

/** Most that any was longer than for readers without a group. */
function describePauses(when: string, pauses: readonly Pause[]): number {
  const times = pauses.map(({ ms }) => ms);
  const worst = pauses.toSorted((one, other) => other.excessMs - one.excessMs).at(0);
  report(
    `pauses of partitions that stay, ${when}: p50 ${percentile(times, 0.5).toFixed(1)} ms, ` +
      `p99 ${percentile(times, 0.99).toFixed(1)} ms, longest ${(pauses.at(0)?.ms ?? 0).toFixed(1)} ms, of ${pauses.length}; ` +
      `at most ${(worst?.excessMs ?? 0).toFixed(1)} ms longer than for readers without a group ` +
      `(${worst?.member}, partition ${worst?.partition}, offset ${worst?.offset})`,
  );
  return worst?.excessMs ?? 0;
}

function describeTakeovers(cause: Takeover['cause'], all: readonly Takeover[]): void {
  const times = all.filter((one) => one.cause === cause).map(({ ms }) => ms);
  if (times.length === 0) return;
  report(
    `all partitions of a member are handled by others after it was ${cause}: ` +
      `p50 ${percentile(times, 0.5).toFixed(0)} ms, longest ${Math.max(...times).toFixed(0)} ms, of ${times.length}`,
  );
}
