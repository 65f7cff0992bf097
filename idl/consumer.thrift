/**
 * The consumer's side of push delivery. The consumer opens the connection and attaches; from then on the broker calls
 * this service over that same connection.
 */
namespace js zhumq
namespace py zhumq.consumer
namespace go zhumq.consumer
namespace java org.zhumq.consumer

include "common.thrift"

/** Committed batches of one partition. */
struct Delivery {
  /** The topic's name. */
  1: string topic
  /** The partition's number. */
  2: i32 partition
  /** Whole record batches, one after the other; the first of a stretch may begin before the offset asked for. */
  3: binary batches
  /** First offset that is not committed yet. */
  4: i64 highWatermark
  /** Bytes of credit that the broker has left for the partition after this delivery; negative after a batch larger than the window. */
  5: i64 creditBytes
  /** The attachment that it is for. */
  6: i64 attachment
  /** The stretch that it belongs to, as the consumer numbered it; one of another stretch is to be thrown away. */
  7: i64 stretch
  /** The offset at which this delivery goes on: the one asked for, then always the end of the delivery before. */
  8: i64 offset
  /** First offset that the partition still holds. */
  9: i64 logStart
}

/** Served by a consumer on the connection that it opened; the calls of delivery.thrift are the other direction. */
service ConsumerService {
  /** Hands over batches; never sent beyond the credit that the consumer granted. */
  oneway void deliver(1: Delivery delivery)
  /** Keeps an idle connection known to be alive. */
  oneway void ping(1: i64 timestamp)
  /** Ends a stretch: the broker can not deliver the partition any more, and the reason says what to do. */
  oneway void detach(1: string topic, 2: i32 partition, 3: common.Failure reason, 4: i64 attachment, 5: i64 stretch)
  /** Ends the whole attachment, or says that it is not known: the consumer attaches anew. */
  oneway void attachmentClosed(1: i64 attachment, 2: common.Failure reason)
}
