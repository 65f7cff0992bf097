// A consumer without a group: reads the partitions that the program names, or all of the topic, and those that are added.
import { Deadline } from '@zhumq/base';
import type { ZhumqError } from '@zhumq/base';
import { zhumqError } from '@zhumq/model';
import type { Cluster } from '../cluster/cluster.js';
import type { TopicView } from '../cluster/topic-view.js';
import type { Assignment, Emit } from './assignment.js';
import type { ConsumerSettings } from './consumer-settings.js';
import { PartitionReader } from './partition-reader.js';
import type { Start } from './partition-reader.js';
import { Reading, place } from './reading.js';
import type { RecordSource } from './record-source.js';

const OPEN_TIMEOUT_MS = 30_000;

export class ExplicitAssignment implements Assignment {
  readonly reading: Reading;
  readonly group = undefined;
  private opening: Promise<void> | undefined;
  private topicId: string | undefined;
  private readonly stopListening: () => void;

  constructor(
    private readonly cluster: Cluster,
    private readonly topic: string,
    private readonly settings: ConsumerSettings,
    private readonly source: RecordSource,
    private readonly stopping: AbortSignal,
    private readonly emit: Emit,
  ) {
    this.reading = new Reading(cluster, settings, source, stopping, emit);
    this.stopListening = cluster.onChange(() => this.afterMetadata());
  }

  open(): Promise<void> {
    this.opening ??= this.findTopic().catch((error: unknown) => {
      this.opening = undefined;
      throw error;
    });
    return this.opening;
  }

  stop(): void {
    this.stopListening();
    this.reading.stop();
  }

  private async findTopic(): Promise<void> {
    const deadline = Deadline.after(this.cluster.options.clock, OPEN_TIMEOUT_MS);
    const view = await this.cluster.loadTopic(this.topic, deadline, this.stopping);
    this.topicId = view.topicId;
    const { partitions, from } = this.settings;
    const count = view.partitions.length;
    const missing = partitions?.find((partition) => partition >= count);
    if (missing !== undefined) {
      const text = `topic ${this.topic} has no partition ${missing}; it has ${count}, from 0`;
      throw zhumqError('UNKNOWN_PARTITION', text, { topic: this.topic, partition: missing });
    }
    for (const partition of partitions ?? view.partitions.keys()) {
      const reader = this.reader(partition);
      const own = Array.isArray(from)
        ? from.find((position) => position.partition === partition)
        : undefined;
      if (own !== undefined) reader.seek(own.offset, own.lastEpoch);
      else place(reader, Array.isArray(from) ? 'latest' : (from as Start | number));
      this.source.readers.push(reader);
    }
    this.reading.wake();
  }

  private reader(partition: number): PartitionReader {
    return new PartitionReader(this.topic, partition, this.topicId, this.cluster.options.random);
  }

  private afterMetadata(): void {
    if (this.topicId === undefined) return;
    const view = this.cluster.view.topic(this.topic);
    if (view !== undefined) {
      if (view.topicId !== this.topicId) {
        return this.reading.failTopic(this.topic, recreated(this.topic));
      }
      if (this.settings.partitions === undefined) this.takeIn(view);
    }
    this.reading.leadersChanged();
  }

  /** What was sent to a new partition before it was noticed counts, too. */
  private takeIn(view: TopicView): void {
    const { readers } = this.source;
    const added: number[] = [];
    for (let partition = readers.length; partition < view.partitions.length; partition++) {
      const reader = this.reader(partition);
      reader.seekStart('earliest');
      readers.push(reader);
      added.push(partition);
    }
    if (added.length > 0) this.emit('assigned', { topic: this.topic, partitions: added });
  }
}

/** What reading ends with when a topic of the same name is another one. */
export function recreated(topic: string): ZhumqError {
  const text = `topic ${topic} was deleted and created again: its offsets mean other messages now; read it with a new consumer`;
  return zhumqError('UNKNOWN_TOPIC', text, { topic });
}
