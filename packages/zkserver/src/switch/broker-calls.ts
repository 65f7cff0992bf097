// The calls of a saga to brokers, all of them idempotent. What comes back is checked before anybody believes it.
import { MAX_EPOCH, zhumqError } from '@zhumq/model';
import type { BrokerRegistration, EpochOffset } from '@zhumq/model';
import { brokerClient } from '@zhumq/rpc';
import type { ChannelPool, PartitionRef } from '@zhumq/rpc';
import type { CloseAnswer } from './switch-events.js';

/** Where a log was sealed, and on which replicas that is on disk. */
export interface Seal {
  readonly seal: EpochOffset;
  readonly replicas: readonly string[];
}

/** Port of the saga to the brokers. */
export interface BrokerCalls {
  seal(
    broker: BrokerRegistration,
    partition: PartitionRef,
    transitionId: string,
    limits: CallLimits,
  ): Promise<Seal>;
  close(
    broker: BrokerRegistration,
    partition: PartitionRef,
    limits: CallLimits,
  ): Promise<CloseAnswer>;
}

export interface CallLimits {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** An answer may take this much longer than the broker was given. */
const GRACE_MS = 500;

export class RemoteBrokerCalls implements BrokerCalls {
  constructor(private readonly channels: ChannelPool) {}

  async seal(
    broker: BrokerRegistration,
    partition: PartitionRef,
    transitionId: string,
    { timeoutMs, signal }: CallLimits,
  ): Promise<Seal> {
    const client = brokerClient(this.channels.channel(broker));
    const options = { timeoutMs: timeoutMs + GRACE_MS, signal };
    const sealed = await client.sealPartition(partition, transitionId, timeoutMs, options);
    const seal = checkedPlace(broker, 'sealPartition', sealed.seal);
    return { seal, replicas: sealed.replicas };
  }

  async close(
    broker: BrokerRegistration,
    partition: PartitionRef,
    limits: CallLimits,
  ): Promise<CloseAnswer> {
    const client = brokerClient(this.channels.channel(broker));
    const answer = await client.closePartition(partition, limits);
    const { topicId, replicaId, incarnation, epoch, tainted } = answer;
    const end = checkedPlace(broker, 'closePartition', answer.logEnd);
    const isAbout =
      topicId === partition.topicId &&
      answer.partition === partition.partition &&
      answer.broker === broker.id;
    const isWhole = isEpoch(epoch) && epoch >= end.epoch && Number.isSafeInteger(incarnation);
    if (!isAbout || !isWhole || answer.failure !== undefined) {
      throw senseless(broker, 'closePartition');
    }
    return { replicaId, broker: broker.id, incarnation, epoch, end, tainted };
  }
}

function checkedPlace(
  broker: BrokerRegistration,
  method: string,
  { epoch, offset }: EpochOffset,
): EpochOffset {
  if (isEpoch(epoch) && Number.isSafeInteger(offset) && offset >= 0) return { epoch, offset };
  throw senseless(broker, method);
}

/** The next generation begins above it. */
function isEpoch(epoch: number): boolean {
  return Number.isSafeInteger(epoch) && epoch >= 0 && epoch < MAX_EPOCH;
}

function senseless(broker: BrokerRegistration, method: string): Error {
  const message = `broker ${broker.id} answered ${method} with values out of range or of another partition`;
  return zhumqError('INTERNAL', message, { broker: broker.id });
}
