// The active zkserver at work, for the time of one leadership. Events are decided one after the other: view, decision and
// writes of one event are never mixed with those of another, and each write compares versions besides. A view that may
// be wrong (a refused or an unanswered write) is dropped and read again before anything else is decided.
import { Backoff, SerialExecutor, randomId } from '@zhumq/base';
import type { Clock, Logger, Random, Timer } from '@zhumq/base';
import type { Leadership, MetadataStore } from '@zhumq/metadata';
import { isError, zhumqError } from '@zhumq/model';
import type { ChannelPool, DesiredState } from '@zhumq/rpc';
import { Announcer } from '../desired/announcer.js';
import { DesiredStates } from '../desired/desired-states.js';
import { FetchElections } from '../election/fetch-elections.js';
import type { ZkServerOptions } from '../options.js';
import { RemoteBrokerCalls } from '../switch/broker-calls.js';
import { LeaderlessWatch } from '../switch/leaderless-watch.js';
import { SagaRunners } from '../switch/saga-runners.js';
import { applyWrite } from '../view/apply-write.js';
import type { ClusterView } from '../view/cluster-view.js';
import { ViewReader } from '../view/view-reader.js';
import type { ZkServerMetrics } from '../zkserver-metrics.js';
import type { DecisionInput, Event, Write } from './decision.js';
import { FencedWriter } from './fenced-writer.js';
import { PlacerCache } from './placer-cache.js';
import { reconcile } from './reconcile.js';
import { recordChanges } from './record-changes.js';
import type { RegistrationGrace } from './registration-grace.js';

export interface ControllerOptions {
  readonly leadership: Leadership;
  readonly store: MetadataStore;
  readonly channels: ChannelPool;
  readonly options: ZkServerOptions;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: ZkServerMetrics;
  readonly grace: RegistrationGrace;
  /** Every new state of the cluster. */
  readonly onView: (view: ClusterView) => void;
}

/** Events that may wait; more are refused with OVERLOADED. */
const MAX_WAITING = 1000;
/** Readings of everything because of one event, before it is refused. */
const ATTEMPTS = 3;
const LOOK_BACKOFF = { minMs: 100, maxMs: 5000 };

export class Controller {
  private readonly executor = new SerialExecutor(MAX_WAITING);
  private readonly reader: ViewReader;
  private readonly writer: FencedWriter;
  private readonly states: DesiredStates;
  private readonly announcer: Announcer;
  private readonly placers: PlacerCache;
  private readonly backoff: Backoff;
  /** Leaders of partitions in mode fetch. */
  readonly elections: FetchElections;
  /** Switches of mode that are under way. */
  private readonly sagas: SagaRunners;
  /** Groups in mode raft that nobody can lead. */
  private readonly leaderless: LeaderlessWatch;
  /** undefined: to be read before the next decision. */
  private view: ClusterView | undefined;
  /** The last one that was whole, for announcements while the store is away. */
  private published: ClusterView | undefined;
  private lookIsWaiting = false;
  private timer: Timer | undefined;
  private graceTimer: Timer | undefined;

  constructor(private readonly parts: ControllerOptions) {
    const { leadership, store, metrics, options } = parts;
    const look = (): void => this.look();
    this.reader = new ViewReader(store, { members: look, topics: undefined });
    this.writer = new FencedWriter({ leadership, store, onWrite: (how) => metrics.written(how) });
    this.states = new DesiredStates(leadership.epoch);
    this.placers = new PlacerCache(options['ring.vnodes']);
    this.backoff = new Backoff(LOOK_BACKOFF, parts.random);
    this.announcer = new Announcer({
      ...parts,
      timeoutMs: options['reconcile.timeout'],
      stateOf: (broker) => this.stateOf(broker),
      onDeleted: (broker, topicIds) =>
        this.submit({ kind: 'deletions-confirmed', broker, topicIds }),
      onSent: (outcome) => metrics.sent(outcome),
    });
    this.elections = new FetchElections({
      ...parts,
      controllerEpoch: leadership.epoch,
      balanceIntervalMs: options['leader.balance.interval'],
      submit: (event) => this.submit(event),
      onElection: (outcome) => metrics.leaderElected(outcome),
      isAwaited: (broker) => parts.grace.isAwaited(broker),
    });
    this.sagas = new SagaRunners({
      ...parts,
      calls: new RemoteBrokerCalls(parts.channels),
      controllerEpoch: leadership.epoch,
      view: () => this.published as ClusterView,
      submit: (event) => this.submit(event),
      timeoutMs: options['switch.timeout.ms'],
      recoveryWaitMs: options['recovery.wait.ms'],
      onEnded: (how, durationMs) => metrics.switchEnded(how, durationMs),
    });
    this.leaderless = new LeaderlessWatch({
      ...parts,
      controllerEpoch: leadership.epoch,
      view: () => this.published,
      submit: (event) => this.submit(event),
      waitMs: options['recovery.wait.ms'],
    });
  }

  get brokersBehind(): readonly number[] {
    return this.announcer.behind;
  }

  start(): void {
    const { grace, clock } = this.parts;
    const { remainingMs } = grace;
    // Who has not come by then is gone.
    if (remainingMs > 0) this.graceTimer = clock.after(remainingMs, () => this.look());
    this.look();
    this.leaderless.start();
  }

  /** Nothing is sent, and nothing written, once it returns; the leadership has ended. */
  stop(): void {
    this.timer?.cancel();
    this.graceTimer?.cancel();
    this.announcer.stop();
    this.elections.stop();
    this.sagas.stop();
    this.leaderless.stop();
  }

  /** Reads who is there and repairs what is to be repaired; soon, and once for many calls. */
  look(): void {
    if (this.lookIsWaiting || !this.parts.leadership.isActive) return;
    this.lookIsWaiting = true;
    const task = this.executor.run(async () => {
      this.lookIsWaiting = false;
      await this.lookNow();
    });
    if (task === undefined) this.lookIsWaiting = false;
    task?.then(
      () => {
        this.backoff.reset();
        this.lookAgainIn(this.parts.options['reconcile.interval']);
      },
      (error: unknown) => this.handleFailedLook(error),
    );
  }

  /** The view after everything that the event demands was written. Throws when the event is refused or the store away. */
  submit(event: Event): Promise<ClusterView> {
    return this.inTurn(() => this.settle(event));
  }

  /** The view as it is. */
  read(): Promise<ClusterView> {
    return this.inTurn(() => this.readIfNeeded());
  }

  /** The view as it would be, and nothing is written. */
  preview(event: Event): Promise<ClusterView> {
    return this.inTurn(async () => {
      const view = await this.readIfNeeded();
      return reconcile(view, event, this.input()).reduce(applyWrite, view);
    });
  }

  /** For a broker that asks; the same as it is told without asking. */
  async desiredState(broker: number, incarnation: number): Promise<DesiredState> {
    const known = this.published?.liveBrokers.get(broker);
    if (known?.incarnation !== incarnation) await this.inTurn(() => this.lookNow());
    const live = this.published?.liveBrokers.get(broker);
    if (live !== undefined && live.incarnation > incarnation) {
      const message = `broker ${broker} asks as incarnation ${incarnation}, but ${live.incarnation} is registered`;
      throw zhumqError('STALE_INCARNATION', message, { broker, incarnation });
    }
    return this.inTurn(async () => this.states.of(await this.readIfNeeded(), broker));
  }

  private async inTurn<T>(task: () => Promise<T>): Promise<T> {
    const turn = this.executor.run(() => {
      this.assertActive();
      return task();
    });
    if (turn !== undefined) return turn;
    const message = `${MAX_WAITING} changes wait for the metadata store already; try again later`;
    throw zhumqError('OVERLOADED', message, { limit: MAX_WAITING });
  }

  private async lookNow(): Promise<void> {
    this.assertActive();
    const startMs = this.parts.clock.monotonicMs();
    const view = await this.readIfNeeded();
    const members = await this.reader.readMembers();
    this.assertActive();
    this.view = { ...view, ...members };
    await this.settle({ kind: 'look' });
    this.parts.metrics.reconciled(this.parts.clock.monotonicMs() - startMs);
  }

  /** Decides and writes; when the store is not as the view says, reads again and decides again. */
  private async settle(event: Event): Promise<ClusterView> {
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      const writes = reconcile(await this.readIfNeeded(), event, this.input());
      if (await this.carryOut(writes, event)) return this.publish();
      this.parts.logger.warn(
        { event: event.kind },
        'the store has changed meanwhile; reading again',
      );
    }
    const message = `the metadata store changed ${ATTEMPTS} times during the request; try again`;
    throw zhumqError('STORE_UNAVAILABLE', message, { sent: false });
  }

  private async carryOut(writes: readonly Write[], event: Event): Promise<boolean> {
    for (const [done, write] of writes.entries()) {
      const view = await this.readIfNeeded();
      this.view = undefined; // until the outcome is known
      try {
        if (!(await this.writer.write(write))) return false;
      } catch (error) {
        throw done === 0 ? error : cutOff(error);
      }
      this.view = applyWrite(view, write);
      this.parts.metrics.recordsChanged(recordChanges(view, this.view, write, event));
    }
    return true;
  }

  private async readIfNeeded(): Promise<ClusterView> {
    if (this.view !== undefined) return this.view;
    const view = await this.reader.readAll();
    this.assertActive();
    this.view = view;
    return view;
  }

  /** What was written is answered as such, also when the office was lost in the same moment. */
  private publish(): ClusterView {
    const view = this.view as ClusterView;
    if (view === this.published || !this.parts.leadership.isActive) return view;
    this.published = view;
    this.parts.onView(view);
    this.elections.follow(view); // first: its questions are short and urgent
    this.announcer.follow(view);
    this.sagas.follow(view);
    return view;
  }

  /** Only called after a view was published. */
  private stateOf(broker: number): DesiredState {
    return this.states.of(this.published as ClusterView, broker);
  }

  private input(): DecisionInput {
    const { options, leadership, grace } = this.parts;
    return {
      controllerEpoch: leadership.epoch,
      newId: randomId,
      isAwaited: (broker) => grace.isAwaited(broker),
      placerFor: (brokers) => this.placers.placerFor(brokers),
      defaults: {
        partitions: options['default.partitions'],
        replicationFactor: options['default.replication.factor'],
        maxPartitions: options['max.partitions.per.topic'],
        groupsPartitions: options['groups.partitions'],
        switchParallel: options['switch.parallel'],
      },
    };
  }

  private handleFailedLook(error: unknown): void {
    if (isError(error, 'STALE_CONTROLLER')) return;
    const { logger } = this.parts;
    if (isError(error, 'STORE_UNAVAILABLE')) {
      logger.warn({ err: error }, 'the metadata store can not be read; trying again');
    } else {
      logger.error({ err: error }, 'the cluster could not be reconciled; trying again');
    }
    this.lookAgainIn(this.backoff.nextMs());
  }

  private lookAgainIn(delayMs: number): void {
    this.timer?.cancel();
    if (!this.parts.leadership.isActive) return;
    this.timer = this.parts.clock.after(delayMs, () => this.look());
  }

  private assertActive(): void {
    const { leadership } = this.parts;
    if (leadership.isActive) return;
    const message = `this zkserver is no longer the active one (its epoch was ${leadership.epoch})`;
    throw zhumqError('STALE_CONTROLLER', message, { epoch: leadership.epoch });
  }
}

/** Some of the writes were done: the next reconciliation, here or by a successor, completes them or takes them back. */
function cutOff(error: unknown): Error {
  const message =
    'the change was cut off halfway and is completed or taken back; look before trying again';
  return zhumqError('STORE_UNAVAILABLE', message, { sent: true }, error);
}
