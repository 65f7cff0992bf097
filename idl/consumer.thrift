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
  /** Whole record batches, one after the other. */
  3: binary batches
  /** First offset that is not committed yet. */
  4: i64 highWatermark
  /** Bytes of credit that the broker has left after this delivery. */
  5: i64 creditBytes
}

/** Served by a consumer on the connection that it opened. */
service ConsumerService {
  /** Hands over batches; never sent beyond the credit that the consumer granted. */
  oneway void deliver(1: Delivery delivery)
  /** Keeps an idle connection known to be alive. */
  oneway void ping(1: i64 timestamp)
  /** Ends the delivery of a partition that the consumer no longer owns or the broker no longer serves. */
  oneway void detach(1: string topic, 2: i32 partition, 3: common.Failure reason)
}
