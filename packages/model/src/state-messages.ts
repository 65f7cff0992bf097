// What zhumq persists, as values: one interface per message of idl/state.proto, whose comments say what the fields mean.
// Numbers are safe integers, a mode is a word, what may be absent is undefined. state-codecs.ts has the bytes.
import type { ReplicationMode } from './names.js';

export interface ClusterIdentity {
  readonly clusterId: string;
}

export interface ZkServerRegistration {
  readonly id: number;
  readonly host: string;
  readonly port: number;
  readonly controllerEpoch: number;
  readonly sessionToken: string;
}

export interface ControllerEpoch {
  readonly epoch: number;
}

export interface BrokerRegistration {
  readonly id: number;
  readonly host: string;
  readonly port: number;
  readonly rack: string;
  readonly weight: number;
  readonly incarnation: number;
  readonly directoryId: string;
  readonly clean: boolean;
}

export interface KnownBroker {
  readonly last: BrokerRegistration;
  readonly draining: boolean;
}

export interface TopicRecord {
  readonly topicId: string;
  readonly partitions: number;
  readonly replicationFactor: number;
  /** Settings that differ from the defaults (topic-config.ts), as text. */
  readonly config: Readonly<Record<string, string>>;
}

export interface Replica {
  readonly broker: number;
  readonly replicaId: string;
  readonly directoryId: string;
}

export interface LeaderRecord {
  readonly broker: number;
  readonly incarnation: number;
}

export interface EpochOffset {
  readonly epoch: number;
  readonly offset: number;
}

export interface Transition {
  readonly id: string;
  readonly to: ReplicationMode;
  readonly phase: string;
}

export interface SwitchOutcome {
  readonly id: string;
  readonly to: ReplicationMode;
  readonly done: boolean;
  readonly reason: string;
}

export interface PartitionRecord {
  readonly replicas: readonly Replica[];
  readonly mode: ReplicationMode;
  readonly generation: number;
  readonly leader: LeaderRecord | undefined;
  readonly epoch: number;
  readonly isr: readonly string[];
  readonly voters: readonly string[];
  readonly elr: readonly string[];
  readonly seal: EpochOffset | undefined;
  readonly transition: Transition | undefined;
  readonly possibleLoss: string | undefined;
  readonly learners: readonly string[];
  readonly lossEpoch: number;
  readonly lastSwitch: SwitchOutcome | undefined;
}

export interface TopicSwitch {
  readonly topic: string;
  readonly to: ReplicationMode;
  readonly parallel: number;
  readonly waiting: readonly number[];
}

export interface Tombstone {
  readonly topicId: string;
  readonly topic: string;
  readonly controllerEpoch: number;
  readonly brokers: readonly number[];
}

export interface ProducerIds {
  readonly next: number;
}

export interface LeaderChange {
  readonly generation: number;
  readonly replicaId: string;
  readonly voters: readonly string[];
}

export interface VoterSetChange {
  readonly generation: number;
  readonly voters: readonly string[];
  readonly outgoing: readonly string[];
  readonly learners: readonly string[];
}

export interface ModeSeal {
  readonly generation: number;
  readonly transitionId: string;
}

/** Where the state of a replicated state machine stands in its log as a whole. */
export interface StateSnapshot {
  readonly beginOffset: number;
  readonly records: number;
}

export interface DirectoryIdentity {
  readonly directoryId: string;
  readonly broker: number;
  /** Empty until the broker first joined a cluster. */
  readonly clusterId: string;
  readonly incarnation: number;
  readonly bootId: string;
  readonly clean: boolean;
}

export interface ReplicaIdentity {
  readonly topic: string;
  readonly topicId: string;
  readonly partition: number;
  readonly replicaId: string;
}

export interface GenerationRecord {
  readonly generation: number;
  readonly mode: ReplicationMode;
  readonly epoch: number;
  readonly seal: EpochOffset | undefined;
  readonly voters: readonly string[];
}

export interface HardState {
  readonly generation: number;
  readonly term: number;
  readonly vote: string | undefined;
  readonly closed: boolean;
  readonly tainted: boolean;
  readonly taintReason: string;
}

export interface ReplicaCheckpoint {
  readonly identity: ReplicaIdentity;
  readonly generation: GenerationRecord | undefined;
  readonly hardState: HardState | undefined;
  readonly logStart: number;
  readonly epochBeforeStart: number;
  readonly logEnd: number;
  readonly lastEpoch: number;
  readonly sequence: number;
  readonly highWatermark: number;
  readonly activeSegment: number;
  readonly activeBytes: number;
}

export interface Checkpoint {
  readonly replicas: readonly ReplicaCheckpoint[];
  readonly firstFile: number;
  readonly retiredReplicas: readonly string[];
}

export interface EpochStart {
  readonly epoch: number;
  readonly startOffset: number;
}

export interface EpochList {
  readonly epochs: readonly EpochStart[];
}

export interface ProducerBatch {
  readonly firstSequence: number;
  readonly lastSequence: number;
  readonly firstOffset: number;
  readonly lastOffset: number;
  readonly timestamp: number;
}

export interface ProducerEntry {
  readonly producerId: number;
  readonly producerEpoch: number;
  readonly batches: readonly ProducerBatch[];
}

export interface ProducerSnapshot {
  readonly offset: number;
  readonly producers: readonly ProducerEntry[];
  readonly maxTimestamp: number;
}

export interface GroupRecordKey {
  /** 1 group, 2 member, 3 position; others are of later versions. */
  readonly kind: number;
  readonly group: string;
  readonly memberId: string;
  readonly topicId: string;
  readonly partition: number;
}

export interface GroupEpoch {
  readonly term: number;
  readonly counter: number;
}

export interface GroupTopic {
  readonly topicId: string;
  readonly topic: string;
  /** 0 once it was deleted. */
  readonly partitions: number;
}

export interface TopicPartitions {
  readonly topicId: string;
  readonly partitions: readonly number[];
}

export interface GroupRecord {
  readonly epoch: GroupEpoch;
  readonly topics: readonly GroupTopic[];
  readonly emptySince: number;
}

export interface GroupMemberRecord {
  readonly instanceId: string;
  readonly clientId: string;
  readonly host: string;
  readonly topics: readonly string[];
  readonly sessionTimeoutMs: number;
  readonly away: boolean;
  readonly epoch: GroupEpoch;
  readonly joined: GroupEpoch | undefined;
  readonly assigned: readonly TopicPartitions[];
  readonly revoking: readonly TopicPartitions[];
  readonly target: readonly TopicPartitions[];
}

/** Before the records of a part of a decision that is larger than a batch. */
export interface GroupPart {
  readonly parts: number;
  readonly records: number;
}

export interface GroupPositionRecord {
  readonly offset: number;
  readonly lastEpoch: number;
  readonly metadata: string;
  readonly committedAt: number;
}
