// Groups that sleep cost nothing: one beat per pair of brokers takes the place of the heartbeats of all of them (rule 21).
//
//   led       groups that this broker leads and whose replica there was asked to sleep, by the last message to it
//   followed  groups that are asleep here and are led there
//
// A beat names what is led, as a digest. Messages between two brokers arrive in order, so it equals what the receiver
// follows, unless a message was lost, a replica failed, or an order was not followed. Whoever hears no beats, hears others for
// an election timeout, or hears of a new life, wakes every group that it shares with the sender; Raft does the rest.
import { createHash } from 'node:crypto';

/** A set of groups, whose order does not matter: how many, and the exclusive or of their hashes. */
export interface SleepDigest {
  readonly groups: number;
  readonly high: number;
  readonly low: number;
}

/** What one broker tells another while groups of both sleep. */
export interface SleepBeat {
  readonly led: SleepDigest;
  /** The sets have differed for long: what sleeps with the sender is to wake. */
  readonly wake: boolean;
}

/** A group's replica here. */
export interface Sleeper {
  /** `leaderLost`: see RaftStateMachine.wake. */
  wake(leaderLost: boolean): void;
}

export interface HibernationOptions {
  /** Broker that holds a replica; undefined when no state has named it. */
  readonly brokerOf: (replicaId: string) => number | undefined;
  /** Everything that was sent before must arrive before it. */
  readonly sendBeat: (brokerId: number, beat: SleepBeat) => void;
  /** Beats that fail to come, or that say other things, before groups are woken. */
  readonly patience: number;
}

class SleepSet {
  private readonly sleepers = new Map<string, Sleeper>();
  private high = 0;
  private low = 0;

  get size(): number {
    return this.sleepers.size;
  }

  get digest(): SleepDigest {
    return { groups: this.size, high: this.high, low: this.low };
  }

  equals(other: SleepDigest): boolean {
    return other.groups === this.size && other.high === this.high && other.low === this.low;
  }

  add(key: string, sleeper: Sleeper): void {
    if (!this.sleepers.has(key)) this.flip(key);
    this.sleepers.set(key, sleeper);
  }

  delete(key: string): void {
    if (this.sleepers.delete(key)) this.flip(key);
  }

  all(): Sleeper[] {
    return [...this.sleepers.values()];
  }

  private flip(key: string): void {
    const hash = createHash('sha256').update(key).digest();
    this.high ^= hash.readInt32BE(0);
    this.low ^= hash.readInt32BE(4);
  }
}

interface Peer {
  readonly led: SleepSet;
  readonly followed: SleepSet;
  silentBeats: number;
  differentBeats: number;
}

export class Hibernation {
  private readonly peers = new Map<number, Peer>();
  /** Whether each lost its leader; no group is here twice. */
  private readonly waking = new Map<Sleeper, boolean>();

  constructor(private readonly options: HibernationOptions) {}

  /** Groups asleep with any other broker; a leader's counts once for each of its followers. */
  get size(): number {
    let size = 0;
    for (const { led, followed } of this.peers.values()) size += led.size + followed.size;
    return size;
  }

  brokerOf(replicaId: string): number | undefined {
    return this.options.brokerOf(replicaId);
  }

  /** The group that is led here is about to be asked to sleep there. */
  asked(brokerId: number, key: string, sleeper: Sleeper): void {
    this.peer(brokerId).led.add(key, sleeper);
  }

  /** It is about to be told something else. */
  disturbed(brokerId: number, key: string): void {
    this.peers.get(brokerId)?.led.delete(key);
  }

  /** The group sleeps here, led there. */
  fellAsleep(brokerId: number, key: string, sleeper: Sleeper): void {
    this.peer(brokerId).followed.add(key, sleeper);
  }

  woke(brokerId: number, key: string, sleeper: Sleeper): void {
    this.peers.get(brokerId)?.followed.delete(key);
    this.waking.delete(sleeper);
  }

  /** Called at the pace of heartbeats. */
  beat(): void {
    for (const [brokerId, peer] of this.peers) {
      if (peer.led.size + peer.followed.size === 0) {
        peer.silentBeats = 0;
        peer.differentBeats = 0;
      } else if (++peer.silentBeats > this.options.patience) {
        this.wakeAll(peer, true);
      } else {
        this.options.sendBeat(brokerId, { led: peer.led.digest, wake: false });
      }
    }
  }

  /** Called with every tick: many groups wake a part at a time, others are to be served meanwhile. */
  tick(): void {
    let count = 0;
    for (const [sleeper, leaderLost] of this.waking) {
      if (++count > WAKES_PER_TICK) return;
      this.waking.delete(sleeper);
      sleeper.wake(leaderLost);
    }
  }

  heard(brokerId: number, { led, wake }: SleepBeat): void {
    const peer = this.peers.get(brokerId);
    // Nothing sleeps here that is shared with it; if it thinks otherwise, our silence wakes it.
    if (peer === undefined) return;
    peer.silentBeats = 0;
    if (wake) this.wakeAll(peer, false);
    if (peer.followed.equals(led)) {
      peer.differentBeats = 0;
    } else if (++peer.differentBeats > this.options.patience) {
      this.wakeAll(peer, false);
      this.options.sendBeat(brokerId, { led: peer.led.digest, wake: true });
    }
  }

  /** The broker is in a new life: it leads nothing. */
  restarted(brokerId: number): void {
    const peer = this.peers.get(brokerId);
    if (peer !== undefined) this.wakeAll(peer, true);
  }

  private wakeAll(peer: Peer, leaderLost: boolean): void {
    peer.silentBeats = 0;
    peer.differentBeats = 0;
    for (const sleeper of peer.led.all()) this.waking.set(sleeper, false);
    for (const sleeper of peer.followed.all())
      this.waking.set(sleeper, leaderLost || this.waking.get(sleeper) === true);
  }

  private peer(brokerId: number): Peer {
    let peer = this.peers.get(brokerId);
    if (peer === undefined) {
      const [led, followed] = [new SleepSet(), new SleepSet()];
      peer = { led, followed, silentBeats: 0, differentBeats: 0 };
      this.peers.set(brokerId, peer);
    }
    return peer;
  }
}

const WAKES_PER_TICK = 1_000;
