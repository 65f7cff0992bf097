// Leaders that fail one after the other: what a leader must do before it counts, serves or is believed it may leave half
// done then, and the next one begins with that. Whoever leads a partition is struck, and whoever leads it next is struck
// moments after it began.
import type { Random } from '@zhumq/base';
import type { Partition } from '@zhumq/broker';
import type { ServerSlot } from '../simulated-cluster.js';
import type { Life } from '../world/life.js';

export interface LeaderPointPorts {
  readonly brokers: readonly ServerSlot[];
  readonly random: Random;
  /** Runs once, so much later. */
  after(delayMs: number, run: () => void): void;
  /** Cuts a machine off from all brokers. */
  isolate(slot: ServerSlot, durationMs: number): void;
  /** Its session with the metadata store ends. */
  expire(slot: ServerSlot): void;
  kill(slot: ServerSlot, backMs: number): void;
}

interface Armed {
  readonly topicId: string;
  readonly partition: number;
  readonly durationMs: number;
  /** Of the last leader that was struck. */
  generation: number;
  epoch: number;
  left: number;
}

/** Leaders that are struck, after the first one. */
const STRIKES = 2;
/** A leader goes so soon after it began. */
const WITHIN_MS = 30;

export class LeaderPoints {
  private armed: Armed | undefined;

  constructor(private readonly ports: LeaderPointPorts) {}

  /** Strikes who leads one of the partitions, and waits for the next leaders. */
  arm(target: number, durationMs: number): void {
    const led = this.ports.brokers.flatMap((slot) =>
      [...(slot.broker?.partitions ?? [])]
        .filter(({ leads }) => leads)
        .map((one) => ({ slot, one })),
    );
    const found = led.at(target % Math.max(led.length, 1));
    if (found === undefined) return;
    const { topicId, partition, generation } = found.one.name;
    const { epoch } = found.one.replicator;
    this.armed = { topicId, partition, durationMs, generation, epoch, left: STRIKES };
    this.strike(found.slot, durationMs);
  }

  disarm(): void {
    this.armed = undefined;
  }

  /** To be called after each event. */
  look(life: Life): void {
    const { armed } = this;
    if (armed === undefined) return;
    const slot = this.ports.brokers.find(({ machine }) => machine.life === life);
    const leader = slot && leaderOf(slot, armed);
    if (slot === undefined || leader === undefined) return;
    const { generation } = leader.name;
    const { epoch } = leader.replicator;
    const isLater =
      generation === armed.generation ? epoch > armed.epoch : generation > armed.generation;
    if (!isLater) return;
    Object.assign(armed, { generation, epoch, left: armed.left - 1 });
    if (armed.left === 0) this.armed = undefined;
    const { random, after } = this.ports;
    after(random.fraction() * WITHIN_MS, () => this.strike(slot, armed.durationMs));
  }

  private strike(slot: ServerSlot, durationMs: number): void {
    const { random, isolate, expire, kill } = this.ports;
    const forMs = 50 + random.below(durationMs);
    switch (random.below(3)) {
      case 0:
        kill(slot, forMs);
        // Elections of mode fetch would wait for the end of its session.
        return expire(slot);
      case 1:
        isolate(slot, forMs);
        return expire(slot);
      default:
        return expire(slot);
    }
  }
}

function leaderOf({ broker }: ServerSlot, { topicId, partition }: Armed): Partition | undefined {
  for (const one of broker?.partitions ?? [])
    if (one.leads && one.name.partition === partition && one.name.topicId === topicId) return one;
  return undefined;
}
