/**
 * Types that every zhumq service shares.
 *
 * Wire: Apache Thrift, framed transport, strict binary protocol; requests of one connection are pipelined and replies
 * may come in any order. Offsets, epochs and ids travel as i64; an epoch must also fit an i32, because a record batch
 * stores it in four bytes. Fields are only ever added, as optional ones, and numbers are never used again.
 */
namespace js zhumq
namespace py zhumq.common
namespace go zhumq.common
namespace java org.zhumq.common

/** Why a request, or one part of it, was not done. */
struct Failure {
  /** The error's number in the table of docs/errors.md; unknown numbers are to be taken as not retriable. */
  1: i32 code
  /** One sentence for a person: what happened, to what, and what to do. */
  2: string message
  /** The values that the message speaks of, by name: topic, partition, limit, leader … */
  3: map<string, string> context
  /** The error's name in that table. */
  4: optional string name
  /** The same request may succeed later. */
  5: optional bool retriable
  /** True: what was asked for may have been done; false: it was certainly not. */
  6: optional bool maybeDone
}

/** Thrown when a whole request was refused; results for single partitions carry their own Failure instead. */
exception RequestFailed {
  /** What went wrong. */
  1: Failure failure
}

/** Where a server can be reached. */
struct Endpoint {
  /** The server's id, unique among its kind (brokers, zkservers). */
  1: i32 id
  /** Host name or address that the server advertises. */
  2: string host
  /** TCP port that the server advertises. */
  3: i32 port
}

/** How a partition's replicas are kept equal. */
enum ReplicationMode {
  /** A Raft group per partition. */
  RAFT = 1
  /** Followers pull from a leader that the zkserver chose. */
  FETCH = 2
}

/** One replica: a broker, and the identity of the copy that it holds. */
struct ReplicaEntry {
  /** The broker that holds the copy. */
  1: i32 broker
  /** The copy's identity, 32 hexadecimal digits; a wiped disk is another replica. */
  2: string replicaId
  /** Identity of the data directory for which the replica was created, 32 hexadecimal digits. */
  3: string directoryId
}

/** A place in a log, with the epoch of the record there. */
struct EpochOffset {
  /** The epoch (the Raft term in mode RAFT). */
  1: i64 epoch
  /** The offset. */
  2: i64 offset
}

/** A switch of mode, or a forced recovery, that is under way. */
struct Transition {
  /** Identity of the intent. */
  1: string id
  /** The mode that is wanted; the present one in a forced recovery. */
  2: ReplicationMode to
  /** The step that is under way: seal, close, or abort. */
  3: string phase
}

/** How the last switch of a partition ended. */
struct SwitchOutcome {
  /** Identity of the intent. */
  1: string id
  /** The mode that was wanted. */
  2: ReplicationMode to
  /** True when the partition is in that mode since. */
  3: bool done
  /** Why it was given up; empty when it was done. */
  4: string reason
}

/** What clients and brokers need to know of one partition. */
struct PartitionInfo {
  /** The partition's number, from 0. */
  1: i32 partition
  /** The replicas, the preferred leader first. */
  2: list<ReplicaEntry> replicas
  /** Broker id of the leader as last recorded; -1 when none is known. */
  3: i32 leader
  /** Epoch of that leader (the Raft term in mode RAFT); 0 when none was ever recorded. */
  4: i64 epoch
  /** The present replication mode. */
  5: ReplicationMode mode
  /** Counts the switches of mode and forced recoveries; messages of another generation mean nothing. */
  6: i64 generation
  /** Replica ids in sync (mode FETCH); empty in mode RAFT. */
  7: list<string> isr
  /** Number of changes of the record; a change of the ISR names the one that it is based on. */
  8: optional i64 version
  /** Incarnation of the broker that leads; -1 when none does. */
  9: optional i64 leaderIncarnation
  /** Mode FETCH: replica ids that may lead besides the ISR, because they left it while nothing more could be committed. */
  10: optional list<string> elr
  /** Where the previous generation ended; not set in the first one. */
  11: optional EpochOffset seal
  /** Set while a switch of mode is under way. */
  12: optional Transition transition
  /** When and why acknowledged records may have been lost; not set when none can have been. */
  13: optional string possibleLoss
  /** First epoch after the last possible loss; a replica whose last epoch is smaller may have to give up committed records. 0: none. */
  14: optional i64 lossEpoch
  /** How the last switch ended; not set when there was none. */
  15: optional SwitchOutcome lastSwitch
}

/** What clients and brokers need to know of one topic. */
struct TopicInfo {
  /** The topic's name. */
  1: string name
  /** The topic's identity, 32 hexadecimal digits; a topic created again under the same name gets another one. */
  2: string topicId
  /** Number of copies of each partition. */
  3: i32 replicationFactor
  /** Settings that differ from the defaults, by option name. */
  4: map<string, string> config
  /** All partitions, in order. */
  5: list<PartitionInfo> partitions
}

/** A broker as the cluster sees it. */
struct BrokerInfo {
  /** Where clients reach it. */
  1: Endpoint endpoint
  /** Failure domain; empty when not set. */
  2: string rack
  /** Share of partitions relative to other brokers; 1 by default. */
  3: double weight
  /** Grows with each start of the broker. */
  4: i64 incarnation
  /** Identity of its data directory, 32 hexadecimal digits. */
  5: string directoryId
  /** False for a broker that is registered but not alive at present. */
  6: bool alive
}

/** Asks for topics and the servers that hold them. */
struct MetadataRequest {
  /** Topics of interest; all topics when not set, none when empty. */
  1: optional list<string> topics
}

/** The cluster as one zkserver knows it. */
struct ClusterMetadata {
  /** Identity of the cluster, 32 hexadecimal digits. */
  1: string clusterId
  /** Known brokers, alive or not. */
  2: list<BrokerInfo> brokers
  /** The zkservers that are alive. */
  3: list<Endpoint> zkservers
  /** Id of the active zkserver; -1 when none is known. */
  4: i32 controller
  /** Epoch of the active zkserver; metadata of a smaller one is older. */
  5: i64 controllerEpoch
  /** The topics asked for that exist; one that is absent does not exist. */
  6: list<TopicInfo> topics
}
