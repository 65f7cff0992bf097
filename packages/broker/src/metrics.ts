// Every metric of a broker, in one list (docs/operating.md explains what to watch).
import { ZhumqError } from '@zhumq/base';
import type { Metrics } from '@zhumq/base';

/** What gauges read at each scrape. */
export interface BrokerGauges {
  partitions(): number;
  leaders(): number;
  sleeping(): number;
  failedReplicas(): number;
  leaderless(): number;
  underReplicated(): number;
  underMinInsync(): number;
  freeBytes(): number;
  pendingWriteBytes(): number;
  registered(): boolean;
}

export class BrokerMetrics {
  private readonly producedBatches;
  private readonly producedBytes;
  private readonly produceErrors;
  private readonly pulledBytes;
  private readonly pushedBytes;
  private readonly groupCommits;
  private readonly fencedMembers;
  private readonly elections;
  private readonly isrShrinks;
  private readonly isrExpands;
  readonly snapshotBytes;
  readonly fetchedBytes;
  readonly fetchSentBytes;
  readonly syncs;
  readonly syncSeconds;
  readonly walBytes;
  readonly checkpoints;

  constructor(private readonly metrics: Metrics) {
    this.producedBatches = metrics.counter(
      'zhumq_broker_produced_batches_total',
      'Batches acknowledged, by ack level.',
      ['acks'],
    );
    this.producedBytes = metrics.counter(
      'zhumq_broker_produced_bytes_total',
      'Bytes of batches acknowledged.',
    );
    this.produceErrors = metrics.counter(
      'zhumq_broker_produce_errors_total',
      'Batches not acknowledged, by error.',
      ['code'],
    );
    this.pulledBytes = metrics.counter(
      'zhumq_broker_pulled_bytes_total',
      'Bytes of batches handed to consumers.',
    );
    this.pushedBytes = metrics.counter(
      'zhumq_broker_pushed_bytes_total',
      'Bytes of batches pushed to consumers.',
    );
    this.groupCommits = metrics.counter(
      'zhumq_broker_group_commits_total',
      'Positions committed in groups.',
    );
    this.fencedMembers = metrics.counter(
      'zhumq_broker_group_fenced_total',
      'Requests refused because they name a former epoch of a member, or a member whose place another has taken.',
    );
    this.elections = metrics.counter(
      'zhumq_broker_leaderships_total',
      'Times that a replica here became leader.',
    );
    this.snapshotBytes = metrics.counter(
      'zhumq_broker_snapshot_bytes_total',
      'Bytes copied by replicas behind a log start.',
    );
    this.fetchedBytes = metrics.counter(
      'zhumq_broker_fetched_bytes_total',
      'Bytes of batches that followers here got from leaders (mode fetch).',
    );
    this.fetchSentBytes = metrics.counter(
      'zhumq_broker_fetch_sent_bytes_total',
      'Bytes of batches that leaders here sent to followers (mode fetch).',
    );
    this.isrShrinks = metrics.counter(
      'zhumq_broker_isr_shrinks_total',
      'Times that a partition led here lost a replica in sync (mode fetch).',
    );
    this.isrExpands = metrics.counter(
      'zhumq_broker_isr_expands_total',
      'Times that a partition led here got a replica in sync back (mode fetch).',
    );
    this.syncs = metrics.counter('zhumq_broker_wal_syncs_total', 'Syncs of the write-ahead log.');
    this.walBytes = metrics.counter(
      'zhumq_broker_wal_bytes_total',
      'Bytes written to the write-ahead log.',
    );
    this.checkpoints = metrics.counter(
      'zhumq_broker_checkpoints_total',
      'Checkpoints of the write-ahead log.',
    );
    this.syncSeconds = metrics.histogram(
      'zhumq_broker_wal_sync_seconds',
      'Duration of a sync of the write-ahead log.',
      SYNC_BUCKETS,
    );
  }

  watch(gauges: BrokerGauges): void {
    const { metrics } = this;
    metrics.gauge('zhumq_broker_partitions', 'Replicas held.', [], () => gauges.partitions());
    metrics.gauge('zhumq_broker_leaders', 'Partitions led.', [], () => gauges.leaders());
    metrics.gauge(
      'zhumq_broker_sleeping_replicas',
      'Replicas of quiet partitions that exchange no heartbeats of their own (mode raft).',
      [],
      () => gauges.sleeping(),
    );
    metrics.gauge(
      'zhumq_broker_failed_replicas',
      'Replicas out of service: look at the log.',
      [],
      () => gauges.failedReplicas(),
    );
    metrics.gauge('zhumq_broker_leaderless_partitions', 'Replicas that know no leader.', [], () =>
      gauges.leaderless(),
    );
    metrics.gauge(
      'zhumq_broker_under_replicated_partitions',
      'Partitions led here with a replica that is not in sync (mode fetch).',
      [],
      () => gauges.underReplicated(),
    );
    metrics.gauge(
      'zhumq_broker_under_min_insync_partitions',
      'Partitions led here with fewer replicas in sync than min.insync.replicas: acks=-1 is refused (mode fetch).',
      [],
      () => gauges.underMinInsync(),
    );
    metrics.gauge('zhumq_broker_disk_free_bytes', 'Free bytes of the data directory.', [], () =>
      gauges.freeBytes(),
    );
    metrics.gauge(
      'zhumq_broker_pending_write_bytes',
      'Bytes that wait to be written or synced.',
      [],
      () => gauges.pendingWriteBytes(),
    );
    metrics.gauge(
      'zhumq_broker_registered',
      '1 while the broker is registered in the metadata store.',
      [],
      () => Number(gauges.registered()),
    );
  }

  produced(bytes: number, error: Error | undefined, acks: number): void {
    if (error !== undefined) {
      this.produceErrors.with({ code: ZhumqError.is(error) ? error.code : 'INTERNAL' }).inc();
      return;
    }
    this.producedBatches.with({ acks: String(acks) }).inc();
    this.producedBytes.inc(bytes);
  }

  pulled(bytes: number): void {
    this.pulledBytes.inc(bytes);
  }

  pushed(bytes: number): void {
    this.pushedBytes.inc(bytes);
  }

  watchDeliveries(gauges: { attachments(): number; stalled(): number }): void {
    const { metrics } = this;
    metrics.gauge('zhumq_broker_attachments', 'Consumers to which records are pushed.', [], () =>
      gauges.attachments(),
    );
    metrics.gauge(
      'zhumq_broker_stalled_attachments',
      'Of these, consumers that let nothing more come although there is more.',
      [],
      () => gauges.stalled(),
    );
  }

  watchGroups(gauges: { groups(): number; members(): number }): void {
    const { metrics } = this;
    metrics.gauge('zhumq_broker_groups', 'Consumer groups coordinated.', [], () => gauges.groups());
    metrics.gauge('zhumq_broker_group_members', 'Members of these groups.', [], () =>
      gauges.members(),
    );
  }

  committed(positions: number): void {
    this.groupCommits.inc(positions);
  }

  fenced(): void {
    this.fencedMembers.inc();
  }

  /** `before` and `after`: numbers of replicas in sync. */
  isrChanged(before: number, after: number): void {
    if (after < before) this.isrShrinks.inc();
    if (after > before) this.isrExpands.inc();
  }

  becameLeader(): void {
    this.elections.inc();
  }
}

const SYNC_BUCKETS = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1,
];
