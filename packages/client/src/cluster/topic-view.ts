// What the client believes of one topic: partitions and who leads them. It only ever moves forward: news of a smaller
// epoch are older and change nothing.
import { parseBytes } from '@zhumq/base';
import { TOPIC_OPTIONS } from '@zhumq/model';
import type { PartitionInfo, TopicInfo } from '@zhumq/rpc';

export class PartitionView {
  /** Broker id; -1 when none is known. */
  leader: number;
  /** A broker named the leader: that is newer than metadata of the same epoch. */
  private hinted = false;

  constructor(public info: PartitionInfo) {
    this.leader = info.leader;
  }

  /** Whether the leader is another one now. */
  apply(info: PartitionInfo): boolean {
    if (info.epoch < this.info.epoch) return false;
    const keepsHint = this.hinted && info.epoch === this.info.epoch;
    const before = this.leader;
    this.info = info;
    if (!keepsHint) {
      this.hinted = false;
      this.leader = info.leader;
    }
    return this.leader !== before;
  }

  /** A broker that does not lead says who does. */
  hint(leader: number): void {
    this.leader = leader;
    this.hinted = true;
  }

  /** The broker does not lead; the next metadata counts, whatever was hinted. */
  doubt(broker: number): void {
    if (this.leader === broker) this.hinted = false;
  }
}

export class TopicView {
  readonly topicId: string;
  readonly name: string;
  readonly partitions: PartitionView[];
  info: TopicInfo;
  /** max.message.bytes of the topic. */
  maxMessageBytes: number;
  refreshedAtMs: number;

  constructor(info: TopicInfo, nowMs: number) {
    this.name = info.name;
    this.topicId = info.topicId;
    this.info = info;
    this.partitions = info.partitions.map((partition) => new PartitionView(partition));
    this.maxMessageBytes = maxMessageBytesOf(info.config);
    this.refreshedAtMs = nowMs;
  }

  /** Whether a leader changed or a partition came. */
  apply(info: TopicInfo, nowMs: number): boolean {
    let changed = false;
    this.info = info;
    this.maxMessageBytes = maxMessageBytesOf(info.config);
    this.refreshedAtMs = nowMs;
    info.partitions.forEach((partition, index) => {
      if (index < this.partitions.length) {
        if (this.partitions[index].apply(partition)) changed = true;
      } else {
        this.partitions.push(new PartitionView(partition));
        changed = true;
      }
    });
    return changed;
  }
}

const MAX_MESSAGE = TOPIC_OPTIONS.find(({ field }) => field === 'maxMessageBytes');

/** Settings that this version does not know are no business of the client's, so it does not parse them all. */
function maxMessageBytesOf(config: Readonly<Record<string, string>>): number {
  const text = MAX_MESSAGE === undefined ? undefined : config[MAX_MESSAGE.name];
  return (text === undefined ? undefined : parseBytes(text)) ?? Number(MAX_MESSAGE?.fallback);
}
