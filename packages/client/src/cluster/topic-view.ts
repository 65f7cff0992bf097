// What the client believes of one topic: partitions and who leads them. It only ever moves forward: news of a smaller
// generation, or of a smaller epoch in the same one, are older and change nothing.
import { parseBytes } from '@zhumq/base';
import { TOPIC_OPTIONS } from '@zhumq/model';
import type { PartitionInfo, TopicInfo } from '@zhumq/rpc';

/** Counts how often any partition of the cluster got another leader by a larger generation or epoch. */
export interface Moves {
  count: number;
}

/** Negative when `a` is older than `b`, 0 when they tell of the same epoch. */
export function compareAge(a: PartitionInfo, b: PartitionInfo): number {
  return a.generation - b.generation || a.epoch - b.epoch;
}

export class PartitionView {
  /** Broker id; -1 when none is known. */
  leader: number;
  /** The count of moves when this partition got its leader; 0 for the first that was known. */
  movedAt = 0;
  /** A broker named the leader: that is newer than metadata of the same epoch. */
  private hinted = false;

  constructor(
    public info: PartitionInfo,
    private readonly moves: Moves,
  ) {
    this.leader = info.leader;
  }

  /** Whether the leader is another one now. */
  apply(info: PartitionInfo): boolean {
    const age = compareAge(info, this.info);
    if (age < 0) return false;
    const keepsHint = this.hinted && age === 0;
    const before = this.leader;
    if (info.leader >= 0 && (age > 0 || this.info.leader < 0)) this.movedAt = ++this.moves.count;
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

  constructor(
    info: TopicInfo,
    nowMs: number,
    private readonly moves: Moves,
  ) {
    this.name = info.name;
    this.topicId = info.topicId;
    this.info = info;
    this.partitions = info.partitions.map((partition) => new PartitionView(partition, moves));
    this.maxMessageBytes = maxMessageBytesOf(info.config);
    this.refreshedAtMs = nowMs;
  }

  /** Whether a leader changed or a partition came. */
  apply(info: TopicInfo, nowMs: number): boolean {
    let changed = this.applyLeaders(info);
    this.info = info;
    this.maxMessageBytes = maxMessageBytesOf(info.config);
    this.refreshedAtMs = nowMs;
    for (const partition of info.partitions.slice(this.partitions.length)) {
      this.partitions.push(new PartitionView(partition, this.moves));
      changed = true;
    }
    return changed;
  }

  /** Only who leads the partitions that are known; whether that changed. */
  applyLeaders(info: TopicInfo): boolean {
    let changed = false;
    this.partitions.forEach((known, index) => {
      const partition = info.partitions.at(index);
      if (partition !== undefined && known.apply(partition)) changed = true;
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
