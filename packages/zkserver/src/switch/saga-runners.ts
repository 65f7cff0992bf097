// The sagas that this active zkserver carries on: one runner for each record with a transition, from whatever phase it is
// in. Started by what the view shows, so that a new active zkserver takes over all of them by looking.
import type { ClusterView } from '../view/cluster-view.js';
import { topicById, topicsOf } from '../view/cluster-view.js';
import { SagaRunner, sagaIn } from './saga-runner.js';
import type { SagaKey, SagaParts } from './saga-runner.js';
import { partitionIn } from './switched-partition.js';

export type SwitchEnd = 'done' | 'given-up' | 'recovered' | 'deleted';

export interface SagaRunnersParts extends SagaParts {
  readonly onEnded: (how: SwitchEnd, durationMs: number) => void;
}

/** Sagas at work at once; others wait, which matters after a power loss of everything only. */
const MAX_RUNNERS = 128;

export class SagaRunners {
  private readonly runners = new Map<string, SagaRunner>();
  /** Of earlier active zkservers: nobody knows what calls these made. */
  private inherited: ReadonlySet<string> | undefined;
  private stopped = false;

  constructor(private readonly parts: SagaRunnersParts) {}

  /** To be called with every new view. */
  follow(view: ClusterView): void {
    if (this.stopped) return;
    for (const runner of this.runners.values()) runner.look();
    const sagas = sagasOf(view);
    this.inherited ??= new Set(sagas.map(keyOf));
    for (const saga of sagas) {
      if (this.runners.size >= MAX_RUNNERS) return;
      if (!this.runners.has(keyOf(saga))) this.start(saga, view);
    }
  }

  /** Nothing is sent or written any more once it returns. */
  stop(): void {
    this.stopped = true;
    for (const runner of this.runners.values()) runner.stop();
    this.runners.clear();
  }

  private start(saga: SagaKey, view: ClusterView): void {
    const key = keyOf(saga);
    const runner = new SagaRunner(saga, this.parts, this.inherited?.has(key) === true);
    const isRecovery = sagaIn(view, saga)?.record.mode === sagaIn(view, saga)?.transition.to;
    this.runners.set(key, runner);
    void runner.run().then(() => {
      if (this.stopped) return;
      this.runners.delete(key);
      this.report(runner, isRecovery);
      this.follow(this.parts.view());
    });
  }

  private report(runner: SagaRunner, isRecovery: boolean): void {
    const { clock, logger, onEnded, view } = this.parts;
    const { topicId, partition, transitionId: id } = runner.saga;
    const topic = topicById(view(), topicId);
    const record = topic && partitionIn(topic, partition)?.record;
    const durationMs = Math.round(clock.monotonicMs() - runner.startedMs);
    const how = endOf(record?.lastSwitch?.id === id && record.lastSwitch.done);
    onEnded(how, durationMs);
    const facts = { topic: topic?.name, partition, id, durationMs };
    if (record === undefined) return;
    const { mode, generation, epoch, lastSwitch } = record;
    const present = { ...facts, mode, generation, epoch };
    if (how === 'done') logger.info(present, 'the partition was switched to another mode');
    else if (how === 'recovered') logger.warn(present, 'the partition was recovered');
    else logger.warn({ ...present, reason: lastSwitch?.reason }, 'a switch of modes was given up');

    function endOf(isDone: boolean): SwitchEnd {
      if (record === undefined) return 'deleted';
      if (isRecovery) return 'recovered';
      return isDone ? 'done' : 'given-up';
    }
  }
}

function sagasOf(view: ClusterView): readonly SagaKey[] {
  return topicsOf(view).flatMap(({ record: { topicId }, partitions }) =>
    Array.from(partitions).flatMap(
      ([
        partition,
        {
          value: { transition },
        },
      ]) => (transition === undefined ? [] : [{ topicId, partition, transitionId: transition.id }]),
    ),
  );
}

function keyOf({ topicId, partition, transitionId }: SagaKey): string {
  return `${topicId} ${partition} ${transitionId}`;
}
