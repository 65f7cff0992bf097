// Nothing is promised before it is on disk: the order of write, sync and reply, recorded where brokers meet their files
// and their sockets. Real brokers, real files, real connections; syncs are slow, so that an early reply is early for sure.
import { connect } from '@zhumq/client';
import type { Client } from '@zhumq/client';
import { RaftMessageType } from '@zhumq/rpc';
import type { PartitionProduceResult, RaftEnvelope } from '@zhumq/rpc';
import { leaderOf } from './support/cluster-checks.js';
import { LocalCluster } from './support/local-cluster.js';
import { report } from './support/report.js';
import { SyncRecorder, markerOf } from './support/sync-recorder.js';
import { until } from './support/until.js';
import { WireTap } from './support/wire-tap.js';

const TOPIC = 'orders';
const BROKERS = [1, 2, 3];

/** Something that left a broker, with what was on which disk at that moment. */
interface Promised {
  readonly what: 'acknowledgement' | 'append reply' | 'heartbeat reply';
  readonly broker: number;
  /** Last offset that it speaks for. */
  readonly offset: number;
  /** By broker, markers on disk. */
  readonly onDisk: ReadonlyMap<number, ReadonlySet<string>>;
}

interface Vote {
  readonly broker: number;
  readonly term: number;
  /** Whether the first write since the request left was on disk: that of the vote, as nothing else was going on. */
  readonly onDisk: boolean;
}

let cluster: LocalCluster;
let client: Client;
let tap: WireTap;
const recorders = new Map(BROKERS.map((id) => [id, new SyncRecorder()]));
const promises: Promised[] = [];
const votes: Vote[] = [];
/** By broker and term: number of the broker's writes when it was asked for its vote. */
const asked = new Map<string, number>();
/** Marker of each offset that was acknowledged. */
const markers = new Map<number, string>();
let sent = 0;

function recorder(broker: number): SyncRecorder {
  return recorders.get(broker) as SyncRecorder;
}

function onDiskNow(): Map<number, Set<string>> {
  const all = Array.from({ length: sent }, (_, number) => markerOf(number));
  return new Map(
    BROKERS.map((id) => [id, new Set(all.filter((one) => recorder(id).isOnDisk(one)))]),
  );
}

function onProduceReply({ failure, baseOffset, topic }: PartitionProduceResult): void {
  if (failure !== undefined || topic !== TOPIC) return;
  promises.push({ what: 'acknowledgement', broker: 0, offset: baseOffset, onDisk: onDiskNow() });
}

function onRaftMessages({ fromBroker: broker, toBroker, messages }: RaftEnvelope): void {
  for (const { type, rejected, matched = -1, term } of messages) {
    if (rejected) continue;
    const onDisk = onDiskNow();
    if (type === RaftMessageType.APPEND_REPLY)
      promises.push({ what: 'append reply', broker, offset: matched, onDisk });
    if (type === RaftMessageType.HEARTBEAT_REPLY)
      promises.push({ what: 'heartbeat reply', broker, offset: matched, onDisk });
    if (type === RaftMessageType.VOTE) {
      const key = `${toBroker}/${term}`;
      if (!asked.has(key)) asked.set(key, recorder(toBroker).count);
    }
    if (type === RaftMessageType.VOTE_REPLY) {
      const write = asked.get(`${broker}/${term}`) ?? Infinity;
      votes.push({ broker, term, onDisk: recorder(broker).isWriteOnDisk(write) });
    }
  }
}

jest.setTimeout(120_000);

beforeAll(async () => {
  tap = new WireTap({ onProduceReply, onRaftMessages });
  cluster = await LocalCluster.start({
    brokers: BROKERS.length,
    fileSystem: (broker) => recorder(broker).fileSystem(),
  });
  client = await connect(cluster.bootstrap);
  await client.admin().createTopic({ topic: TOPIC, partitions: 1, replicas: 3 });
});

afterAll(async () => {
  await client?.close({ timeout: 1_000 });
  await cluster?.stop();
  tap?.close();
});

/** One batch each; several are under way at a time. */
async function send(count: number): Promise<void> {
  const producer = client.producer({ acks: 'all' });
  for (let done = 0; done < count; done += 5) {
    const batch = Array.from({ length: 5 }, () => markerOf(sent++));
    const sending = batch.map(async (value) => {
      const { offset } = await producer.send(TOPIC, { value });
      markers.set(offset, value);
    });
    await Promise.all(sending);
  }
  await producer.close();
}

/** Leadership moves to another broker by an election, with nothing else under way. */
async function elect(): Promise<void> {
  await until('all disks are quiet', () => BROKERS.every((id) => recorder(id).settled));
  const before = await leaderOf(client, TOPIC);
  const broker = BROKERS.find((id) => id !== before) as number;
  await client.admin().electLeader({ topic: TOPIC, partition: 0, broker });
  await until('another broker leads', async () => (await leaderOf(client, TOPIC)) === broker);
}

test('no acknowledgement, append reply or vote leaves before its sync has returned', async () => {
  for (let round = 0; round < 4; round++) {
    await send(50);
    expect(promises.flatMap(tooEarly).slice(0, 3)).toEqual([]);
    await elect();
  }
  await send(10);
  expect(promises.flatMap(tooEarly).slice(0, 3)).toEqual([]);
  expect(votes.filter((vote) => !vote.onDisk)).toEqual([]);
  // And there was something to judge.
  const seen = (what: Promised['what']): number =>
    promises.filter((promise) => promise.what === what).length;
  report(
    `${seen('acknowledgement')} acknowledgements, ${seen('append reply')} append replies, ` +
      `${seen('heartbeat reply')} heartbeat replies, ${votes.length} votes, none early`,
  );
  expect(seen('acknowledgement')).toBeGreaterThanOrEqual(20);
  expect(seen('append reply')).toBeGreaterThanOrEqual(20);
  expect(votes.length).toBeGreaterThanOrEqual(4);
  expect(cluster.failures).toEqual([]);
});

/** What a promise speaks for and was not on disk: of a majority for an acknowledgement, of its sender otherwise. */
function tooEarly({ what, broker, offset, onDisk }: Promised): string[] {
  const spokenFor = [...markers].filter(([at]) =>
    what === 'acknowledgement' ? at === offset : at <= offset,
  );
  const isMissing = (marker: string): boolean => {
    if (what !== 'acknowledgement') return onDisk.get(broker)?.has(marker) !== true;
    return BROKERS.filter((id) => onDisk.get(id)?.has(marker)).length < 2;
  };
  return spokenFor
    .filter(([, marker]) => isMissing(marker))
    .slice(0, 1)
    .map(([at, marker]) => `${what} up to ${offset} of broker ${broker}: ${marker} at ${at}`);
}
