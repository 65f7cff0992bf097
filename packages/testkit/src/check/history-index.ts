// A history made ready for the checks: each event goes to its partition and its group, in one pass.
import type { HistoryEvent } from '../history/events.js';
import { GroupIndex } from './group-index.js';
import type { GroupMove } from './group-index.js';
import { PartitionIndex } from './partition-index.js';
import type { EventOf } from './partition-index.js';

export class HistoryIndex {
  readonly partitions = new Map<string, PartitionIndex>();
  readonly groups = new Map<string, GroupIndex>();
  readonly faults: (EventOf<'fault'> & { readonly line: number })[] = [];
  readonly counts = new Map<HistoryEvent['kind'], number>();
  run = '';
  isExact = false;

  /** Events in the order of their lines. Throws HistoryInvalid for one that can not follow those before. */
  add(event: HistoryEvent, line: number): void {
    this.counts.set(event.kind, (this.counts.get(event.kind) ?? 0) + 1);
    if (event.kind === 'history') {
      this.run = event.run;
      this.isExact = event.exact ?? false;
    } else if (event.kind === 'fault') {
      this.faults.push({ ...event, line });
    } else {
      this.addLocated(event, this.partitionOf(event), line);
    }
  }

  private addLocated(
    event: Exclude<HistoryEvent, { kind: 'history' | 'fault' }>,
    partition: PartitionIndex,
    line: number,
  ): void {
    switch (event.kind) {
      case 'send':
        return partition.addSend(event, line);
      case 'sent':
        return partition.addAnswer(event, line, this.isExact);
      case 'seek':
        return partition.addSeek(event, line);
      case 'poll':
        if (event.group !== undefined)
          this.groupOf({ ...event, group: event.group }).addPoll(event, line);
        return partition.addPoll(event, line, this.isExact);
      case 'assign':
      case 'revoke':
        partition.beginReading(event.member, line);
        return this.addMove({ ...event, line });
      case 'commit':
      case 'position':
      case 'reset':
        return this.addMove({ ...event, line });
      case 'watermark':
        return partition.addWatermark(event, line);
      case 'replica':
        return partition.addReplica(event, line);
      case 'loss':
        return partition.losses.add({ epoch: event.epoch, offset: event.offset ?? 0, line });
      case 'log-start':
        partition.logStart = Math.max(partition.logStart, event.offset);
        return;
      case 'leader':
        partition.leaders.push({ ...event, line });
        return;
      case 'switch':
        partition.switches.push({ ...event, line });
        return;
      case 'append':
        return partition.addAppend(event, line);
    }
  }

  private addMove(move: GroupMove): void {
    this.groupOf(move).moves.push(move);
  }

  private partitionOf({ topic, partition }: { topic: string; partition: number }): PartitionIndex {
    const name = `${topic}-${partition}`;
    let index = this.partitions.get(name);
    if (index === undefined) {
      index = new PartitionIndex(topic, partition);
      this.partitions.set(name, index);
    }
    return index;
  }

  private groupOf(event: { group: string; topic: string; partition: number }): GroupIndex {
    const { group, topic, partition } = event;
    const name = `${group}/${topic}-${partition}`;
    let index = this.groups.get(name);
    if (index === undefined) {
      index = new GroupIndex(group, topic, partition);
      this.groups.set(name, index);
    }
    return index;
  }
}
