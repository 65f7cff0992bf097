// Every metric of a zkserver, in one list.
import { SECONDS_BUCKETS } from '@zhumq/base';
import type { Metrics } from '@zhumq/base';
import type { RefusalReason, RpcServerMetrics } from '@zhumq/rpc';
import type { RecordChanges } from './controller/record-changes.js';
import { lostReplicas } from './controller/broker-registry.js';
import type { ElectionOutcome } from './election/elector.js';
import { leaderlessPartitions } from './election/fetch-partitions.js';
import type { SwitchEnd } from './switch/saga-runners.js';
import { partitionsOf, topicsOf } from './view/cluster-view.js';
import type { ClusterView } from './view/cluster-view.js';

/** What gauges read at each scrape. */
export interface ZkServerGauges {
  isActive(): boolean;
  view(): ClusterView | undefined;
  brokersBehind(): number;
}

export class ZkServerMetrics implements RpcServerMetrics {
  private readonly elections;
  private readonly leaderElections;
  private readonly isrChanges;
  private readonly isrShrinks;
  private readonly isrExpands;
  private readonly possibleLosses;
  private readonly reconcileSeconds;
  private readonly sends;
  private readonly writes;
  private readonly requestSeconds;
  private readonly requestErrors;
  private readonly connectionsRefused;
  private readonly switches;
  private readonly switchSeconds;

  constructor(metrics: Metrics, gauges: ZkServerGauges) {
    this.elections = metrics.counter(
      'zhumq_zkserver_elections_total',
      'Times that this zkserver became the active one.',
    );
    this.leaderElections = metrics.counter(
      'zhumq_zkserver_leader_elections_total',
      'Elections in mode fetch, by outcome (elected, moved, possible-loss, none).',
      ['outcome'],
    );
    this.isrChanges = metrics.counter(
      'zhumq_zkserver_isr_changes_total',
      'Changes of an ISR that leaders in mode fetch wanted, by outcome (done, refused).',
      ['outcome'],
    );
    this.isrShrinks = metrics.counter(
      'zhumq_zkserver_isr_shrinks_total',
      'ISRs that became smaller by what the zkserver decided itself: dead members taken out, elections.',
    );
    this.isrExpands = metrics.counter(
      'zhumq_zkserver_isr_expands_total',
      'ISRs that became larger by what the zkserver decided itself: elections.',
    );
    this.possibleLosses = metrics.counter(
      'zhumq_zkserver_possible_losses_total',
      'Times that acknowledged records of a partition may have been lost, in either mode.',
    );
    this.reconcileSeconds = metrics.histogram(
      'zhumq_zkserver_reconcile_seconds',
      'Time to read who is there and to repair what is to be repaired.',
      SECONDS_BUCKETS,
    );
    this.sends = metrics.counter(
      'zhumq_zkserver_desired_state_sends_total',
      'Desired states sent to brokers, by outcome.',
      ['outcome'],
    );
    this.writes = metrics.counter(
      'zhumq_zkserver_store_writes_total',
      'Fenced writes to the metadata store, by outcome (done, refused, failed).',
      ['outcome'],
    );
    this.requestSeconds = metrics.histogram(
      'zhumq_zkserver_request_seconds',
      'Time to answer a request, by method.',
      SECONDS_BUCKETS,
      ['method'],
    );
    this.switches = metrics.counter(
      'zhumq_zkserver_switches_total',
      'Switches of mode that ended, by outcome (done, given-up, recovered, deleted).',
      ['outcome'],
    );
    this.switchSeconds = metrics.histogram(
      'zhumq_zkserver_switch_seconds',
      'Time from the intent, or from taking over, to the end of a switch of mode.',
      SECONDS_BUCKETS,
    );
    this.requestErrors = metrics.counter(
      'zhumq_zkserver_request_errors_total',
      'Requests that were refused, by method and error.',
      ['method', 'error'],
    );
    this.connectionsRefused = metrics.counter(
      'zhumq_zkserver_connections_refused_total',
      'Connections ended, or not accepted, because of what they did, by reason.',
      ['reason'],
    );
    const ofView = (count: (view: ClusterView) => number) => (): number => {
      const view = gauges.view();
      return view === undefined ? 0 : count(view);
    };
    const gauge = (name: string, help: string, read: () => number): void => {
      metrics.gauge(`zhumq_zkserver_${name}`, help, [], read);
    };
    gauge('active', '1 for the active zkserver.', () => Number(gauges.isActive()));
    gauge('brokers_behind', 'Live brokers that have not acknowledged their desired state.', () =>
      gauges.brokersBehind(),
    );
    gauge(
      'brokers_alive',
      'Brokers alive.',
      ofView((view) => view.liveBrokers.size),
    );
    gauge(
      'topics',
      'Topics.',
      ofView((view) => topicsOf(view).length),
    );
    gauge('partitions', 'Partitions of all topics.', ofView(countPartitions));
    gauge(
      'partitions_offline',
      'Partitions in mode fetch without a leader that is alive.',
      ofView((view) => leaderlessPartitions(view).length),
    );
    gauge(
      'replicas_lost',
      'Replicas whose broker came back with another data directory.',
      ofView((view) => lostReplicas(view).length),
    );
    gauge(
      'deletions_pending',
      'Deleted topics of which a broker may still hold data.',
      ofView((view) => view.tombstones.size),
    );
  }

  served(method: string, durationMs: number, error: string | undefined): void {
    this.requestSeconds.with({ method }).observe(durationMs / 1000);
    if (error !== undefined) this.requestErrors.with({ method, error }).inc();
  }

  refused(reason: RefusalReason): void {
    this.connectionsRefused.with({ reason }).inc();
  }

  elected(): void {
    this.elections.inc();
  }

  reconciled(durationMs: number): void {
    this.reconcileSeconds.observe(durationMs / 1000);
  }

  sent(outcome: 'acknowledged' | 'failed'): void {
    this.sends.with({ outcome }).inc();
  }

  switchEnded(outcome: SwitchEnd, durationMs: number): void {
    this.switches.with({ outcome }).inc();
    this.switchSeconds.observe(durationMs / 1000);
  }

  leaderElected(outcome: ElectionOutcome): void {
    this.leaderElections.with({ outcome }).inc();
  }

  isrChanged(done: boolean): void {
    this.isrChanges.with({ outcome: done ? 'done' : 'refused' }).inc();
  }

  recordsChanged({ isrShrinks, isrExpands, possibleLosses }: RecordChanges): void {
    this.isrShrinks.inc(isrShrinks);
    this.isrExpands.inc(isrExpands);
    this.possibleLosses.inc(possibleLosses);
  }

  written(outcome: 'done' | 'refused' | 'failed'): void {
    this.writes.with({ outcome }).inc();
  }
}

function countPartitions(view: ClusterView): number {
  return topicsOf(view).reduce((sum, topic) => sum + partitionsOf(topic).length, 0);
}
