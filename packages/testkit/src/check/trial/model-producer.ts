// A producer of the model, in one partition: it sends again what a change of leader took and nobody acknowledged, in order.
import type { AckLevel, Outcome } from '../../history/events.js';
import type { ModelPartition } from './model-partition.js';
import type { Stage } from './stage.js';

interface Pending {
  readonly value: string;
  /** Offset in the present log; -1: not there. */
  offset: number;
  isAnswered: boolean;
  attempts: number;
}

export class ModelProducer {
  private pending: Pending[] = [];
  private next = 0;

  constructor(
    private readonly stage: Stage,
    private readonly name: string,
    private readonly partition: ModelPartition,
    private readonly acks: AckLevel,
    private readonly isIdempotent: boolean,
  ) {}

  send(): void {
    if (this.pending.length > 5) return;
    const value = `${this.name}/${this.next++}`;
    const { name: producer, acks } = this;
    const unsafe = this.isIdempotent ? {} : { idempotent: false };
    const event = { ...this.partition.place, producer, value, acks, ...unsafe };
    this.stage.tellAtOnce(producer, { kind: 'send', ...event });
    this.pending.push({ value, offset: -1, isAnswered: false, attempts: 0 });
  }

  /** The leader (or one that was) takes the first that is not stored. */
  store(): void {
    const { partition, stage } = this;
    const first = this.pending.find(({ offset }) => offset === -1);
    if (first === undefined || partition.isSealed) return;
    const { zombie } = partition;
    if (zombie !== undefined && this.acks === 'leader' && !first.isAnswered && stage.chance(0.5)) {
      const { epoch, broker } = zombie;
      this.answer(first, 'ok', { offset: zombie.end++, epoch, broker });
      return;
    }
    if (this.acks === 'none' && stage.chance(0.2)) return this.drop(first);
    first.attempts += 1;
    first.offset = partition.append(first.value);
    if (!this.isIdempotent && stage.chance(0.3)) partition.append(first.value);
    if (this.acks === 'none' && !first.isAnswered) this.answer(first, 'ok', {});
    if (first.isAnswered) this.drop(first);
  }

  settle(): void {
    const { partition, stage, acks } = this;
    const first = this.pending.find(({ isAnswered }) => !isAnswered);
    if (first === undefined) return;
    const isStored = first.offset !== -1;
    const isDone = isStored && (acks === 'leader' || first.offset < partition.highWatermark);
    if (isDone && stage.chance(0.9)) {
      const { offset, attempts } = first;
      const { epoch, leader: broker } = partition;
      const again = attempts > 1 ? { duplicate: stage.chance(0.5) } : {};
      this.answer(first, 'ok', { offset, epoch, broker, ...again });
    } else if (stage.chance(0.15)) {
      if (isStored || stage.chance(0.5)) this.answer(first, 'unknown', {});
      // What is answered and not stored may be stored once more, in its turn.
      else if (first.attempts === 0) this.answer(first, 'fail', {});
      if (isStored || stage.chance(0.5)) this.drop(first);
    }
  }

  onCut(from: number): void {
    for (const one of this.pending) if (one.offset >= from) one.offset = -1;
  }

  private answer(
    one: Pending,
    outcome: Outcome,
    where: { offset?: number; epoch?: number; broker?: number; duplicate?: boolean },
  ): void {
    const { name: producer, partition, stage, acks } = this;
    const { epoch, broker, ...rest } = where;
    const known = partition.knowledge.epochs && epoch !== undefined ? { epoch, broker } : {};
    const error = outcome === 'fail' ? { code: 'PARTITION_SEALED', retriable: true } : {};
    const event = { ...partition.place, producer, value: one.value, outcome };
    stage.tell(producer, { kind: 'sent', ...event, ...rest, ...known, ...error });
    one.isAnswered = true;
    if (outcome === 'fail' || (outcome === 'ok' && acks !== 'none')) this.drop(one);
  }

  private drop(one: Pending): void {
    this.pending = this.pending.filter((other) => other !== one);
  }
}
