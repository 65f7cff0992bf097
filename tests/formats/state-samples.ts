// One full value of every message of idl/state.proto, with its codec. Their bytes are golden.
import {
  brokerRegistrationCodec,
  checkpointCodec,
  clusterIdentityCodec,
  controllerEpochCodec,
  directoryIdentityCodec,
  epochListCodec,
  epochOffsetCodec,
  epochStartCodec,
  generationRecordCodec,
  groupEpochCodec,
  groupMemberRecordCodec,
  groupPartCodec,
  groupPositionRecordCodec,
  groupRecordCodec,
  groupRecordKeyCodec,
  groupTopicCodec,
  hardStateCodec,
  knownBrokerCodec,
  leaderChangeCodec,
  leaderRecordCodec,
  modeSealCodec,
  partitionRecordCodec,
  producerBatchCodec,
  producerEntryCodec,
  producerIdsCodec,
  producerSnapshotCodec,
  replicaCheckpointCodec,
  replicaCodec,
  replicaIdentityCodec,
  stateSnapshotCodec,
  switchOutcomeCodec,
  tombstoneCodec,
  topicPartitionsCodec,
  topicRecordCodec,
  topicSwitchCodec,
  transitionCodec,
  voterSetChangeCodec,
  zkServerRegistrationCodec,
} from '@zhumq/model';
import type { MessageCodec } from '@zhumq/model';

const [a, b, c] = ['a', 'b', 'c'].map((digit) => digit.repeat(32));
const topicId = '0123456789abcdef0123456789abcdef';
const directoryId = 'fedcba9876543210fedcba9876543210';

const broker = {
  id: 1,
  host: 'b1.example',
  port: 9092,
  rack: 'r1',
  weight: 1.5,
  incarnation: 12,
  directoryId,
  clean: true,
};
const replica = { broker: 1, replicaId: a, directoryId };
const seal = { epoch: 4, offset: 1041 };
const transition = { id: c, to: 'fetch', phase: 'sealing' } as const;
const lastSwitch = { id: c, to: 'raft', done: false, reason: 'the ISR is too small' } as const;
const identity = { topic: 'orders', topicId, partition: 2, replicaId: a };
const generation = { generation: 2, mode: 'raft', epoch: 5, seal, voters: [a, b] } as const;
const hardState = {
  generation: 2,
  term: 6,
  vote: b,
  closed: true,
  tainted: true,
  taintReason: 'unclean stop',
};
const checkpoint = {
  identity,
  generation,
  hardState,
  logStart: 100,
  epochBeforeStart: 3,
  logEnd: Number.MAX_SAFE_INTEGER,
  lastEpoch: 6,
  sequence: 7000,
  highWatermark: 1040,
  activeSegment: 1000,
  activeBytes: 65536,
};
const batch = {
  firstSequence: 5,
  lastSequence: 9,
  firstOffset: 100,
  lastOffset: 104,
  timestamp: 1_700_000_000_000,
};
const producer = { producerId: 4000, producerEpoch: 3, batches: [batch, batch] };

const groupEpoch = { term: 6, counter: 11 };
const groupTopic = { topicId, topic: 'orders', partitions: 12 };
const owned = [{ topicId, partitions: [0, 3, 11] }];

/** A sample whose type no longer matters: its codec takes it. */
export interface StateSample {
  readonly codec: MessageCodec<object>;
  readonly value: object;
}

function sample<T extends object>(codec: MessageCodec<T>, value: T): StateSample {
  return { codec: codec as unknown as MessageCodec<object>, value };
}

export const stateSamples: readonly StateSample[] = [
  sample(clusterIdentityCodec, { clusterId: topicId }),
  sample(zkServerRegistrationCodec, {
    id: 3,
    host: 'z3.example',
    port: 9094,
    controllerEpoch: 17,
    sessionToken: c,
  }),
  sample(controllerEpochCodec, { epoch: 17 }),
  sample(brokerRegistrationCodec, broker),
  sample(knownBrokerCodec, { last: broker, draining: true }),
  sample(topicRecordCodec, {
    topicId,
    partitions: 12,
    replicationFactor: 3,
    config: { flush: 'os', 'retention.ms': '1d' },
  }),
  sample(replicaCodec, replica),
  sample(leaderRecordCodec, { broker: 1, incarnation: 12 }),
  sample(epochOffsetCodec, seal),
  sample(transitionCodec, transition),
  sample(partitionRecordCodec, {
    replicas: [replica, { ...replica, broker: 2, replicaId: b }],
    mode: 'raft',
    generation: 2,
    leader: { broker: 1, incarnation: 12 },
    epoch: 5,
    isr: [a],
    voters: [a, b],
    elr: [c],
    seal,
    transition,
    possibleLoss: '2026-01-02T03:04:05Z: no clean replica',
    learners: [c],
    lossEpoch: 4,
    lastSwitch,
  }),
  sample(switchOutcomeCodec, lastSwitch),
  sample(topicSwitchCodec, { topic: 'orders', to: 'fetch', parallel: 8, waiting: [3, 11] }),
  sample(tombstoneCodec, { topicId, topic: 'orders', controllerEpoch: 17, brokers: [1, 2, 300] }),
  sample(producerIdsCodec, { next: 4000 }),
  sample(leaderChangeCodec, { generation: 2, replicaId: a, voters: [a, b] }),
  sample(stateSnapshotCodec, { beginOffset: 1040, records: 7 }),
  sample(voterSetChangeCodec, {
    generation: 2,
    voters: [a, b],
    outgoing: [b, c],
    learners: [c],
  }),
  sample(modeSealCodec, { generation: 2, transitionId: c }),
  sample(directoryIdentityCodec, {
    directoryId,
    broker: 1,
    clusterId: topicId,
    incarnation: 12,
    bootId: '6b9f1c1e-0000-4000-8000-000000000000',
    clean: true,
  }),
  sample(replicaIdentityCodec, identity),
  sample(generationRecordCodec, generation),
  sample(hardStateCodec, hardState),
  sample(replicaCheckpointCodec, checkpoint),
  sample(checkpointCodec, { replicas: [checkpoint], firstFile: 9, retiredReplicas: [b] }),
  sample(epochStartCodec, { epoch: 5, startOffset: 1041 }),
  sample(epochListCodec, {
    epochs: [
      { epoch: 4, startOffset: 0 },
      { epoch: 5, startOffset: 1041 },
    ],
  }),
  sample(producerBatchCodec, batch),
  sample(producerEntryCodec, producer),
  sample(producerSnapshotCodec, {
    offset: 105,
    producers: [producer],
    maxTimestamp: 1_700_000_000_000,
  }),
  sample(groupRecordKeyCodec, {
    kind: 3,
    group: 'billing',
    memberId: 'm-1',
    topicId,
    partition: 11,
  }),
  sample(groupEpochCodec, groupEpoch),
  sample(groupTopicCodec, groupTopic),
  sample(topicPartitionsCodec, { topicId, partitions: [0, 3, 11] }),
  sample(groupRecordCodec, {
    epoch: groupEpoch,
    topics: [groupTopic],
    emptySince: 1_700_000_000_000,
  }),
  sample(groupMemberRecordCodec, {
    instanceId: 'billing-1',
    clientId: 'billing',
    host: '10.0.0.7',
    topics: ['orders', 'invoices'],
    sessionTimeoutMs: 45_000,
    away: true,
    epoch: groupEpoch,
    joined: groupEpoch,
    assigned: owned,
    revoking: owned,
    target: owned,
  }),
  sample(groupPartCodec, { parts: 3, records: 5_000 }),
  sample(groupPositionRecordCodec, {
    offset: 1041,
    lastEpoch: 4,
    metadata: 'page 3',
    committedAt: 1_700_000_000_000,
  }),
];
