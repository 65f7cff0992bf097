// Everything a history says about one partition of a consumer group, in order.
import type { EventOf } from './partition-index.js';

export type GroupMove = EventOf<'assign' | 'revoke' | 'commit' | 'position' | 'reset'> & {
  readonly line: number;
};

export class GroupIndex {
  readonly moves: GroupMove[] = [];
  /** Offset -> line in which a member was given it first. */
  readonly delivered = new Map<number, number>();

  constructor(
    readonly group: string,
    readonly topic: string,
    readonly partition: number,
  ) {}

  addPoll({ records }: EventOf<'poll'>, line: number): void {
    for (const [offset] of records)
      if (!this.delivered.has(offset)) this.delivered.set(offset, line);
  }
}
