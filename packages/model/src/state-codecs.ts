// Every message of idl/state.proto with its codec: `hardStateCodec.encode(value)`, `.decode(bytes, failure)`.
import { zhumq } from '../generated/state.js';
import {
  MessageCodec,
  flag,
  integer,
  list,
  maybe,
  maybeText,
  mode,
  one,
  real,
  smallInteger,
  text,
  textMap,
} from './message-codec.js';
import type * as State from './state-messages.js';

const { state } = zhumq;

// ---- znodes

export const clusterIdentityCodec = new MessageCodec<State.ClusterIdentity>(
  'ClusterIdentity',
  state.ClusterIdentity,
  { clusterId: text },
);

export const zkServerRegistrationCodec = new MessageCodec<State.ZkServerRegistration>(
  'ZkServerRegistration',
  state.ZkServerRegistration,
  {
    id: smallInteger,
    host: text,
    port: smallInteger,
    controllerEpoch: integer,
    sessionToken: text,
  },
);

export const controllerEpochCodec = new MessageCodec<State.ControllerEpoch>(
  'ControllerEpoch',
  state.ControllerEpoch,
  { epoch: integer },
);

export const brokerRegistrationCodec = new MessageCodec<State.BrokerRegistration>(
  'BrokerRegistration',
  state.BrokerRegistration,
  {
    id: smallInteger,
    host: text,
    port: smallInteger,
    rack: text,
    weight: real,
    incarnation: integer,
    directoryId: text,
    clean: flag,
  },
);

export const knownBrokerCodec = new MessageCodec<State.KnownBroker>(
  'KnownBroker',
  state.KnownBroker,
  { last: one(brokerRegistrationCodec), draining: flag },
);

export const topicRecordCodec = new MessageCodec<State.TopicRecord>(
  'TopicRecord',
  state.TopicRecord,
  {
    topicId: text,
    partitions: smallInteger,
    replicationFactor: smallInteger,
    config: textMap,
  },
);

export const replicaCodec = new MessageCodec<State.Replica>('Replica', state.Replica, {
  broker: smallInteger,
  replicaId: text,
  directoryId: text,
});

export const leaderRecordCodec = new MessageCodec<State.LeaderRecord>(
  'LeaderRecord',
  state.LeaderRecord,
  { broker: smallInteger, incarnation: integer },
);

export const epochOffsetCodec = new MessageCodec<State.EpochOffset>(
  'EpochOffset',
  state.EpochOffset,
  { epoch: integer, offset: integer },
);

export const transitionCodec = new MessageCodec<State.Transition>('Transition', state.Transition, {
  id: text,
  to: mode,
  phase: text,
});

export const switchOutcomeCodec = new MessageCodec<State.SwitchOutcome>(
  'SwitchOutcome',
  state.SwitchOutcome,
  { id: text, to: mode, done: flag, reason: text },
);

export const partitionRecordCodec = new MessageCodec<State.PartitionRecord>(
  'PartitionRecord',
  state.PartitionRecord,
  {
    replicas: list(one(replicaCodec)),
    mode,
    generation: integer,
    leader: maybe(leaderRecordCodec),
    epoch: integer,
    isr: list(text),
    voters: list(text),
    elr: list(text),
    seal: maybe(epochOffsetCodec),
    transition: maybe(transitionCodec),
    possibleLoss: maybeText,
    learners: list(text),
    lossEpoch: integer,
    lastSwitch: maybe(switchOutcomeCodec),
  },
);

export const topicSwitchCodec = new MessageCodec<State.TopicSwitch>(
  'TopicSwitch',
  state.TopicSwitch,
  { topic: text, to: mode, parallel: smallInteger, waiting: list(smallInteger) },
);

export const tombstoneCodec = new MessageCodec<State.Tombstone>('Tombstone', state.Tombstone, {
  topicId: text,
  topic: text,
  controllerEpoch: integer,
  brokers: list(smallInteger),
});

export const producerIdsCodec = new MessageCodec<State.ProducerIds>(
  'ProducerIds',
  state.ProducerIds,
  { next: integer },
);

// ---- bodies of control records

export const leaderChangeCodec = new MessageCodec<State.LeaderChange>(
  'LeaderChange',
  state.LeaderChange,
  { generation: integer, replicaId: text, voters: list(text) },
);

export const voterSetChangeCodec = new MessageCodec<State.VoterSetChange>(
  'VoterSetChange',
  state.VoterSetChange,
  { generation: integer, voters: list(text), outgoing: list(text), learners: list(text) },
);

export const modeSealCodec = new MessageCodec<State.ModeSeal>('ModeSeal', state.ModeSeal, {
  generation: integer,
  transitionId: text,
});

export const stateSnapshotCodec = new MessageCodec<State.StateSnapshot>(
  'StateSnapshot',
  state.StateSnapshot,
  { beginOffset: integer, records: integer },
);

// ---- broker state

export const directoryIdentityCodec = new MessageCodec<State.DirectoryIdentity>(
  'DirectoryIdentity',
  state.DirectoryIdentity,
  {
    directoryId: text,
    broker: smallInteger,
    clusterId: text,
    incarnation: integer,
    bootId: text,
    clean: flag,
  },
);

export const replicaIdentityCodec = new MessageCodec<State.ReplicaIdentity>(
  'ReplicaIdentity',
  state.ReplicaIdentity,
  { topic: text, topicId: text, partition: smallInteger, replicaId: text },
);

export const generationRecordCodec = new MessageCodec<State.GenerationRecord>(
  'GenerationRecord',
  state.GenerationRecord,
  {
    generation: integer,
    mode,
    epoch: integer,
    seal: maybe(epochOffsetCodec),
    voters: list(text),
  },
);

export const hardStateCodec = new MessageCodec<State.HardState>('HardState', state.HardState, {
  generation: integer,
  term: integer,
  vote: maybeText,
  closed: flag,
  tainted: flag,
  taintReason: text,
});

export const replicaCheckpointCodec = new MessageCodec<State.ReplicaCheckpoint>(
  'ReplicaCheckpoint',
  state.ReplicaCheckpoint,
  {
    identity: one(replicaIdentityCodec),
    generation: maybe(generationRecordCodec),
    hardState: maybe(hardStateCodec),
    logStart: integer,
    epochBeforeStart: integer,
    logEnd: integer,
    lastEpoch: integer,
    sequence: integer,
    highWatermark: integer,
    activeSegment: integer,
    activeBytes: integer,
  },
);

export const checkpointCodec = new MessageCodec<State.Checkpoint>('Checkpoint', state.Checkpoint, {
  replicas: list(one(replicaCheckpointCodec)),
  firstFile: integer,
  retiredReplicas: list(text),
});

export const epochStartCodec = new MessageCodec<State.EpochStart>('EpochStart', state.EpochStart, {
  epoch: integer,
  startOffset: integer,
});

export const epochListCodec = new MessageCodec<State.EpochList>('EpochList', state.EpochList, {
  epochs: list(one(epochStartCodec)),
});

export const producerBatchCodec = new MessageCodec<State.ProducerBatch>(
  'ProducerBatch',
  state.ProducerBatch,
  {
    firstSequence: smallInteger,
    lastSequence: smallInteger,
    firstOffset: integer,
    lastOffset: integer,
    timestamp: integer,
  },
);

export const producerEntryCodec = new MessageCodec<State.ProducerEntry>(
  'ProducerEntry',
  state.ProducerEntry,
  { producerId: integer, producerEpoch: smallInteger, batches: list(one(producerBatchCodec)) },
);

export const producerSnapshotCodec = new MessageCodec<State.ProducerSnapshot>(
  'ProducerSnapshot',
  state.ProducerSnapshot,
  { offset: integer, producers: list(one(producerEntryCodec)), maxTimestamp: integer },
);

// ---- records of __groups

export const groupRecordKeyCodec = new MessageCodec<State.GroupRecordKey>(
  'GroupRecordKey',
  state.GroupRecordKey,
  { kind: smallInteger, group: text, memberId: text, topicId: text, partition: smallInteger },
);

export const groupEpochCodec = new MessageCodec<State.GroupEpoch>('GroupEpoch', state.GroupEpoch, {
  term: integer,
  counter: integer,
});

export const groupTopicCodec = new MessageCodec<State.GroupTopic>('GroupTopic', state.GroupTopic, {
  topicId: text,
  topic: text,
  partitions: smallInteger,
});

export const topicPartitionsCodec = new MessageCodec<State.TopicPartitions>(
  'TopicPartitions',
  state.TopicPartitions,
  { topicId: text, partitions: list(smallInteger) },
);

export const groupRecordCodec = new MessageCodec<State.GroupRecord>(
  'GroupRecord',
  state.GroupRecord,
  { epoch: one(groupEpochCodec), topics: list(one(groupTopicCodec)), emptySince: integer },
);

export const groupMemberRecordCodec = new MessageCodec<State.GroupMemberRecord>(
  'GroupMemberRecord',
  state.GroupMemberRecord,
  {
    instanceId: text,
    clientId: text,
    host: text,
    topics: list(text),
    sessionTimeoutMs: smallInteger,
    away: flag,
    epoch: one(groupEpochCodec),
    joined: maybe(groupEpochCodec),
    assigned: list(one(topicPartitionsCodec)),
    revoking: list(one(topicPartitionsCodec)),
    target: list(one(topicPartitionsCodec)),
  },
);

export const groupPartCodec = new MessageCodec<State.GroupPart>('GroupPart', state.GroupPart, {
  parts: smallInteger,
  records: smallInteger,
});

export const groupPositionRecordCodec = new MessageCodec<State.GroupPositionRecord>(
  'GroupPositionRecord',
  state.GroupPositionRecord,
  { offset: integer, lastEpoch: integer, metadata: text, committedAt: integer },
);
