// Consumers of the model: one that keeps its own position, and what it takes from the log at a time.
import type { DeliveredRecord } from '../../history/events.js';
import type { ModelPartition } from './model-partition.js';
import type { Stage } from './stage.js';

/** Up to `most` records from `position` on, without control records, and where they end. */
export function take(
  { log, highWatermark, knowledge }: ModelPartition,
  position: number,
  most: number,
): { readonly records: DeliveredRecord[]; readonly position: number } {
  const records: DeliveredRecord[] = [];
  let next = position;
  for (; next < highWatermark && records.length < most; next += 1) {
    const { value, epoch } = log[next];
    if (value !== null) records.push(knowledge.epochs ? [next, value, epoch] : [next, value]);
  }
  return { records, position: next };
}

export class ModelConsumer {
  private position = 0;

  constructor(
    private readonly stage: Stage,
    private readonly name: string,
    private readonly partition: ModelPartition,
  ) {
    this.seek(0);
  }

  poll(most = this.stage.between(1, 6)): void {
    const { partition, stage, name: consumer } = this;
    if (this.position < partition.logStart) this.seek(partition.logStart);
    const { records, position } = take(partition, this.position, most);
    this.position = position;
    if (records.length === 0) return;
    const told = partition.knowledge.watermarks ? { highWatermark: partition.highWatermark } : {};
    stage.tell(consumer, { kind: 'poll', ...partition.place, consumer, ...told, records });
  }

  seek(to: number, final = false): void {
    this.position = to;
    const event = { ...this.partition.place, consumer: this.name };
    this.stage.tellAtOnce(this.name, { kind: 'seek', ...event, ...(final && { final }) });
  }

  seekAnywhere(): void {
    this.seek(this.stage.between(this.partition.logStart, this.position));
  }

  onCut(from: number): void {
    if (this.position > from) this.seek(from);
  }
}

/** Reads all that is there, after all has healed. */
export function readFinally(stage: Stage, partition: ModelPartition): void {
  const name = `final-${partition.place.partition}`;
  const consumer = new ModelConsumer(stage, name, partition);
  consumer.seek(partition.logStart, true);
  const polls = Math.ceil(partition.log.length / 4);
  for (let count = 0; count <= polls; count += 1) consumer.poll(4);
  stage.flushAll();
}
