/**
 * Push delivery, the broker's side. A consumer opens a connection and attaches to partitions that the broker leads; from
 * then on the broker calls the ConsumerService of consumer.thrift over that same connection, as soon as records are
 * committed and as far as the consumer's credit goes.
 */
namespace js zhumq
namespace py zhumq.delivery
namespace go zhumq.delivery
namespace java org.zhumq.delivery

include "common.thrift"

/**
 * Credit for one partition. All numbers are totals or the present state, never differences: a grant that is lost or
 * repeated does no harm.
 */
struct PartitionCredit {
  /** The topic's name. */
  1: string topic
  /** The partition's number. */
  2: i32 partition
  /** The stretch that the credit is for; credit for another one than the present is ignored. */
  3: i64 stretch
  /** Bytes of batches that the consumer received in this stretch and holds no more; only grows. */
  4: i64 takenBytes
  /** Bytes that may be sent and not taken; one batch is sent even if it alone is larger, when all before it is taken. */
  5: i64 windowBytes
  /** Records that the consumer received in this stretch and holds no more; only grows. */
  6: i64 takenMessages = 0
  /** Records that may be sent and not taken, by the same rule; not set: bytes alone decide. */
  7: optional i64 windowMessages
}

/** Where the delivery of one partition begins. */
struct PartitionAttach {
  /** The topic's name. */
  1: string topic
  /** The partition's number. */
  2: i32 partition
  /** A number that the consumer chooses, another one each time that it attaches the partition; deliveries name it. */
  3: i64 stretch
  /** First offset wanted. */
  4: i64 offset
  /** Epoch of the last record that the consumer read before `offset`; -1 when it read none. A mismatch is TRUNCATED. */
  5: i64 lastEpoch = -1
  /** Bytes that may be sent before any are taken; see PartitionCredit. */
  6: i64 windowBytes
  /** Records that may be sent before any are taken; not set: bytes alone decide. */
  7: optional i64 windowMessages
  /**
   * Id of the topic that the offset belongs to. UNKNOWN_PARTITION is answered where the name means another topic now
   * (deleted and created again); not set: whatever the name means is delivered.
   */
  8: optional string topicId
}

/** A partition of an attachment. */
struct AttachedPartition {
  /** The topic's name. */
  1: string topic
  /** The partition's number. */
  2: i32 partition
}

/** Begins push delivery on this connection. */
struct AttachRequest {
  /** A number that the consumer chooses, unique on its connection; all calls in both directions name it. */
  1: i64 attachment
  /** What to deliver, each partition once, at most 500; the rest by changeAttachment. */
  2: list<PartitionAttach> partitions
}

/** What became of one partition. */
struct PartitionAttachResult {
  /** The topic's name. */
  1: string topic
  /** The partition's number. */
  2: i32 partition
  /** Set when the partition was not attached. */
  3: optional common.Failure failure
  /** First offset that is not committed yet; -1 when the partition is not here. */
  4: i64 highWatermark
  /** First offset that the partition still holds; -1 when the partition is not here. */
  5: i64 logStart
}

/** An attachment that was made. */
struct AttachReply {
  /** Each side sends something at least so often, in milliseconds; one that hears nothing three times as long gives up. */
  1: i32 heartbeatMs
  /** One result for each partition, in the request's order. */
  2: list<PartitionAttachResult> partitions
}

/** Changes what an attachment delivers; what is removed is removed first. */
struct AttachmentChange {
  /** The attachment. */
  1: i64 attachment
  /** Partitions to deliver from now on; one that is attached already begins a new stretch. At most 500. */
  2: list<PartitionAttach> add
  /** Partitions to deliver no more; those that are not attached are passed over. */
  3: list<AttachedPartition> remove
}

/** Served by every broker, for consumers that want records pushed. */
service DeliveryService {
  /** Begins delivery; refused with OVERLOADED when there are too many attachments. It ends with the connection. */
  AttachReply attach(1: AttachRequest request) throws (1: common.RequestFailed failed)
  /** Adds and removes partitions; answers for those added. An attachment that is not known is SESSION_UNKNOWN. */
  list<PartitionAttachResult> changeAttachment(1: AttachmentChange change) throws (1: common.RequestFailed failed)
  /** Says how far the consumer has come, and that it is alive: sent at least every heartbeatMs, if need be with nothing in it. */
  oneway void grantCredit(1: i64 attachment, 2: list<PartitionCredit> credits)
  /** Ends the attachment; nothing is delivered to it after the answer. Idempotent. */
  void closeAttachment(1: i64 attachment) throws (1: common.RequestFailed failed)
}
