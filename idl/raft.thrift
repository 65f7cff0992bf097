/** What brokers say to each other for partitions in mode RAFT. */
namespace js zhumq
namespace py zhumq.raft
namespace go zhumq.raft
namespace java org.zhumq.raft

include "common.thrift"

/** The kinds of message of one Raft group. */
enum RaftMessageType {
  /** Asks whether a vote would be granted; changes nothing at the receiver. */
  PRE_VOTE = 1
  /** Answers PRE_VOTE. */
  PRE_VOTE_REPLY = 2
  /** Asks for a vote. */
  VOTE = 3
  /** Answers VOTE. */
  VOTE_REPLY = 4
  /** Carries batches, or none (a probe). */
  APPEND = 5
  /** Answers APPEND. */
  APPEND_REPLY = 6
  /** Keeps leadership, carries the commit offset and a read context. */
  HEARTBEAT = 7
  /** Answers HEARTBEAT. */
  HEARTBEAT_REPLY = 8
  /** Tells a follower to campaign at once (leadership transfer). */
  TIMEOUT_NOW = 9
  /** Tells a follower that is behind the log start to copy segments. */
  SNAPSHOT = 10
  /** Answers SNAPSHOT: installed, or failed. */
  SNAPSHOT_REPLY = 11
}

/** One message of one group. Fields that a type does not use are not set. */
struct RaftMessage {
  /** Identity of the topic. */
  1: string topicId
  /** The partition's number. */
  2: i32 partition
  /** Generation of the partition; a message of another generation is dropped. */
  3: i64 generation
  /** Replica that sends. */
  4: string fromReplica
  /** Replica that is meant. */
  5: string toReplica
  /** What kind of message. */
  6: RaftMessageType type
  /** The sender's term (for PRE_VOTE the term it would campaign in). */
  7: i64 term
  /** VOTE, PRE_VOTE: last offset of the candidate's log. APPEND: offset just before the batches. SNAPSHOT: offset just before the log start. */
  8: optional i64 offset
  /** Epoch of the record at `offset`. */
  9: optional i64 epoch
  /** APPEND, HEARTBEAT: last committed offset, inclusive. */
  10: optional i64 commit
  /** APPEND: whole record batches, one after the other. */
  11: optional binary batches
  /** Replies: refused. */
  12: optional bool rejected
  /** APPEND_REPLY: last offset on disk that matches the leader's log; when refused, the last offset at which it may match. HEARTBEAT_REPLY: last offset on disk. */
  13: optional i64 matched
  /** APPEND_REPLY, refused: epoch of the follower's record at `matched`. */
  14: optional i64 matchedEpoch
  /** HEARTBEAT, APPEND: id of the leader's newest read round; the reply returns it. */
  15: optional i64 readContext
  /** VOTE, PRE_VOTE: sent by order of the leader, so leader stickiness does not apply. */
  16: optional bool transfer
  /** Replies: the sender's log is not to be trusted yet; its matches count in no quorum. */
  17: optional bool tainted
  /** APPEND, HEARTBEAT: the leader has seen the replica of this incarnation caught up, its taint is lifted. */
  18: optional i64 untaint
  /** APPEND_REPLY: `offset` of the request that is answered, so that the leader can tell an old refusal. */
  19: optional i64 probe
  /** Replies: incarnation of the sender's broker; what an older one matched is forgotten. */
  20: optional i64 incarnation
  /** HEARTBEAT: asks the receiver to sleep, which then waits for no more heartbeats. HEARTBEAT_REPLY: the sender sleeps. */
  21: optional bool asleep
}

/**
 * Takes the place of the heartbeats of all groups that sleep between two brokers. A broker that does not know it neither
 * sends it nor sleeps. Its numbers are none of the envelope's, so that neither can be taken for the other.
 */
struct SleepBeat {
  /** How many groups the sender leads whose replica at the receiver it has asked to sleep, and told nothing since. */
  11: i32 groups
  /** Exclusive or of the first four bytes (big-endian) of SHA-256 over "topicId,partition,generation,term" of each of these groups. */
  12: i32 high
  /** The same of the next four bytes. */
  13: i32 low
  /** What the sender has asleep has differed from what the receiver said for long: all groups that sleep between them are to wake. */
  14: bool wake
}

/** Messages of many groups from one broker to another, gathered during one tick. */
struct RaftEnvelope {
  /** Identity of the cluster; an envelope of another one is refused. */
  1: string clusterId
  /** Broker that sends. */
  2: i32 fromBroker
  /** Its incarnation; of an older one than seen before, the envelope is dropped. */
  3: i64 incarnation
  /** Broker that is meant. */
  4: i32 toBroker
  /** The messages, in order. */
  5: list<RaftMessage> messages
  /** Speaks of the time after these messages. */
  6: optional SleepBeat beat
}

/** Names a file of a sealed or active segment. */
struct SegmentInfo {
  /** Offset that names the segment. */
  1: i64 baseOffset
  /** Bytes of whole committed batches that may be copied. */
  2: i64 bytes
  /** Offset after the last of these batches. */
  3: i64 endOffset
}

/** What a replica that is behind the log start copies. */
struct SnapshotManifest {
  /** First offset of the leader's log. */
  1: i64 logStart
  /** Epoch of the record before logStart; 0 when there was none. */
  2: i64 epochBeforeStart
  /** Offset after the last record of the snapshot; at most the commit offset + 1. */
  3: i64 endOffset
  /** Segments in order. */
  4: list<SegmentInfo> segments
  /** The epoch list up to endOffset (protobuf EpochList of state.proto). */
  5: binary epochs
  /** The producer state at endOffset (protobuf ProducerSnapshot of state.proto). */
  6: binary producers
  /** The leader's term when it answered. */
  7: i64 term
}

/** A piece of a segment. */
struct SegmentChunk {
  /** The bytes; empty at the end. */
  1: binary data
  /** CRC-32C of the bytes. */
  2: i64 crc
}

/** Asks the leader of a group for a snapshot. */
struct SnapshotRequest {
  /** Identity of the topic. */
  1: string topicId
  /** The partition's number. */
  2: i32 partition
  /** Generation of the partition. */
  3: i64 generation
  /** Replica that asks. */
  4: string fromReplica
}

/** Served by every broker to the others. */
service RaftService {
  /** Delivers messages; answers travel as messages of their own. */
  oneway void deliver(1: RaftEnvelope envelope)
  /**
   * Does nothing. Since nothing is ever answered to `deliver`, a sender asks this from time to time on the same
   * connection: one over which no answer comes is dead, and is made anew. A broker without this method refuses it, which is
   * an answer as well.
   */
  void ping() throws (1: common.RequestFailed failed)
  /** Lists what a replica behind the log start has to copy. */
  SnapshotManifest describeSnapshot(1: SnapshotRequest request) throws (1: common.RequestFailed failed)
  /** Reads a piece of a segment, so that a copy can be resumed anywhere. */
  SegmentChunk readSegment(1: SnapshotRequest request, 2: i64 baseOffset, 3: i64 position, 4: i32 maxBytes)
    throws (1: common.RequestFailed failed)
}
