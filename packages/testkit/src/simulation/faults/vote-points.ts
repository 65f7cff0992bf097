// Elections at the worst moment: what a replica must not forget is its term and its vote, and the only moment at which it
// could is between the vote and its sync. So the leader of a Raft group is cut off, and as soon as anybody votes
//
//   power of the voter    lost a moment later, and back soon: what it has not synced is forgotten
//   the one it voted for  cut off right after, so that nobody hears of the term that it may have won
//   the former leader     heard again: with the voter it is a majority for another election in that term
//
// A candidate votes for itself: then its own power is lost, and whoever it asked is cut off.
import type { Random } from '@zhumq/base';
import type { Partition } from '@zhumq/broker';
import type { ServerSlot } from '../simulated-cluster.js';
import type { Life } from '../world/life.js';

export interface VotePointPorts {
  readonly brokers: readonly ServerSlot[];
  readonly random: Random;
  /** Runs once, so much later. */
  after(delayMs: number, run: () => void): void;
  /** Cuts a machine off from all brokers; what it returns undoes that, once. */
  isolate(slot: ServerSlot, durationMs: number): () => void;
  losePower(slot: ServerSlot, backMs: number): void;
}

interface Armed {
  readonly topicId: string;
  readonly partition: number;
  /** Cut off. */
  readonly leader: ServerSlot;
  readonly heal: () => void;
  readonly durationMs: number;
  /** Terms of the votes that were seen before. */
  readonly terms: Map<string, number>;
}

/** Power goes so soon after the vote: before, while or after it is synced, and its answer sent. */
const POWER_WITHIN_MS = 12;
/** The one that was voted for has heard of it by then. */
const CUT_WITHIN_MS = 40;
const BACK_WITHIN_MS = 200;

export class VotePoints {
  private armed: Armed | undefined;

  constructor(private readonly ports: VotePointPorts) {}

  /** Cuts the leader of a group off and waits for the next votes there. */
  arm(target: number, durationMs: number): void {
    const { brokers, isolate } = this.ports;
    const led = brokers.flatMap((slot) =>
      [...(slot.broker?.partitions ?? [])]
        .filter((one) => one.leads && one.replicator.mode === 'raft')
        .map((one) => ({ slot, one })),
    );
    const found = led.at(target % Math.max(led.length, 1));
    if (found === undefined) return;
    this.armed?.heal();
    const { topicId, partition } = found.one.name;
    const heal = isolate(found.slot, durationMs * 2);
    const terms = new Map<string, number>();
    for (const slot of brokers) {
      const replica = replicaOf(slot, topicId, partition);
      if (replica !== undefined) terms.set(slot.machine.name, termOf(replica));
    }
    this.armed = { topicId, partition, leader: found.slot, heal, durationMs, terms };
  }

  disarm(): void {
    this.armed = undefined;
  }

  /** To be called after each event. */
  look(life: Life): void {
    const { armed } = this;
    if (armed === undefined) return;
    const slot = this.ports.brokers.find(({ machine }) => machine.life === life);
    const replica = slot && replicaOf(slot, armed.topicId, armed.partition);
    const vote = replica?.log.hardState?.vote;
    if (slot === undefined || replica === undefined || vote === undefined) return;
    if (slot === armed.leader) return;
    const term = termOf(replica);
    if (term <= (armed.terms.get(slot.machine.name) ?? 0)) return;
    armed.terms.set(slot.machine.name, term);
    const isOwn = vote === replica.log.identity.replicaId;
    // Of a candidate's own vote every other time only: what follows from it is the vote of another.
    if (isOwn && this.ports.random.below(2) === 0) return;
    const other = isOwn ? this.voterOf(armed, slot) : this.holderOf(armed, vote);
    if (other !== undefined) this.strike(armed, slot, other);
  }

  private strike(armed: Armed, voter: ServerSlot, other: ServerSlot): void {
    const { random, after, isolate, losePower } = this.ports;
    this.armed = undefined;
    after(random.fraction() * POWER_WITHIN_MS, () =>
      losePower(voter, 20 + random.below(BACK_WITHIN_MS)),
    );
    after(random.fraction() * CUT_WITHIN_MS, () => {
      isolate(other, armed.durationMs);
      armed.heal();
    });
  }

  private holderOf({ topicId, partition }: Armed, replicaId: string): ServerSlot | undefined {
    return this.ports.brokers.find(
      (slot) => replicaOf(slot, topicId, partition)?.log.identity.replicaId === replicaId,
    );
  }

  /** Another replica that can be asked. */
  private voterOf(
    { topicId, partition, leader }: Armed,
    candidate: ServerSlot,
  ): ServerSlot | undefined {
    return this.ports.brokers.find((slot) => {
      const replica = replicaOf(slot, topicId, partition);
      return slot !== candidate && slot !== leader && replica !== undefined;
    });
  }
}

function replicaOf({ broker }: ServerSlot, topicId: string, number: number): Partition | undefined {
  for (const partition of broker?.partitions ?? []) {
    if (partition.name.partition === number && partition.name.topicId === topicId) return partition;
  }
  return undefined;
}

function termOf({ log }: Partition): number {
  return log.hardState?.term ?? 0;
}
