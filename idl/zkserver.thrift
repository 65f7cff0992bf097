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
  /** Identity of the intent that sealed the partition in this generation; not set when it is not sealed. */
  7: optional string sealedBy
}

/** A replica in one life of its broker. */
struct IsrMember {
  /** The replica. */
  1: string replicaId
  /** Incarnation of its broker in which it caught up. */
  2: i64 incarnation
}

/** The leader of a partition in mode FETCH wants another ISR. */
struct IsrChange {
  /** Identity of the topic. */
  1: string topicId
  /** The partition's number. */
  2: i32 partition
  /** Generation of the partition. */
  3: i64 generation
  /** Epoch in which it leads. */
  4: i64 epoch
  /** Broker that leads. */
  5: i32 broker
  /** Incarnation of that broker. */
  6: i64 incarnation
  /** Version of the record that the change is based on; refused when the record has another one. */
  7: i64 version
  /** The new ISR, the leader among it. */
  8: list<IsrMember> isr
}

/** What became of an IsrChange. */
struct IsrChangeResult {
  /** Set when nothing was changed. */
  1: optional common.Failure failure
  /** The partition as it is recorded now; not set when it is gone. */
  2: optional broker.PartitionAssignment assignment
}

/** A wish to switch partitions to another mode while they are in use. */
struct SwitchRequest {
  /** The topic's name. */
  1: string topic
  /** The partition's number; -1: all of the topic. */
  2: i32 partition
  /** The mode that is wanted. */
  3: common.ReplicationMode to
  /** Partitions of this topic that may be switched at once; 0: as many as the zkserver's option switch.parallel says. */
  4: i32 parallel
  /** Check everything, but change nothing. */
  5: bool dryRun
}

/** Where the switch of one partition stands. */
struct PartitionSwitch {
  /** The partition's number. */
  1: i32 partition
  /** The mode that was wanted. */
  2: common.ReplicationMode to
  /** waiting (for others of the topic), seal, close, abort, done, refused, or given-up. */
  3: string state
  /** Why it was refused or given up, or what it waits for; empty when there is nothing to say. */
  4: string reason
  /** The mode at present. */
  5: common.ReplicationMode mode
  /** The generation at present. */
  6: i64 generation
  /** Identity of the intent; empty while waiting. */
  7: string id
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
  /** Called by brokers: creates a topic of zhumq's own (`__groups`) unless it exists, and answers with what it is. Users can not create such topics. */
  common.TopicInfo ensureInternalTopic(1: string name) throws (1: common.RequestFailed failed)
  /** Changes settings of a topic; a setting with an empty value goes back to its default. */
  common.TopicInfo alterTopic(1: string name, 2: map<string, string> config, 3: bool dryRun) throws (1: common.RequestFailed failed)
  /** Called by a broker after it started or reconnected. */
  broker.DesiredState desiredState(1: DesiredStateRequest request) throws (1: common.RequestFailed failed)
  /** Called by a broker whose replica became leader; answered with the recorded state of these partitions. */
  list<broker.PartitionAssignment> reportLeaders(1: list<LeaderReport> reports) throws (1: common.RequestFailed failed)
  /** Called by the leaders of partitions in mode FETCH; answered in the request's order. */
  list<IsrChangeResult> changeIsr(1: list<IsrChange> changes) throws (1: common.RequestFailed failed)
  /** Begins a switch of mode: recorded, and carried on without the caller. Asked again, it tells where the same switch stands. */
  list<PartitionSwitch> switchMode(1: SwitchRequest request) throws (1: common.RequestFailed failed)
  /** Where the last switch of each partition of a topic stands; of one partition, unless it is -1. */
  list<PartitionSwitch> describeSwitch(1: string topic, 2: i32 partition) throws (1: common.RequestFailed failed)
  /** Called by a broker that leads partitions in mode FETCH and gives up its epochs (it stops, or its disk failed): others are elected. */
  void resignLeaders(1: list<LeaderReport> reports) throws (1: common.RequestFailed failed)
  /** Makes a replica in sync lead a partition in mode FETCH. */
  void electLeader(1: string topic, 2: i32 partition, 3: i32 toBroker) throws (1: common.RequestFailed failed)
  /** Called by a broker that is out of producer ids. */
  ProducerIdBlock allocateProducerIds(1: i32 broker) throws (1: common.RequestFailed failed)
  /** The metadata store below a path, for people. */
  list<StoreNode> dumpStore(1: string path) throws (1: common.RequestFailed failed)
}
