// Carries on the switch of one partition: looks at its record, does what the phase says at the brokers, and hands in what
// came of it. It remembers nothing that another zkserver would miss: the record is the saga (decision 14).
//
//   phase   mode    what is done                                       handed in
//   seal    raft    seal the leader                                    group-sealed   -> phase close
//   seal    fetch   seal the leader                                    isr-sealed     -> published in mode raft
//   close   raft    close the voters                                   group-closed   -> published
//   abort   raft    close the voters                                   group-closed   -> published in mode raft
//   too long in seal or close                                          switch-given-up
import { Backoff, delay } from '@zhumq/base';
import type { Clock, Logger, Random } from '@zhumq/base';
import { isError } from '@zhumq/model';
import type { BrokerRegistration, PartitionRecord, Replica } from '@zhumq/model';
import { isAvailable } from '../election/fetch-partitions.js';
import { topicById } from '../view/cluster-view.js';
import type { ClusterView } from '../view/cluster-view.js';
import type { BrokerCalls } from './broker-calls.js';
import { CloseRound } from './close-round.js';
import { SealTarget } from './seal-target.js';
import type { SagaRef, SwitchEvent } from './switch-events.js';
import { partitionIn, partitionRefOf } from './switched-partition.js';
import type { UnderWay } from './switched-partition.js';
import { Troubles } from './troubles.js';

export interface SagaParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly calls: BrokerCalls;
  readonly controllerEpoch: number;
  /** The last one that was published. */
  readonly view: () => ClusterView;
  readonly submit: (event: SwitchEvent) => Promise<ClusterView>;
  readonly timeoutMs: number;
  readonly recoveryWaitMs: number;
}

/** Identity of a saga over its generations. */
export type SagaKey = Omit<SagaRef, 'generation'>;

/** Clients wait while the first tries are made. */
const BACKOFF = { minMs: 5, maxMs: 250 };
const SEAL_TIMEOUT_MS = 5000;
const CLOSE_TIMEOUT_MS = 2000;
/** What is in sync leads and counts from the start; others catch up. Worth a moment, but clients wait. */
const LIVE_WAIT_MS = 50;

export class SagaRunner {
  readonly startedMs: number;
  private readonly stopping = new AbortController();
  private readonly backoff: Backoff;
  private readonly target = new SealTarget();
  private readonly troubles = new Troubles();
  /** Of the step under way: aborted when the record has changed meanwhile. */
  private step: { readonly version: number; readonly abort: AbortController } | undefined;

  constructor(
    readonly saga: SagaKey,
    private readonly parts: SagaParts,
    /** Whether a seal call may have been made already, by this zkserver or another one. */
    private mayBeSealed: boolean,
  ) {
    this.startedMs = parts.clock.monotonicMs();
    this.backoff = new Backoff(BACKOFF, parts.random);
  }

  /** Resolves when the saga has ended or `stop` was called; never rejects. */
  async run(): Promise<void> {
    while (!this.stopping.signal.aborted) {
      const found = this.find();
      if (found === undefined) return;
      await this.runStep(found);
      if (this.find()?.version !== found.version) this.backoff.reset();
      else await this.pause();
    }
  }

  /** To be called with each new view: what is based on an older record is not worth waiting for. */
  look(): void {
    const found = this.find();
    if (this.step === undefined || found?.version === this.step.version) return;
    // What was closed stays closed, whatever else happens to the record.
    if (found !== undefined && found.transition.phase !== 'seal') return;
    this.step.abort.abort(new Error('the record of the partition has changed'));
  }

  /** Nothing is sent or written any more once it returns. */
  stop(): void {
    this.stopping.abort(new Error('this zkserver is not the active one any more'));
    this.step?.abort.abort(this.stopping.signal.reason);
  }

  private find(): UnderWay | undefined {
    return sagaIn(this.parts.view(), this.saga);
  }

  /** Failures are reported and the step is done again. */
  private async runStep(found: UnderWay): Promise<void> {
    if (this.stopping.signal.aborted) return;
    const abort = new AbortController();
    this.step = { version: found.version, abort };
    try {
      await this.advance(found, abort.signal);
    } catch (error) {
      if (!abort.signal.aborted) this.reportFailure(found, error);
    } finally {
      this.step = undefined;
    }
  }

  private async advance(found: UnderWay, signal: AbortSignal): Promise<void> {
    const { mode } = found.record;
    const { phase, to } = found.transition;
    const isForced = to === mode;
    if (!isForced && phase !== 'abort' && this.remainingMs() === 0) return this.giveUp(found);
    if (phase === 'seal') return this.seal(found, signal);
    if (mode === 'raft') return this.close(found, isForced, signal);
    return this.giveUp(found);
  }

  private async seal(found: UnderWay, signal: AbortSignal): Promise<void> {
    const { record, version, transition } = found;
    const view = this.parts.view();
    const broker = this.target.next(record, view);
    if (broker === undefined) return;
    const timeoutMs = Math.min(SEAL_TIMEOUT_MS, this.remainingMs());
    const limits = { timeoutMs, signal };
    const mayHaveBeen = this.mayBeSealed;
    this.mayBeSealed = true;
    try {
      const ref = partitionRefOf(found, this.parts.controllerEpoch);
      const sealed = await this.parts.calls.seal(broker, ref, transition.id, limits);
      const saga = sagaOf(found);
      if (record.mode === 'raft') await this.submit({ kind: 'group-sealed', saga });
      else await this.submit({ kind: 'isr-sealed', saga, version, ...sealed });
    } catch (error) {
      if (wasNotSent(error)) this.mayBeSealed = mayHaveBeen;
      this.target.failed(broker, record, error);
      // What was broken off here says nothing of the broker.
      if (!signal.aborted) this.troubles.failed(broker.id, error);
      throw error;
    }
  }

  private async close(found: UnderWay, isForced: boolean, signal: AbortSignal): Promise<void> {
    const { clock, random, calls, controllerEpoch, recoveryWaitMs } = this.parts;
    const isBounded = !isForced && found.transition.phase !== 'abort';
    this.troubles.begin();
    const round = new CloseRound({
      ...{ clock, random, signal, voters: votersOf(found.record) },
      brokerOf: (voter) => availableBroker(this.parts.view(), voter),
      close: async (broker, callSignal) => {
        const ref = partitionRefOf(this.find() ?? found, controllerEpoch);
        const limits = { timeoutMs: CLOSE_TIMEOUT_MS, signal: callSignal };
        const answer = await calls.close(broker, ref, limits);
        this.troubles.answered(broker.id);
        return answer;
      },
      onFailure: ({ broker }, error) => {
        this.troubles.failed(broker, error);
        this.reportFailure(found, error, broker);
      },
      waitMs: isForced ? recoveryWaitMs : LIVE_WAIT_MS,
      waitForDead: isForced,
      limitMs: isBounded ? this.remainingMs() : Infinity,
    });
    const answers = await round.run();
    const at = new Date(clock.wallMs()).toISOString();
    await this.submit({ kind: 'group-closed', saga: sagaOf(found), answers, at });
  }

  private async giveUp(found: UnderWay): Promise<void> {
    const { timeoutMs } = this.parts;
    const { phase, to } = found.transition;
    const trouble = this.troubles.text(this.parts.view(), found.record, phase);
    const reason = `the switch to mode ${to} was not done within ${timeoutMs} ms; it was in phase ${phase} then: ${trouble}`;
    const { mayBeSealed } = this;
    await this.submit({ kind: 'switch-given-up', saga: sagaOf(found), reason, mayBeSealed });
  }

  private async submit(event: SwitchEvent): Promise<void> {
    this.stopping.signal.throwIfAborted();
    await this.parts.submit(event);
  }

  private async pause(): Promise<void> {
    const { signal } = this.stopping;
    await delay(this.parts.clock, this.backoff.nextMs(), signal).catch(() => undefined);
  }

  private remainingMs(): number {
    const { clock, timeoutMs } = this.parts;
    return Math.max(0, Math.ceil(this.startedMs + timeoutMs - clock.monotonicMs()));
  }

  private reportFailure(found: UnderWay, error: unknown, broker?: number): void {
    if (this.stopping.signal.aborted || isError(error, 'STALE_CONTROLLER')) return;
    const { topic, number: partition, transition } = found;
    this.parts.logger.debug(
      { err: error, topic: topic.name, partition, phase: transition.phase, broker },
      'a step of the switch of modes failed; it is done again',
    );
  }
}

/** The saga in whatever generation it is by now; undefined when it has ended. */
export function sagaIn(view: ClusterView, saga: SagaKey): UnderWay | undefined {
  const topic = topicById(view, saga.topicId);
  const found = topic && partitionIn(topic, saga.partition);
  const transition = found?.record.transition;
  if (found === undefined || transition?.id !== saga.transitionId) return undefined;
  return { ...found, transition };
}

function sagaOf({ topic, number, record, transition }: UnderWay): SagaRef {
  const { topicId } = topic.record;
  const { generation } = record;
  return { topicId, partition: number, generation, transitionId: transition.id };
}

function votersOf({ replicas, voters }: PartitionRecord): readonly Replica[] {
  return replicas.filter(({ replicaId }) => voters.includes(replicaId));
}

function availableBroker(view: ClusterView, replica: Replica): BrokerRegistration | undefined {
  return isAvailable(view, replica) ? view.liveBrokers.get(replica.broker) : undefined;
}

/** Said by this side of the connection, not by the broker. */
function wasNotSent(error: unknown): boolean {
  return isError(error, 'CONNECTION_REFUSED') && error.context.method === 'sealPartition';
}
