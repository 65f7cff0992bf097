// A group with what was decided and is not committed yet. Several decisions may follow one another on one draft: their
// records are proposed together and their answers given when those are committed. A draft is worth nothing once the group
// itself has changed.
import type { StateRecord } from '../state-machine/state-machine.js';
import { encodeChange } from './group-records.js';
import { Group, ownersOf } from './group.js';
import type { GroupChange, GroupHead, GroupView, Member, Position } from './group.js';
import type { PartitionKey } from './partition-set.js';

export class GroupDraft implements GroupView {
  readonly name: string;
  head: GroupHead | undefined;
  private isHeadChanged = false;
  private memberMap: ReadonlyMap<string, Member>;
  private changedMembers: Map<string, Member> | undefined;
  private readonly touchedMembers = new Set<string>();
  private readonly changedPositions = new Map<PartitionKey, Position | undefined>();
  private owners: ReadonlyMap<PartitionKey, string> | undefined;

  /** `base` is undefined when there is no such group. */
  constructor(
    name: string,
    private readonly base: Group | undefined,
  ) {
    this.name = name;
    this.head = base?.head;
    this.memberMap = base?.members ?? new Map();
  }

  get members(): ReadonlyMap<string, Member> {
    return this.memberMap;
  }

  position(partition: PartitionKey): Position | undefined {
    if (this.changedPositions.has(partition)) return this.changedPositions.get(partition);
    return this.base?.position(partition);
  }

  *positions(): Iterable<readonly [PartitionKey, Position]> {
    for (const entry of this.base?.positions() ?? []) {
      if (!this.changedPositions.has(entry[0])) yield entry;
    }
    for (const [partition, position] of this.changedPositions) {
      if (position !== undefined) yield [partition, position];
    }
  }

  /** Who owns each partition that somebody owns. */
  ownership(): ReadonlyMap<PartitionKey, string> {
    return (this.owners ??= ownersOf(this.memberMap));
  }

  putHead(head: GroupHead | undefined): void {
    this.head = head;
    this.isHeadChanged = true;
  }

  putMember(member: Member): void {
    this.writableMembers(member.memberId).set(member.memberId, member);
  }

  removeMember(memberId: string): void {
    this.writableMembers(memberId).delete(memberId);
  }

  putPosition(partition: PartitionKey, position: Position | undefined): void {
    this.changedPositions.set(partition, position);
  }

  /** What is to be proposed: each key once; empty when nothing changes. */
  records(): readonly StateRecord[] {
    return this.changes().map((change) => encodeChange(this.name, change));
  }

  private changes(): readonly GroupChange[] {
    const changes: GroupChange[] = [];
    if (this.isHeadChanged) changes.push({ kind: 'group', value: this.head });
    for (const memberId of this.touchedMembers) {
      const value = this.memberMap.get(memberId);
      // One that came and went in the same draft was never recorded.
      if (value === undefined && this.base?.members.has(memberId) !== true) continue;
      changes.push({ kind: 'member', memberId, value });
    }
    for (const [partition, value] of this.changedPositions) {
      changes.push({ kind: 'position', partition, value });
    }
    return changes;
  }

  private writableMembers(memberId: string): Map<string, Member> {
    this.changedMembers ??= new Map(this.memberMap);
    this.memberMap = this.changedMembers;
    this.touchedMembers.add(memberId);
    this.owners = undefined;
    return this.changedMembers;
  }
}
