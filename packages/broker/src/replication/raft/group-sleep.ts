// What the broker's watch over sleeping groups (hibernation.ts) must know of one group: whom its leader has asked to sleep,
// and whether it sleeps here.
import type { Message, RaftCore } from '@zhumq/raft';
import type { Hibernation, Sleeper } from './hibernation.js';
import type { GroupAddress } from './raft-messages.js';

export interface GroupSleepOptions {
  readonly core: RaftCore;
  readonly group: GroupAddress;
  readonly hibernation: Hibernation;
  /** Ends the sleep, and carries out what follows. */
  readonly wake: (leaderLost: boolean) => void;
  /** Ticks are needed again. */
  readonly onAwake: () => void;
}

interface Place {
  readonly brokerId: number;
  readonly key: string;
}

export class GroupSleep implements Sleeper {
  /** By replica. */
  private readonly asked = new Map<string, Place>();
  private followed: Place | undefined;
  private wasAsleep = false;

  constructor(private readonly options: GroupSleepOptions) {}

  wake(leaderLost: boolean): void {
    this.options.wake(leaderLost);
  }

  /** Called before the message leaves, so that what a beat says fits what it follows. */
  sending(message: Message): void {
    const asks = message.type === 'heartbeat' && message.sleep === true;
    if (!asks && this.asked.size === 0) return;
    const { to } = message;
    const place = asks ? this.placeAt(to) : undefined;
    const before = this.asked.get(to);
    if (before !== undefined && before.key !== place?.key) this.forget(to, before);
    if (place === undefined || before?.key === place.key) return;
    this.asked.set(to, place);
    this.options.hibernation.asked(place.brokerId, place.key, this);
  }

  /** Called after each input to the core. */
  check(): void {
    const { core, hibernation, onAwake } = this.options;
    const { asleep } = core;
    if (this.asked.size > 0 && core.role !== 'leader') this.forgetAsked();
    if (asleep === this.wasAsleep) return;
    this.wasAsleep = asleep;
    if (asleep) {
      if (core.role === 'leader' || core.leader === undefined) return;
      this.followed = this.placeAt(core.leader);
      if (this.followed === undefined) this.wake(false);
      else hibernation.fellAsleep(this.followed.brokerId, this.followed.key, this);
      return;
    }
    this.forgetFollowed();
    onAwake();
  }

  /** The replica serves no more, or another replicator takes its place. */
  end(): void {
    this.forgetAsked();
    this.forgetFollowed();
  }

  private placeAt(replicaId: string): Place | undefined {
    const { core, group, hibernation } = this.options;
    const brokerId = hibernation.brokerOf(replicaId);
    if (brokerId === undefined) return undefined;
    const { topicId, partition, generation } = group;
    return { brokerId, key: [topicId, partition, generation, core.term].join() };
  }

  private forgetAsked(): void {
    for (const [replicaId, place] of this.asked) this.forget(replicaId, place);
  }

  private forget(replicaId: string, { brokerId, key }: Place): void {
    this.asked.delete(replicaId);
    this.options.hibernation.disturbed(brokerId, key);
  }

  private forgetFollowed(): void {
    if (this.followed === undefined) return;
    this.options.hibernation.woke(this.followed.brokerId, this.followed.key, this);
    this.followed = undefined;
  }
}
