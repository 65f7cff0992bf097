/** What a broker serves to producers, consumers and the active zkserver. */
namespace js zhumq
namespace py zhumq.broker
namespace go zhumq.broker
namespace java org.zhumq.broker

include "common.thrift"

/** Batches for one partition. */
struct PartitionProduce {
  /** The topic's name. */
  1: string topic
  /** The partition's number. */
  2: i32 partition
  /** One record batch in message format v2 (docs/storage-format.md); base offset and leader epoch are stamped by the leader. */
  3: binary batch
}

/** Appends batches to partitions that this broker leads. */
struct ProduceRequest {
  /** -1: committed by the replicas; 1: on the leader's disk; 0: only with produceOneway. */
  1: i16 acks
  /** How long the broker may wait for the acknowledgement, in milliseconds. */
  2: i32 timeoutMs
  /** What to append, at most one batch a partition and 1,000 batches. */
  3: list<PartitionProduce> partitions
}

/** What became of one batch. */
struct PartitionProduceResult {
  /** The topic's name. */
  1: string topic
  /** The partition's number. */
  2: i32 partition
  /** Set when the batch was not acknowledged. */
  3: optional common.Failure failure
  /** Offset of the batch's first record. */
  4: i64 baseOffset
  /** True when the batch had been stored by an earlier attempt; baseOffset is then the one it got at that time. */
  5: bool duplicate
  /** First offset that the partition still holds. */
  6: i64 logStart
  /** The mode that served the request. */
  7: common.ReplicationMode mode
}

/** The results of a ProduceRequest. */
struct ProduceResponse {
  /** One result for each batch, in the request's order. */
  1: list<PartitionProduceResult> partitions
}

/** A position to read from. */
struct PartitionPull {
  /** The topic's name. */
  1: string topic
  /** The partition's number. */
  2: i32 partition
  /** First offset wanted. */
  3: i64 offset
  /** Most bytes for this partition; one batch is returned even if it alone is larger. */
  4: i32 maxBytes
  /** Epoch of the last record that the consumer read before `offset`; -1 when it read none. A mismatch is answered TRUNCATED. */
  5: i64 lastEpoch = -1
  /**
   * Id of the topic that the offset belongs to. UNKNOWN_PARTITION is answered where the name means another topic now
   * (deleted and created again); not set: whatever the name means is read.
   */
  6: optional string topicId
}

/** Reads committed batches; waits for data (long poll). */
struct PullRequest {
  /** Where to read, each partition once. */
  1: list<PartitionPull> partitions
  /** How long to wait when there are fewer than minBytes, in milliseconds. */
  2: i32 maxWaitMs
  /** Answer as soon as this many bytes are there. */
  3: i32 minBytes
  /** Most bytes in the whole answer; one batch is returned even if it alone is larger. */
  4: i32 maxBytes
}

/** What one partition gave. */
struct PartitionPullResult {
  /** The topic's name. */
  1: string topic
  /** The partition's number. */
  2: i32 partition
  /** Set when the partition could not be read. */
  3: optional common.Failure failure
  /** First offset that is not committed yet. */
  4: i64 highWatermark
  /** First offset that the partition still holds. */
  5: i64 logStart
  /** Whole record batches, one after the other; the first may begin before the offset asked for. */
  6: binary batches
}

/** The results of a PullRequest. */
struct PullResponse {
  /** One result for each partition that has something to tell; when none has by maxWaitMs, one empty result for each. */
  1: list<PartitionPullResult> partitions
}

/** A point in time in one partition. */
struct PartitionTimestamp {
  /** The topic's name. */
  1: string topic
  /** The partition's number. */
  2: i32 partition
  /** Milliseconds since 1970; -1: the high watermark; -2: the log start. */
  3: i64 timestamp
}

/** The offset that belongs to a point in time. */
struct PartitionOffset {
  /** The topic's name. */
  1: string topic
  /** The partition's number. */
  2: i32 partition
  /** Set when the partition could not answer. */
  3: optional common.Failure failure
  /** First offset whose record is not older than the timestamp; the high watermark when there is none. */
  4: i64 offset
  /** That record's timestamp; -1 when there is none. */
  5: i64 timestamp
  /** Epoch of that record; -1 when there is none. */
  6: i64 epoch
}

/** A producer's identity for idempotent sends. */
struct ProducerIdentity {
  /** Unique in the cluster. */
  1: i64 producerId
  /** Starts at 0. */
  2: i16 producerEpoch
}

/** One replica as its own broker sees it. */
struct ReplicaStatus {
  /** Broker id. */
  1: i32 broker
  /** The replica's identity. */
  2: string replicaId
  /** leader, follower, candidate, learner, damaged, failed, sealed, or offline. */
  3: string role
  /** Present Raft term or fetch epoch. */
  4: i64 epoch
  /** First offset held. */
  5: i64 logStart
  /** Offset after the last record appended. */
  6: i64 logEnd
  /** Offset after the last record known to be on disk. */
  7: i64 durableEnd
  /** First offset not known to be committed. */
  8: i64 highWatermark
  /** Broker id of the leader that this replica follows; -1 when none. */
  9: i32 leader
  /** Bytes on disk. */
  10: i64 bytes
  /** What is wrong with it, for a person; empty when nothing is. */
  11: string problem
  /** The topic's name. */
  12: string topic
  /** The partition's number. */
  13: i32 partition
  /** The mode that the replica is in. */
  14: optional common.ReplicationMode mode
  /** The generation that it is in. */
  15: optional i64 generation
  /** Identity of the intent that sealed it; not set when it is not sealed. */
  16: optional string sealedBy
}

/** What a broker must hold, as far as one partition goes. */
struct PartitionAssignment {
  /** The topic's name. */
  1: string topic
  /** The topic's identity. */
  2: string topicId
  /** The partition with its replicas, mode and generation. */
  3: common.PartitionInfo info
  /** The topic's settings. */
  4: map<string, string> config
  /** Number of partitions of the topic: a broker that holds some of them tells clients of the others no more than that they are. */
  5: optional i32 partitionCount
}

/** A topic that was deleted; its data may go, because this says so. */
struct TopicTombstone {
  /** The topic's identity. */
  1: string topicId
  /** Epoch of the zkserver that recorded the deletion. */
  2: i64 controllerEpoch
  /** The name that it had. */
  3: string topic
}

/** Everything that a broker must hold. Absence is never a reason to delete data: only a tombstone is. */
struct DesiredState {
  /** Epoch of the zkserver that says so; a broker refuses a smaller one than it has seen. */
  1: i64 controllerEpoch
  /** Grows with each change under one controller epoch. */
  2: i64 version
  /** Identity of the cluster. */
  3: string clusterId
  /** The partitions that have a replica on this broker. */
  4: list<PartitionAssignment> partitions
  /** Topics whose replicas on this broker are to be deleted. */
  5: list<TopicTombstone> tombstones
  /** All brokers, for connections between them. */
  6: list<common.BrokerInfo> brokers
}

/** A broker's answer to desired state. */
struct DesiredStateReply {
  /** Identities of topics of which this broker holds nothing any more. */
  1: list<string> deletedTopicIds
}

/** A partition in one generation, as the active zkserver names it. */
struct PartitionRef {
  /** Identity of the topic. */
  1: string topicId
  /** The partition's number. */
  2: i32 partition
  /** Its generation; a broker that is in another one refuses. */
  3: i64 generation
  /** Epoch of the zkserver that asks; a broker refuses a smaller one than it has seen. */
  4: i64 controllerEpoch
  /** Version of the partition's record on which the call is based; a broker that knows a newer one refuses. */
  5: i64 version
}

/** How far a replica's log goes. */
struct ReplicaEnd {
  /** Identity of the topic. */
  1: string topicId
  /** The partition's number. */
  2: i32 partition
  /** Set when this broker can not answer for the partition; the other fields mean nothing then. */
  3: optional common.Failure failure
  /** The replica. */
  4: string replicaId
  /** Its broker. */
  5: i32 broker
  /** Incarnation of its broker. */
  6: i64 incarnation
  /** Largest Raft term or fetch epoch that it has seen. */
  7: i64 epoch
  /** Epoch of its last record and the offset after it, all of it on disk. */
  8: common.EpochOffset logEnd
  /** It may lack what it acknowledged, so its word does not count. */
  9: bool tainted
}

/** Where a partition was sealed. */
struct SealResult {
  /** Epoch of the seal's batch and the offset after it. */
  1: common.EpochOffset seal
  /** Replicas that have the log on disk through the seal. */
  2: list<string> replicas
}

/** A place in one partition. */
struct PartitionPosition {
  /** The topic's name. */
  1: string topic
  /** The partition's number. */
  2: i32 partition
  /** Offset of the next record to read; what is below the log start counts as the log start. */
  3: i64 offset
}

/** What lies between a position and the high watermark. */
struct PartitionBacklog {
  /** The topic's name. */
  1: string topic
  /** The partition's number. */
  2: i32 partition
  /** Set when the partition could not answer. */
  3: optional common.Failure failure
  /** The log start. */
  4: i64 logStart
  /** The high watermark. */
  5: i64 highWatermark
  /** Where the unread records begin: the position, but never within the control batches that follow it; the high watermark when nothing is unread. */
  6: i64 unreadFrom
  /** First timestamp of the batch that holds the first unread record, in milliseconds since 1970; -1 when nothing is unread. */
  7: i64 timestamp
}

/** Served by every broker. */
service BrokerService {
  /** Appends batches and answers when the ack level is reached. */
  ProduceResponse produce(1: ProduceRequest request) throws (1: common.RequestFailed failed)
  /** Appends batches without any answer (acks 0). */
  oneway void produceOneway(1: ProduceRequest request)
  /** Reads committed batches. */
  PullResponse pull(1: PullRequest request) throws (1: common.RequestFailed failed)
  /** Looks up offsets by time, of at most 10,000 partitions. */
  list<PartitionOffset> listOffsets(1: list<PartitionTimestamp> partitions) throws (1: common.RequestFailed failed)
  /** How much is unread from these positions on, and since when. Only leaders answer, and only of what is committed. */
  list<PartitionBacklog> backlogs(1: list<PartitionPosition> positions) throws (1: common.RequestFailed failed)
  /** The cluster as this broker's zkserver knows it, so that clients can start from any server. */
  common.ClusterMetadata metadata(1: common.MetadataRequest request) throws (1: common.RequestFailed failed)
  /** A fresh producer identity. */
  ProducerIdentity initProducer() throws (1: common.RequestFailed failed)
  /** The replicas of a topic on this broker; all replicas when the topic is empty. */
  list<ReplicaStatus> describeReplicas(1: string topic, 2: i32 partition) throws (1: common.RequestFailed failed)
  /** Asks the replica that leads to hand leadership to the replica on the broker given. */
  void transferLeadership(1: string topic, 2: i32 partition, 3: i32 toBroker) throws (1: common.RequestFailed failed)
  /** Called by the active zkserver: what this broker must hold. Idempotent. */
  DesiredStateReply reconcile(1: DesiredState state) throws (1: common.RequestFailed failed)
  /** Called by the active zkserver: how far these replicas' logs go, after a sync of each. For elections in mode FETCH. */
  list<ReplicaEnd> replicaEnds(1: list<PartitionRef> partitions) throws (1: common.RequestFailed failed)
  /**
   * Called by the active zkserver: the leader takes no more records, and answers when its seal is committed (mode RAFT),
   * or on disk on all of the ISR and a majority of the replicas (mode FETCH). Idempotent.
   */
  SealResult sealPartition(1: PartitionRef partition, 2: string transitionId, 3: i32 timeoutMs) throws (1: common.RequestFailed failed)
  /** Called by the active zkserver, mode RAFT: the replica takes no part in this generation any more, for good. Idempotent. */
  ReplicaEnd closePartition(1: PartitionRef partition) throws (1: common.RequestFailed failed)
}
