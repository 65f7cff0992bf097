/** What brokers say to each other for partitions in mode FETCH. Segments are copied with RaftService in both modes. */
namespace js zhumq
namespace py zhumq.fetch
namespace go zhumq.fetch
namespace java org.zhumq.fetch

include "common.thrift"

/** Where a follower's log ends, and how much of it is safe. */
struct FetchPosition {
  /** Identity of the topic. */
  1: string topicId
  /** The partition's number. */
  2: i32 partition
  /** Generation of the partition; a position of another generation means nothing. */
  3: i64 generation
  /** The follower. */
  4: string replicaId
  /** Epoch in which it follows. */
  5: i64 epoch
  /** Offset after its last record: where to go on. */
  6: i64 offset
  /** Epoch of the record before `offset`; 0 when there is none. */
  7: i64 lastEpoch
  /** Offset after the last record that is on its disk per the flush policy. */
  8: i64 durableEnd
  /** Offset after the last record that was synced, whatever the flush policy says. */
  9: i64 syncedEnd
  /** It may lack what it acknowledged; its ends do not count. */
  10: bool tainted
}

/** A long poll over all partitions that the sender follows at the receiver. */
struct FetchRequest {
  /** Identity of the cluster; a request of another one is refused. */
  1: string clusterId
  /** Broker that asks. */
  2: i32 fromBroker
  /** Its incarnation; a smaller one than seen before is refused. */
  3: i64 incarnation
  /** Broker that is meant. */
  4: i32 toBroker
  /** Session that the receiver gave; 0 begins one with all partitions in `positions`. */
  5: i64 sessionId
  /** Number of the request within the session, from 1. */
  6: i64 sequence
  /** Partitions that are new, or whose position has changed since the last request of the session. */
  7: list<FetchPosition> positions
  /** Partitions that are no longer followed here, as "topicId:partition". */
  8: list<string> forgotten
  /** How long to wait when there is nothing to tell, in milliseconds. */
  9: i32 maxWaitMs
  /** Most bytes of batches in the whole answer; one batch is returned even if it alone is larger. */
  10: i32 maxBytes
}

/** What the leader says to one position. */
enum FetchOutcome {
  /** Batches from the position on (or none), the high watermark, and the log start. */
  RECORDS = 1
  /** The logs differ before the position: `divergingEpoch` and `divergingEnd` say where they may agree. */
  DIVERGING = 2
  /** The position lies before the log start, or far behind: copy segments, then go on after them. */
  COPY_SEGMENTS = 3
  /** The follower's epoch is older than the leader's. */
  FENCED = 4
  /** The receiver does not lead in the follower's epoch (yet, or any more). */
  NOT_LEADER = 5
  /** The receiver has no such partition in that generation. */
  UNKNOWN = 6
}

/** What one partition gave. */
struct FetchedPartition {
  /** Identity of the topic. */
  1: string topicId
  /** The partition's number. */
  2: i32 partition
  /** Generation of the partition. */
  3: i64 generation
  /** What the other fields mean. */
  4: FetchOutcome outcome
  /** Epoch of the leader. */
  5: i64 epoch
  /** Offset of the position that is answered. */
  6: i64 offset
  /** Whole record batches, one after the other. */
  7: binary batches
  /** First offset of the leader that is not committed. */
  8: i64 highWatermark
  /** First offset that the leader holds. */
  9: i64 logStart
  /** DIVERGING: largest epoch of the leader that is at most the position's lastEpoch; 0 when there is none. */
  10: i64 divergingEpoch
  /** DIVERGING: offset after the leader's last record of that epoch. */
  11: i64 divergingEnd
  /** The follower has caught up: it may forget its taint. */
  12: bool untaint
  /** Sync the log through this offset at once and report it; 0: nothing is asked. */
  13: i64 syncThrough
}

/** The answer to a FetchRequest. */
struct FetchResponse {
  /** The session. */
  1: i64 sessionId
  /** Partitions that have something to tell; none when the wait was over. */
  2: list<FetchedPartition> partitions
}

/**
 * Ends that have moved since the last request, so that commits do not wait for the next one. Partitions that the session of
 * the sender does not have yet, or that go on elsewhere than it knows, are asked for by this, too.
 */
struct PositionReport {
  /** Identity of the cluster. */
  1: string clusterId
  /** Broker that reports. */
  2: i32 fromBroker
  /** Its incarnation. */
  3: i64 incarnation
  /** Broker that is meant. */
  4: i32 toBroker
  /** The positions; `offset` and `lastEpoch` are as in a request. */
  5: list<FetchPosition> positions
}

/** Served by every broker to the others. */
service FetchService {
  /** Reads what followers lack. Throws SESSION_UNKNOWN when the session or its sequence is not the expected one: begin another. */
  FetchResponse fetch(1: FetchRequest request) throws (1: common.RequestFailed failed)
  /** Tells what has become durable at a follower. */
  oneway void reportPositions(1: PositionReport report)
}
