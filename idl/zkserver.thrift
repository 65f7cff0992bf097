/** What a zkserver serves to clients and brokers. */
namespace js zhumq
namespace py zhumq.zkserver
namespace go zhumq.zkserver
namespace java org.zhumq.zkserver

include "common.thrift"
include "broker.thrift"

/** A topic to create. */
struct CreateTopicRequest {
  /** 1 to 249 characters of a-z, A-Z, 0-9, '.', '_' and '-'. */
  1: string name
  /** Number of partitions; 0: as many as the zkserver's option default.partitions says. */
  2: i32 partitions
  /** Copies of each partition, at most the number of live brokers; 0: as many as the zkserver's option default.replication.factor says, or live brokers if they are fewer. */
  3: i32 replicationFactor
  /** The replication mode to start in. */
  4: common.ReplicationMode mode
  /** Settings by option name (docs/configuration.md). */
  5: map<string, string> config
  /** Check everything and answer with the placement, but change nothing. */
  6: bool dryRun
}

/** What leads a partition now, said by the broker that leads. */
struct LeaderReport {
  /** Identity of the topic. */
  1: string topicId
  /** The partition's number. */
  2: i32 partition
  /** Generation in which it was elected. */
  3: i64 generation
  /** Its term. */
  4: i64 epoch
  /** Broker that leads. */
  5: i32 broker
  /** Incarnation of that broker. */
  6: i64 incarnation
}

/** Asks for everything that a broker must hold. */
struct DesiredStateRequest {
  /** Broker that asks. */
  1: i32 broker
  /** Its incarnation. */
  2: i64 incarnation
}

/** A range of producer ids for one broker to hand out. */
struct ProducerIdBlock {
  /** First id of the range. */
  1: i64 first
  /** Number of ids. */
  2: i64 count
}

/** One node of the metadata store, for people. */
struct StoreNode {
  /** Path below the chroot. */
  1: string path
  /** Number of changes of its data. */
  2: i32 version
  /** Whether it goes away with its owner's session. */
  3: bool ephemeral
  /** The payload decoded to JSON; a string with hexadecimal digits when it can not be decoded. */
  4: string json
}

/** Served by every zkserver; calls that change something are answered NOT_CONTROLLER, with the active one's address in the context, by the others. */
service ZkServerService {
  /** The cluster as this zkserver knows it. */
  common.ClusterMetadata metadata(1: common.MetadataRequest request) throws (1: common.RequestFailed failed)
  /** Creates a topic and places its partitions. */
  common.TopicInfo createTopic(1: CreateTopicRequest request) throws (1: common.RequestFailed failed)
  /** Deletes a topic; brokers delete its data by tombstone. */
  void deleteTopic(1: string name, 2: bool dryRun) throws (1: common.RequestFailed failed)
  /** Changes settings of a topic; a setting with an empty value goes back to its default. */
  common.TopicInfo alterTopic(1: string name, 2: map<string, string> config, 3: bool dryRun) throws (1: common.RequestFailed failed)
  /** Called by a broker after it started or reconnected. */
  broker.DesiredState desiredState(1: DesiredStateRequest request) throws (1: common.RequestFailed failed)
  /** Called by a broker whose replica became leader; answered with the recorded state of these partitions. */
  list<broker.PartitionAssignment> reportLeaders(1: list<LeaderReport> reports) throws (1: common.RequestFailed failed)
  /** Called by a broker that is out of producer ids. */
  ProducerIdBlock allocateProducerIds(1: i32 broker) throws (1: common.RequestFailed failed)
  /** The metadata store below a path, for people. */
  list<StoreNode> dumpStore(1: string path) throws (1: common.RequestFailed failed)
}
