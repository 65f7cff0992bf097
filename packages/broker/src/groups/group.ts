// A group as its log says: members, who owns what, positions. Heartbeat times are not here (sessions.ts): only what is
// committed survives a coordinator (rule 20). Changed by committed records only.
import { assertNever } from '@zhumq/base';
import type { GroupEpoch, GroupPositionRecord, GroupTopic } from '@zhumq/model';
import type { PartitionKey, PartitionSet } from './partition-set.js';

export interface Member {
  readonly memberId: string;
  /** Empty: none. */
  readonly instanceId: string;
  readonly clientId: string;
  readonly host: string;
  /** Names, in order, each once. */
  readonly topics: readonly string[];
  readonly sessionTimeoutMs: number;
  /** Has an instance id and has left: owns nothing, and keeps its target until its session times out. */
  readonly away: boolean;
  /** Its first epoch. Smaller ones are of a former life under the same id. */
  readonly joined: GroupEpoch;
  /** Grows with each change of `assigned`; what the member names when it commits. */
  readonly epoch: GroupEpoch;
  /** Invariant: `assigned` and `revoking` have nothing in common, and nothing with those of any other member. */
  readonly assigned: PartitionSet;
  /** What the member was told to give up and has not given up yet: still its own, nobody else's. */
  readonly revoking: PartitionSet;
  readonly target: PartitionSet;
}

export interface GroupHead {
  readonly epoch: GroupEpoch;
  /** By topic id: as last seen, and those that were deleted while somebody owned partitions of them. */
  readonly topics: ReadonlyMap<string, GroupTopic>;
  /** When the last member went; 0 while there are members. */
  readonly emptySince: number;
}

export type Position = GroupPositionRecord;

/** One record of the log: undefined takes away. */
export type GroupChange =
  | { readonly kind: 'group'; readonly value: GroupHead | undefined }
  | { readonly kind: 'member'; readonly memberId: string; readonly value: Member | undefined }
  | {
      readonly kind: 'position';
      readonly partition: PartitionKey;
      readonly value: Position | undefined;
    };

/** What decisions read: a group, or a group with what was decided and is not committed yet. */
export interface GroupView {
  readonly name: string;
  /** Undefined: there is no such group. */
  readonly head: GroupHead | undefined;
  readonly members: ReadonlyMap<string, Member>;
  position(partition: PartitionKey): Position | undefined;
  positions(): Iterable<readonly [PartitionKey, Position]>;
}

export class Group implements GroupView {
  head: GroupHead | undefined;
  readonly members = new Map<string, Member>();
  private readonly positionMap = new Map<PartitionKey, Position>();

  constructor(readonly name: string) {}

  /** Nothing is left of it. */
  get isGone(): boolean {
    return this.head === undefined && this.members.size === 0 && this.positionMap.size === 0;
  }

  apply(change: GroupChange): void {
    switch (change.kind) {
      case 'group':
        this.head = change.value;
        break;
      case 'member':
        put(this.members, change.memberId, change.value);
        break;
      case 'position':
        put(this.positionMap, change.partition, change.value);
        break;
      default:
        assertNever(change, 'change of a group');
    }
  }

  position(partition: PartitionKey): Position | undefined {
    return this.positionMap.get(partition);
  }

  positions(): Iterable<readonly [PartitionKey, Position]> {
    return this.positionMap;
  }
}

/** Who owns each partition that somebody owns. */
export function ownersOf(members: ReadonlyMap<string, Member>): Map<PartitionKey, string> {
  const owners = new Map<PartitionKey, string>();
  for (const { memberId, assigned, revoking } of members.values()) {
    for (const partition of assigned) owners.set(partition, memberId);
    for (const partition of revoking) owners.set(partition, memberId);
  }
  return owners;
}

export function owns(member: Member, partition: PartitionKey): boolean {
  return member.assigned.has(partition) || member.revoking.has(partition);
}

function put<K, V>(map: Map<K, V>, key: K, value: V | undefined): void {
  if (value === undefined) map.delete(key);
  else map.set(key, value);
}
