// All groups of one partition of `__groups`: the state machine that its log drives on every replica.
import type { AppliedRecord, StateMachine, StateRecord } from '../state-machine/state-machine.js';
import { decodeChange, encodeChange } from './group-records.js';
import type { NamedChange } from './group-records.js';
import { Group } from './group.js';
import { PartsCollector } from './large-decision.js';

export class GroupsState implements StateMachine {
  private readonly groups = new Map<string, Group>();
  private readonly large = new PartsCollector();

  /** Undefined: nothing is known of such a group. */
  get(name: string): Group | undefined {
    return this.groups.get(name);
  }

  all(): Iterable<Group> {
    return this.groups.values();
  }

  apply(record: Pick<AppliedRecord, 'key' | 'value'>): void {
    const decoded = decodeChange(record);
    const { large } = this;
    if (decoded !== undefined && 'kind' in decoded) large.begin(decoded);
    else if (large.isInPart) for (const one of large.add(decoded)) this.change(one);
    else if (decoded !== undefined) this.change(decoded);
  }

  private change({ group: name, change }: NamedChange): void {
    let group = this.groups.get(name);
    if (group === undefined) {
      group = new Group(name);
      this.groups.set(name, group);
    }
    group.apply(change);
    if (group.isGone) this.groups.delete(name);
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
    this.large.clear();
  }
}
