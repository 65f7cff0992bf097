// A random history with nothing wrong in it: producers of every ack level, consumers, groups, changes of leader, zombies,
// switches, retention, reported losses; recorded by somebody who knows everything, or by somebody who knows little.
import { SeededRandom } from '@zhumq/base';
import type { AckLevel, HistoryEvent } from '../../history/events.js';
import { ModelConsumer, readFinally } from './model-consumer.js';
import { ModelGroup } from './model-group.js';
import { ModelPartition } from './model-partition.js';
import { ModelProducer } from './model-producer.js';
import { Stage } from './stage.js';

const STEPS = 220;

export interface Features {
  /** Losses are reported, and the recorder knows everything. */
  readonly losses?: boolean;
}

export function validHistory(seed: number, features: Features = {}): HistoryEvent[] {
  return new ModelRun(new SeededRandom(seed), seed, features).run();
}

class ModelRun {
  private readonly stage: Stage;
  private readonly partitions: ModelPartition[] = [];
  private readonly producers = new Map<ModelPartition, ModelProducer[]>();
  private readonly consumers = new Map<ModelPartition, ModelConsumer[]>();
  private readonly groups = new Map<ModelPartition, ModelGroup[]>();
  private readonly does: Record<'switches' | 'losses' | 'elections' | 'retention', boolean>;

  constructor(random: SeededRandom, seed: number, { losses = false }: Features) {
    const isExact = random.fraction() < 0.4 || losses;
    this.stage = new Stage(random, isExact);
    const { stage } = this;
    const run = `seed ${seed}`;
    if (isExact || stage.chance(0.5))
      stage.tellAtOnce('run', { kind: 'history', version: 1, run, exact: isExact });
    this.does = {
      switches: stage.chance(0.5),
      losses: stage.chance(0.3) || losses,
      elections: stage.chance(0.8),
      retention: stage.chance(0.2),
    };
    for (let index = 0; index < stage.between(1, 2); index += 1) this.addPartition(index);
  }

  run(): HistoryEvent[] {
    const { stage } = this;
    for (let step = 0; step < STEPS; step += 1) {
      stage.step();
      this.step(stage.pick(this.partitions));
    }
    for (const partition of this.partitions) this.end(partition);
    return stage.events;
  }

  private addPartition(index: number): void {
    const { stage } = this;
    const epochs = stage.isExact || stage.chance(0.5);
    const knowledge = {
      epochs,
      leaders: epochs || stage.chance(0.3),
      startOffsets: epochs && stage.chance(0.7),
      watermarks: stage.isExact || stage.chance(0.5),
    };
    const onCut = (cut: ModelPartition, from: number): void => this.onCut(cut, from);
    const partition = new ModelPartition(stage, index, knowledge, onCut);
    this.partitions.push(partition);
    const acks: AckLevel[] = ['all', 'all', stage.pick(['all', 'leader', 'none']), 'leader'];
    const producers = acks.map((level, number) => {
      const isIdempotent = number !== 3 || stage.chance(0.7);
      return new ModelProducer(stage, `p${index}-${number}`, partition, level, isIdempotent);
    });
    this.producers.set(partition, producers);
    const readers = ['c', 'd'].map(
      (name) => new ModelConsumer(stage, `${name}${index}`, partition),
    );
    this.consumers.set(partition, readers);
    const groups = stage.chance(0.7) ? [new ModelGroup(stage, 'g', partition)] : [];
    this.groups.set(partition, groups);
  }

  private step(partition: ModelPartition): void {
    const { stage, does } = this;
    const kind = stage.between(0, 99);
    const producer = stage.pick(this.producers.get(partition) ?? []);
    if (kind < 24) producer.send();
    else if (kind < 44) producer.store();
    else if (kind < 58) producer.settle();
    else if (kind < 68) partition.advance();
    else if (kind < 71) partition.follow();
    else if (kind < 81) stage.pick(this.consumers.get(partition) ?? []).poll();
    else if (kind < 82) stage.pick(this.consumers.get(partition) ?? []).seekAnywhere();
    else if (kind < 93) for (const group of this.groups.get(partition) ?? []) group.step();
    else if (kind < 95 && partition.isSealed) partition.switchOn();
    else if (kind < 95 && does.switches) partition.switchOn();
    else if (kind < 98 && does.elections && !partition.isSealed) partition.changeLeader();
    else if (kind < 99 && does.losses && !partition.isSealed) partition.lose();
    else if (does.retention) partition.deleteOldest();
  }

  private onCut(partition: ModelPartition, from: number): void {
    for (const producer of this.producers.get(partition) ?? []) producer.onCut(from);
    for (const consumer of this.consumers.get(partition) ?? []) consumer.onCut(from);
    for (const group of this.groups.get(partition) ?? []) group.onCut(from);
  }

  private end(partition: ModelPartition): void {
    if (partition.isSealed) partition.switchOn();
    for (let round = 0; round < 8; round += 1) {
      for (const producer of this.producers.get(partition) ?? []) producer.store();
      partition.advance(partition.log.length);
      for (const producer of this.producers.get(partition) ?? []) producer.settle();
    }
    for (const group of this.groups.get(partition) ?? []) group.end();
    this.stage.flushAll();
    readFinally(this.stage, partition);
    partition.tellReplicas();
  }
}
