// The options of a broker: declared once; configuration file, environment, flags, `config print` and docs/configuration.md
// come from here.
import { defineOptions } from '@zhumq/base';
import type { OptionValues } from '@zhumq/base';

export const brokerOptions = defineOptions({
  'session.timeout': {
    type: 'duration',
    default: '6s',
    min: '1s',
    max: '60s',
    doc: 'Session with the metadata store: after that much silence the cluster takes the broker for dead.',
  },
  'raft.tick.ms': {
    type: 'duration',
    default: '50ms',
    min: 5,
    max: 10_000,
    doc: 'Length of a Raft tick.',
  },
  'raft.heartbeat.ticks': {
    type: 'integer',
    default: 2,
    min: 1,
    max: 100,
    doc: 'Ticks between heartbeats of a leader.',
  },
  'raft.election.ticks': {
    type: 'integer',
    default: 10,
    min: 3,
    max: 1000,
    doc: 'Ticks without a leader before a replica campaigns; randomised up to twice as much.',
  },
  'raft.append.max.bytes': {
    type: 'bytes',
    default: '1MiB',
    min: 1024,
    max: 2 ** 26,
    doc: 'Bytes of batches in one append to a follower.',
  },
  'raft.inflight.max.bytes': {
    type: 'bytes',
    default: '8MiB',
    min: 1024,
    doc: 'Bytes sent to a follower and not answered yet, per partition.',
  },
  'raft.inflight.max.messages': {
    type: 'integer',
    default: 64,
    min: 1,
    doc: 'Appends sent to a follower and not answered yet, per partition.',
  },
  'raft.uncommitted.max.bytes': {
    type: 'bytes',
    default: '64MiB',
    min: 1024,
    doc: 'Bytes appended and not committed beyond which a leader refuses records.',
  },
  'replica.lag.time.max.ms': {
    type: 'duration',
    default: '10s',
    min: 1_000,
    max: 3_600_000,
    doc: 'Mode fetch: a follower that was not caught up for so long leaves the replicas in sync.',
  },
  'fetch.wait.max.ms': {
    type: 'duration',
    default: '500ms',
    min: 10,
    max: 30_000,
    doc: 'Mode fetch: how long a leader may wait before it answers a follower although there is nothing new; at most a quarter of replica.lag.time.max.ms.',
  },
  'fetch.max.bytes': {
    type: 'bytes',
    default: '8MiB',
    min: 2 ** 16,
    max: 2 ** 28,
    doc: 'Mode fetch: batches in one answer to another broker, over all partitions that it follows here.',
  },
  'replication.throttle.bytes.per.second': {
    type: 'bytes',
    default: 0,
    min: 0,
    doc: 'Mode fetch: bytes that a leader sends in a second to all followers that are not in sync, so that their catching up leaves room for others. 0: no limit.',
  },
  'peer.buffer.max.bytes': {
    type: 'bytes',
    default: '64MiB',
    min: 2 ** 20,
    doc: 'Bytes that may wait for one other broker.',
  },
  'snapshot.chunk.bytes': {
    type: 'bytes',
    default: '1MiB',
    min: 4096,
    max: 2 ** 25,
    doc: 'Bytes of one piece when a replica behind the log start copies segments.',
  },
  'request.max.bytes': {
    type: 'bytes',
    default: '16MiB',
    min: 2 ** 16,
    max: 2 ** 29,
    doc: 'Largest request of a client.',
  },
  'produce.timeout.max.ms': {
    type: 'duration',
    default: '2m',
    min: 100,
    doc: 'Longest time that a producer may ask to wait.',
  },
  'write.pending.max.bytes': {
    type: 'bytes',
    default: '256MiB',
    min: 2 ** 20,
    doc: 'Bytes written and not yet on disk, over all partitions, beyond which producing is refused for the moment.',
  },
  'pull.max.bytes': {
    type: 'bytes',
    default: '32MiB',
    min: 2 ** 16,
    max: 2 ** 28,
    doc: 'Largest answer to a consumer.',
  },
  'pull.wait.max.ms': {
    type: 'duration',
    default: '30s',
    min: 10,
    doc: 'Longest time that a consumer may ask to wait.',
  },
  'pull.buffer.bytes': {
    type: 'bytes',
    default: '256MiB',
    min: 2 ** 20,
    doc: 'Bytes that all answers to consumers being put together may hold.',
  },
  'connections.max': { type: 'integer', default: 10_000, min: 1, doc: 'Connections accepted.' },
  'wal.file.bytes': {
    type: 'bytes',
    default: '64MiB',
    min: 2 ** 20,
    doc: 'Size of a file of the write-ahead log.',
  },
  'wal.checkpoint.bytes': {
    type: 'bytes',
    default: '256MiB',
    min: 2 ** 20,
    doc: 'Bytes written to the write-ahead log between checkpoints.',
  },
  'cache.block.bytes': {
    type: 'bytes',
    default: '128MiB',
    min: 2 ** 20,
    doc: 'Cache for cold reads, shared by all consumers.',
  },
  'cache.tail.bytes': {
    type: 'bytes',
    default: '128MiB',
    min: 2 ** 20,
    doc: 'Recently appended batches kept in memory, over all partitions.',
  },
  'disk.reserve.bytes': {
    type: 'bytes',
    default: '512MiB',
    min: 0,
    doc: 'Free disk space below which producing is refused.',
  },
  'retention.check.ms': {
    type: 'duration',
    default: '1m',
    min: 100,
    doc: 'Time between checks of retention.',
  },
  'stop.grace.ms': {
    type: 'duration',
    default: '10s',
    min: 0,
    doc: 'Longest time that a stopping broker waits to hand leadership away.',
  },
});

export type BrokerOptions = OptionValues<typeof brokerOptions.declarations>;
