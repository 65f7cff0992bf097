// The ring: every broker owns points on a circle of 2^64 positions, in proportion to its weight; a key belongs to the
// brokers that own the next points clockwise. It knows nothing of load, racks or topics.
import { keyHash } from './key-hash.js';

export interface RingMember {
  readonly id: number;
  /** 1 is an ordinary broker. */
  readonly weight: number;
}

interface Point {
  readonly position: bigint;
  /** Index into `members`. */
  readonly owner: number;
}

export class HashRing {
  /** In order of id, whatever order they were given in; owners are indexes into this list. */
  readonly members: readonly RingMember[];
  private readonly points: readonly Point[];
  /** For each member its own points, in order. */
  private readonly ownPoints: readonly (readonly bigint[])[];
  private readonly seenIn: Uint32Array;
  private walks = 0;

  constructor(members: readonly RingMember[], vnodes: number) {
    this.members = members.toSorted((one, other) => one.id - other.id);
    this.ownPoints = this.members.map((member) => pointsOf(member, vnodes));
    this.points = this.ownPoints
      .flatMap((positions, owner) => positions.map((position) => ({ position, owner })))
      .sort(byPosition);
    this.seenIn = new Uint32Array(this.members.length);
  }

  /**
   * Visits each member once, nearest first, until `visit` returns false. Keys beyond the last point start again at the
   * first one.
   */
  walk(key: bigint, visit: (owner: number) => boolean): void {
    const walk = this.nextWalk();
    const first = this.firstAtOrAfter(key);
    let unseen = this.members.length;
    for (let step = 0; unseen > 0; step++) {
      const { owner } = this.points[(first + step) % this.points.length];
      if (this.seenIn[owner] === walk) continue;
      this.seenIn[owner] = walk;
      unseen--;
      if (!visit(owner)) return;
    }
  }

  /** How far clockwise the member's next point is. */
  distance(key: bigint, owner: number): bigint {
    const positions = this.ownPoints[owner];
    const next = positions[lowerBound(positions.length, (index) => positions[index] >= key)];
    return BigInt.asUintN(64, (next ?? positions[0]) - key);
  }

  private nextWalk(): number {
    this.walks = (this.walks + 1) % 0x1_0000_0000;
    if (this.walks === 0) {
      this.seenIn.fill(0);
      this.walks = 1;
    }
    return this.walks;
  }

  private firstAtOrAfter(key: bigint): number {
    return lowerBound(this.points.length, (index) => this.points[index].position >= key);
  }
}

function pointsOf(member: RingMember, vnodes: number): bigint[] {
  const count = Math.max(1, Math.round(vnodes * member.weight));
  return Array.from({ length: count }, (_, index) => keyHash('broker', member.id, index)).sort(
    (one, other) => (one < other ? -1 : Number(one > other)),
  );
}

/** Equal positions (a collision of the hash) go to the smaller id. */
function byPosition(one: Point, other: Point): number {
  if (one.position === other.position) return one.owner - other.owner;
  return one.position < other.position ? -1 : 1;
}

/** The first index for which the condition holds; `length` when it never does. */
function lowerBound(length: number, holds: (index: number) => boolean): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holds(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}
