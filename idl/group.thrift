/** Consumer groups: served by every broker for the groups whose partition of the internal topic `__groups` it leads. */
namespace js zhumq
namespace py zhumq.group
namespace go zhumq.group
namespace java org.zhumq.group

include "common.thrift"

/** A partition that a group reads. */
struct GroupPartition {
  /** The topic's name. */
  1: string topic
  /** The partition's number. */
  2: i32 partition
}

/** A member's epoch: grows with each change of its assignment, over all coordinators. */
struct MemberEpoch {
  /** Term of the coordinator that granted it. */
  1: i64 term
  /** Counts within the term. */
  2: i64 counter
}

/** Joins a group, tells that the member is alive, and leaves. */
struct GroupHeartbeat {
  /** The group's name. */
  1: string group
  /** The member. It makes its id itself, a new one each time that it joins: 22 to 64 letters, digits, - and _ that nobody can guess (a random UUID will do). */
  2: string memberId
  /** Its epoch as last told; not set to join. A join without an answer is repeated with the same id: it makes one member. */
  3: optional MemberEpoch memberEpoch
  /** A name that the member keeps over restarts: it then takes its former place; empty: none. */
  4: string instanceId
  /** For people: which program this is. */
  5: string clientId
  /** Names of the topics that it reads. */
  6: list<string> topics
  /** Without a heartbeat for so long the member is taken for gone, in milliseconds. */
  7: i32 sessionTimeoutMs
  /** The partitions that it reads at present; one that is missing here is released. */
  8: list<GroupPartition> owned
  /** The member goes: what it owned is free at once. With an instanceId it keeps its place for the session timeout. */
  9: bool leaving
}

/** What a member may do now. */
struct GroupHeartbeatReply {
  /** The member, as in the request. */
  1: string memberId
  /** Its epoch; commits must name it. */
  2: MemberEpoch memberEpoch
  /** When to send the next heartbeat, in milliseconds. */
  3: i32 heartbeatIntervalMs
  /** The partitions that it may read. One that it owned and that is missing is to be given up: finish, commit, and say so in `owned`. */
  4: list<GroupPartition> assigned
}

/** How far a group has come in one partition. */
struct GroupPosition {
  /** The topic's name. */
  1: string topic
  /** The partition's number. */
  2: i32 partition
  /** Offset of the next record to handle; -1: the group has no position there. */
  3: i64 offset
  /** Epoch of the record before it, so that lost data is noticed; -1 when unknown. */
  4: i64 lastEpoch = -1
  /** Text of the program's own. */
  5: string metadata
  /** When it was committed, in milliseconds since 1970; not read in a commit. */
  6: i64 committedAt
}

/** What became of the commit of one position. */
struct GroupPositionResult {
  /** The topic's name. */
  1: string topic
  /** The partition's number. */
  2: i32 partition
  /** Set when it was not committed. */
  3: optional common.Failure failure
}

/** Commits positions. */
struct GroupCommit {
  /** The group's name. */
  1: string group
  /** The member that commits. */
  2: string memberId
  /** Its present epoch: another one is refused with FENCED_MEMBER. */
  3: MemberEpoch memberEpoch
  /** What to commit. */
  4: list<GroupPosition> positions
}

/** Asks how far a group has come. */
struct GroupPositionsRequest {
  /** The group's name. */
  1: string group
  /** The partitions. */
  2: list<GroupPartition> partitions
  /** A member that asks where to begin; empty: somebody who only wants to know. */
  3: string memberId
  /** The member's present epoch; another one is refused with FENCED_MEMBER, a partition that it does not own with NOT_OWNED. Not set without memberId. */
  4: optional MemberEpoch memberEpoch
}

/** What a reset did, or would do, to the position in one partition. */
struct GroupPositionReset {
  /** The topic's name. */
  1: string topic
  /** The partition's number. */
  2: i32 partition
  /** Offset of the position before; -1: there was none. */
  3: i64 fromOffset
  /** Offset of the position after; -1: there is none. Not so when there is a failure. */
  4: i64 toOffset
  /** Set when this position stays as it was. */
  5: optional common.Failure failure
}

/** A member, for people. */
struct GroupMember {
  /** The member. */
  1: string memberId
  /** Its name over restarts; empty: none. */
  2: string instanceId
  /** Which program it is. */
  3: string clientId
  /** Address that it connects from. */
  4: string host
  /** Its epoch. */
  5: MemberEpoch memberEpoch
  /** Names of the topics that it reads. */
  6: list<string> topics
  /** The partitions that it owns. */
  7: list<GroupPartition> owned
  /** The partitions that it is to own. */
  8: list<GroupPartition> target
}

/** A group, for people. */
struct GroupDescription {
  /** The group's name. */
  1: string group
  /** empty, stable, or assigning (partitions are changing hands). */
  2: string state
  /** Broker that coordinates it. */
  3: i32 coordinator
  /** Its members. */
  4: list<GroupMember> members
  /** Its positions. */
  5: list<GroupPosition> positions
}

/** A group in a list. */
struct GroupSummary {
  /** The group's name. */
  1: string group
  /** empty, stable, or assigning. */
  2: string state
  /** Number of members. */
  3: i32 members
  /** Names of the topics that its members read or that it has positions in. */
  4: list<string> topics
}

/** The groups that a broker coordinates. */
struct GroupList {
  /** The groups. */
  1: list<GroupSummary> groups
  /** Partitions of `__groups` whose groups are all in the list. Groups of other partitions are elsewhere, or not known yet. */
  2: list<i32> partitions
}

/** Served by every broker. Calls about a group at the wrong broker are answered NOT_COORDINATOR, with the right one's address in the context. */
service GroupService {
  /** The broker that coordinates a group. */
  common.Endpoint findCoordinator(1: string group) throws (1: common.RequestFailed failed)
  /** Joins, goes on, or leaves; answered when what it says is durable. */
  GroupHeartbeatReply heartbeat(1: GroupHeartbeat request) throws (1: common.RequestFailed failed)
  /** Commits positions (at most 20,000) of partitions that the member owns; answered when they are durable, in the request's order. */
  list<GroupPositionResult> commitPositions(1: GroupCommit request) throws (1: common.RequestFailed failed)
  /** The positions of a group in these partitions, in the request's order. */
  list<GroupPosition> positions(1: GroupPositionsRequest request) throws (1: common.RequestFailed failed)
  /** The groups that this broker coordinates. */
  GroupList listGroups() throws (1: common.RequestFailed failed)
  /** A group with its members and positions. */
  GroupDescription describeGroup(1: string group) throws (1: common.RequestFailed failed)
  /** Deletes a group that has no members; a dry run only checks whether that can be done. */
  void deleteGroup(1: string group, 2: bool dryRun) throws (1: common.RequestFailed failed)
  /**
   * Sets positions (at most 20,000) in topics that no member of the group reads, all in one step; an offset of -1 takes one away. A dry run
   * only says what would be done. Answered in the request's order.
   */
  list<GroupPositionReset> resetPositions(1: string group, 2: list<GroupPosition> positions, 3: bool dryRun) throws (1: common.RequestFailed failed)
}
