// What must be true of a group, by its committed records and by what its members believe; asserted at every commit.
import { assert } from '@zhumq/base';
import type { StateRecord } from '../../state-machine/state-machine.js';
import { compareEpochs } from '../../groups/epochs.js';
import { owns } from '../../groups/group.js';
import type { Group, Member, Position } from '../../groups/group.js';
import { GroupsState } from '../../groups/groups-state.js';
import { isSameSet, parsePartitionKey } from '../../groups/partition-set.js';
import type { PartitionKey } from '../../groups/partition-set.js';
import type { CommitRequest } from '../../groups/positions.js';
import { GROUP } from './sim-coordinator.js';
import type { SimMember } from './sim-member.js';

export class GroupsChecker {
  /** What the committed records say. */
  readonly state = new GroupsState();
  grants = 0;
  commits = 0;
  moves = 0;
  /** Every id that a member made for itself: one for each life. */
  readonly lives = new Set<string>();
  private readonly lastOwner = new Map<PartitionKey, string>();

  get group(): Group | undefined {
    return this.state.get(GROUP);
  }

  apply(records: readonly StateRecord[], members: readonly SimMember[]): void {
    const before = new Map(this.group?.members ?? []);
    const positions = new Map(this.group?.positions() ?? []);
    for (const record of records) this.state.apply(record);
    for (const member of this.group?.members.values() ?? []) {
      assert(this.lives.has(member.memberId), `${member.memberId} is a member that nobody is`);
      this.checkEpoch(before.get(member.memberId), member);
    }
    this.checkOwners();
    this.checkPositions(positions);
    for (const member of members) this.checkBelief(member);
  }

  /** A commit was accepted and its record is about to be applied. */
  checkCommit({ memberId, memberEpoch, positions }: CommitRequest): void {
    const member = this.group?.members.get(memberId);
    assert(member !== undefined, `a commit of ${memberId}, which is no member, was accepted`);
    assert(
      compareEpochs(member.epoch, memberEpoch) === 0,
      `a commit of ${memberId} in a stale epoch was accepted`,
    );
    for (const { topic, partition } of positions) {
      const isOwned = this.namesOwned(member).has(`${topic}/${partition}`);
      assert(isOwned, `a commit of ${memberId} in ${topic}/${partition} of others was accepted`);
    }
    this.commits += 1;
  }

  /** A member that is one by the records reads nothing but what the records give it. */
  checkBelief({ memberId, epoch, reading, condition }: SimMember): void {
    const member = this.group?.members.get(memberId);
    if (member === undefined || member.away || condition === 'dead') return;
    // By a late repetition of its own join after its session; it will be told that its epoch is of a former life.
    if (epoch !== undefined && compareEpochs(epoch, member.joined) < 0) return;
    const owned = this.namesOwned(member);
    for (const partition of reading) {
      assert(owned.has(partition), `${memberId} reads ${partition}, which the log gives it not`);
    }
  }

  private checkEpoch(before: Member | undefined, after: Member): void {
    if (before === undefined) return;
    const order = compareEpochs(after.epoch, before.epoch);
    assert(order >= 0, `the epoch of ${after.memberId} fell`);
    const isSame = isSameSet(before.assigned, after.assigned);
    assert(order > 0 || isSame, `${after.memberId} has two assignments in one epoch`);
    if (order > 0) this.grants += 1;
  }

  private checkOwners(): void {
    const owners = new Map<PartitionKey, string>();
    for (const { memberId, assigned, revoking } of this.group?.members.values() ?? []) {
      for (const partition of [...assigned, ...revoking]) {
        const other = owners.get(partition);
        assert(other === undefined, `${partition} is ${memberId}'s and ${other}'s at once`);
        owners.set(partition, memberId);
      }
    }
    for (const [partition, owner] of owners) {
      const last = this.lastOwner.get(partition);
      if (last !== undefined && last !== owner) this.moves += 1;
      this.lastOwner.set(partition, owner);
    }
  }

  private checkPositions(before: ReadonlyMap<PartitionKey, Position>): void {
    for (const [partition, { offset }] of before) {
      const after = this.group?.position(partition);
      assert(
        after === undefined || after.offset >= offset,
        `the position in ${partition} went back from ${offset} to ${after?.offset}`,
      );
    }
  }

  private namesOwned(member: Member): ReadonlySet<string> {
    const names = new Set<string>();
    for (const key of [...member.assigned, ...member.revoking]) {
      if (!owns(member, key)) continue;
      const { topicId, partition } = parsePartitionKey(key);
      names.add(`${this.group?.head?.topics.get(topicId)?.topic}/${partition}`);
    }
    return names;
  }
}
