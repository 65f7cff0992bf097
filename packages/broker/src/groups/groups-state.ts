// All groups of one partition of `__groups`: the state machine that its log drives on every replica.
import type { AppliedRecord, StateMachine, StateRecord } from '../state-machine/state-machine.js';
import { decodeChange, encodeChange } from './group-records.js';
import { Group } from './group.js';

export class GroupsState implements StateMachine {
  private readonly groups = new Map<string, Group>();

  /** Undefined: nothing is known of such a group. */
  get(name: string): Group | undefined {
    return this.groups.get(name);
  }

  all(): Iterable<Group> {
    return this.groups.values();
  }

  apply(record: Pick<AppliedRecord, 'key' | 'value'>): void {
    const decoded = decodeChange(record);
    if (decoded === undefined) return;
    let group = this.groups.get(decoded.group);
    if (group === undefined) {
      group = new Group(decoded.group);
      this.groups.set(group.name, group);
    }
    group.apply(decoded.change);
    if (group.isGone) this.groups.delete(group.name);
  }

  *snapshot(): Iterable<StateRecord> {
    for (const group of this.groups.values()) {
      const { name, head } = group;
      if (head !== undefined) yield encodeChange(name, { kind: 'group', value: head });
      for (const [memberId, value] of group.members) {
        yield encodeChange(name, { kind: 'member', memberId, value });
      }
      for (const [partition, value] of group.positions()) {
        yield encodeChange(name, { kind: 'position', partition, value });
      }
    }
  }

  reset(): void {
    this.groups.clear();
  }
}
