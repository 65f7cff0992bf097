// Serves transferLeadership: refuses at once what can not come about, and answers when it is known what came of it.
import { delay } from '@zhumq/base';
import type { Clock } from '@zhumq/base';
import { zhumqError } from '@zhumq/model';
import type { Partition } from '../partition/partition.js';
import type { PartitionRegistry } from '../partition/partition-registry.js';
import type { FollowerStatus } from '../replication/replicator.js';
import type { RaftTransport } from '../replication/raft/raft-transport.js';

export interface LeadershipTransferOptions {
  readonly registry: PartitionRegistry;
  readonly transport: Pick<RaftTransport, 'brokerOf'>;
  readonly clock: Clock;
  /** The leader gives a transfer up after so long, and the others elect within about twice that. */
  readonly electionMs: number;
  /** Aborted when the broker stops. */
  readonly stopping: AbortSignal;
}

interface Order {
  readonly partition: Partition;
  readonly toBroker: number;
  readonly toReplica: string;
}

export class LeadershipTransfer {
  constructor(private readonly options: LeadershipTransferOptions) {}

  /** Resolves when that broker leads. Throws REPLICA_NOT_READY, INVALID_REQUEST, and TIMEOUT when it did not take over. */
  async run(topic: string, number: number, toBroker: number): Promise<void> {
    const partition = this.options.registry.get(topic, number);
    partition.checkLeads();
    const toReplica = this.target(partition, toBroker).replicaId;
    partition.replicator.transferLeadership(toReplica);
    await this.outcome({ partition, toBroker, toReplica });
  }

  private target(partition: Partition, toBroker: number): FollowerStatus {
    const { topic, partition: number } = partition.name;
    const about = { topic, partition: number, toBroker };
    const target = partition.replicator
      .followers()
      .find(({ replicaId }) => this.options.transport.brokerOf(replicaId) === toBroker);
    if (target === undefined) {
      const text = `broker ${toBroker} holds no other replica of partition ${topic}-${number}`;
      throw zhumqError('INVALID_REQUEST', text, about);
    }
    if (target.state === 'unreachable' || target.tainted) {
      const why = target.tainted ? 'its replica is being repaired' : 'it does not answer';
      const text = `broker ${toBroker} can not lead partition ${topic}-${number} now: ${why}`;
      throw zhumqError('REPLICA_NOT_READY', text, about);
    }
    return target;
  }

  private async outcome(order: Order): Promise<void> {
    const { clock, electionMs, stopping } = this.options;
    const untilMs = clock.monotonicMs() + Math.max(ELECTIONS * electionMs, MIN_WAIT_MS);
    let began = false;
    for (;;) {
      const { leads, replicator } = order.partition;
      if (!leads && replicator.leaderReplica === order.toReplica) return;
      if (!leads && replicator.leaderReplica !== undefined) throw this.notTaken(order);
      const handsOver = leads && replicator.refusal(-1)?.code === 'NOT_LEADER';
      // It led, was handing over and leads again: the target did not make it.
      if (leads && began && !handsOver) throw this.notTaken(order);
      began ||= handsOver;
      if (clock.monotonicMs() >= untilMs) throw this.notTaken(order);
      await delay(clock, POLL_MS, stopping);
    }
  }

  private notTaken({ partition, toBroker }: Order): Error {
    const { topic, partition: number } = partition.name;
    const leader = partition.replicator.leaderReplica;
    const broker = leader === undefined ? undefined : this.options.transport.brokerOf(leader);
    const who = broker === undefined ? 'nobody leads it yet' : `broker ${broker} leads it`;
    const text = `broker ${toBroker} did not take over partition ${topic}-${number} in time; ${who}`;
    return zhumqError('TIMEOUT', text, { topic, partition: number, toBroker });
  }
}

/** Election timeouts to wait at most: one for the transfer, two for an election, and room. */
const ELECTIONS = 4;
const MIN_WAIT_MS = 2_000;
/** A transfer takes about two round trips. */
const POLL_MS = 10;
