/**
 * Records for programs in any language: what is generated from this file and common.thrift is all that a producer or a
 * consumer needs. Any broker takes any of these calls, whichever broker leads the partition.
 */
namespace js zhumq
namespace py zhumq.record
namespace go zhumq.record
namespace java org.zhumq.record

include "common.thrift"

/** A header of a record; a name may come several times. */
struct Header {
  /** The header's name. */
  1: string name
  /** Its value; not set: none, which is read as an empty value. */
  2: optional binary value
}

/** A record to be stored. */
struct OutgoingRecord {
  /** The topic's name. */
  1: string topic
  /** Records of one key go to one partition, the one that the other client libraries choose; not set: any partition. */
  2: optional binary key
  /** The content; not set: a tombstone. */
  3: optional binary value
  /** Headers, in order. */
  4: optional list<Header> headers
  /** Store it in this partition, whatever the key. */
  5: optional i32 partition
  /** Milliseconds since 1970, 0 to 2^52 - 1; not set: the moment at which the broker got it. */
  6: optional i64 timestamp
}

/** How to send. */
struct SendOptions {
  /** -1: answered when committed by the replicas; 1: when on the leader's disk; 0: when handed to the network, which proves nothing. */
  1: i16 acks = -1
  /** How long it may take, in milliseconds, retries by the broker included; 1 to 120,000. */
  2: i32 timeoutMs = 30000
}

/** Where a record was stored. */
struct Receipt {
  /** The topic's name. */
  1: string topic
  /** The partition's number. */
  2: i32 partition
  /** The record's offset; -1 with acks 0. */
  3: i64 offset
  /** The record's timestamp, in milliseconds since 1970. */
  4: i64 timestamp
  /** True when an earlier attempt of the broker had stored it already; it is there once. */
  5: bool duplicate
}

/** What became of one record of sendAll; one of the two is set. */
struct SendResult {
  /** Set when it was stored. */
  1: optional Receipt receipt
  /** Set when it was not acknowledged; `maybeDone` says whether it may be stored all the same. */
  2: optional common.Failure failure
}

/** A record as it is stored. */
struct ReceivedRecord {
  /** The topic's name. */
  1: string topic
  /** The partition's number. */
  2: i32 partition
  /** The record's offset. */
  3: i64 offset
  /** Milliseconds since 1970. */
  4: i64 timestamp
  /** The key; not set: it has none. */
  5: optional binary key
  /** The content; not set: a tombstone. */
  6: optional binary value
  /** Headers; those of one name in order. */
  7: list<Header> headers
}

/** Names a record. */
struct RecordId {
  /** The topic's name. */
  1: string topic
  /** The partition's number. */
  2: i32 partition
  /** The record's offset. */
  3: i64 offset
}

/** Asks for records. The first one of a group on a connection makes that connection a member of the group. */
struct ReceiveRequest {
  /** The group, whose members share the partitions; empty: no group, this connection gets every record and acknowledges none. */
  1: string group
  /** Names of the topics to read, always the same ones for a group on a connection; exactly one without a group. */
  2: list<string> topics
  /** Most records of the answer; 1 to 10,000. */
  3: i32 maxRecords = 500
  /** The answer ends with the record that reaches this many bytes of keys, values and headers; 1 to 16 MiB; more than half of the broker's option request.max.bytes counts as that half. */
  4: i32 maxBytes = 1048576
  /** How long to wait for the first record, in milliseconds; the answer is an empty list when none came. 0 to 60,000. */
  5: i32 waitMs = 1000
  /** Without any call on the connection for so long, in milliseconds, the group goes on without it; 1,000 to 3,600,000. Counts when it becomes a member. */
  6: i32 sessionTimeoutMs = 300000
  /** Where a group without a position begins, or a connection without a group: milliseconds since 1970; -1: what comes from now on; -2: the first record. Counts when it becomes a member. */
  7: i64 start = -2
  /** When records were deleted or lost before they were read: true: go on behind them; false: refuse with OFFSET_OUT_OF_RANGE or TRUNCATED. Counts when it becomes a member. */
  8: bool resumeAfterLoss = false
}

/** Asks for records to be pushed on this connection. */
struct SubscribeRequest {
  /** The group, whose members share the partitions; empty: no group, this connection gets every record, and acknowledges them for more. */
  1: string group
  /** Names of the topics to read; exactly one without a group. */
  2: list<string> topics
  /** Most records that are delivered and not acknowledged; 1 to 10,000, and not more than the broker's option record.unacked.max. */
  3: i32 maxRecords = 500
  /** Nothing more is delivered while records of so many bytes are not acknowledged; 1 to 16 MiB. */
  4: i32 maxBytes = 1048576
  /** As in ReceiveRequest; the answer to a ping, `acknowledge` with an empty list, is a call. */
  5: i32 sessionTimeoutMs = 300000
  /** As in ReceiveRequest. */
  6: i64 start = -2
  /** As in ReceiveRequest. */
  7: bool resumeAfterLoss = false
}

/** A subscription that was made. */
struct SubscribeReply {
  /** The broker sends something at least so often, in milliseconds. */
  1: i32 heartbeatMs
}

/** Served by every broker. */
service RecordService {
  /** Stores a record. */
  Receipt send(1: OutgoingRecord record, 2: SendOptions options) throws (1: common.RequestFailed failed)
  /** Stores records, of several topics if need be; answers in the order of the request, for each by itself. */
  list<SendResult> sendAll(1: list<OutgoingRecord> records, 2: SendOptions options) throws (1: common.RequestFailed failed)
  /** The next records. Nobody else in the group gets them, unless their partition moves before they are acknowledged. */
  list<ReceivedRecord> receive(1: ReceiveRequest request) throws (1: common.RequestFailed failed)
  /**
   * These records are handled, in any order: answered when the group's positions behind what is handled without a gap are
   * committed. Refused with FENCED_MEMBER when some are this connection's no more; all others are acknowledged then.
   */
  void ack(1: string group, 2: list<RecordId> records) throws (1: common.RequestFailed failed)
  /** Leaves the group (as the end of the connection does): what is not acknowledged goes to the other members. */
  void leave(1: string group) throws (1: common.RequestFailed failed)
  /**
   * From the answer on the broker calls the RecordListener over this connection, which has to be one without a group until
   * then; of this service it takes only `acknowledge` any more. Closing the connection ends the subscription.
   */
  SubscribeReply subscribe(1: SubscribeRequest request) throws (1: common.RequestFailed failed)
  /** On a connection with a subscription: these records are handled, and as many more may come. */
  oneway void acknowledge(1: list<RecordId> records)
}

/** Served by a program on the connection on which it subscribed. */
service RecordListener {
  /** Hands over records. */
  oneway void deliver(1: list<ReceivedRecord> records)
  /** The connection is alive; to be answered with `acknowledge`, if need be of no records. */
  oneway void ping(1: i64 timestamp)
  /** These records could not be acknowledged. FENCED_MEMBER: somebody else gets, or got, them; anything else: they may be acknowledged again. */
  oneway void refused(1: list<RecordId> records, 2: common.Failure reason)
  /** The subscription has ended; the program connects anew, to another broker if the reason is STOPPING. */
  oneway void closed(1: common.Failure reason)
}
