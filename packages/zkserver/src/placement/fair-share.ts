// How many replicas each broker should hold, and how many it may: the arithmetic of "bounded load".
//
// The fair share is proportional to the weight, except where that can not be: a broker holds a partition at most once,
// and a rack at most `replicasPerRack` times. What does not fit goes to the others in proportion to their weights. So
// replicas can always be on distinct racks, also when racks are of unequal size; where they are equal, the fair share
// is the plain weighted mean.
import type { Racks } from './racks.js';

/** No broker holds more than this times its fair share, once a share is 10 or more. */
export const REPLICA_BOUND = 1.1;
/** The same for preferred leaders, once a share is 7 or more. */
export const LEADER_BOUND = 1.15;

export interface ShareLimits {
  /** Replicas to share out. */
  readonly total: number;
  /** Most that a broker can hold: the number of partitions. */
  readonly perBroker: number;
  /** Most that a rack can hold. */
  readonly perRack: number;
}

/** In the order of the brokers; sums up to `total`, when the limits leave room for that. */
export function fairShares(
  weights: readonly number[],
  racks: Racks,
  limits: ShareLimits,
): readonly number[] {
  const plain = limits.total / sum(weights);
  if (isWithin(plain, weights, racks, limits)) return weights.map((weight) => plain * weight);
  const level = bisect((tried) => sum(sharesAt(tried, weights, racks, limits)) >= limits.total);
  return sharesAt(level, weights, racks, limits);
}

/**
 * The most that a broker with this share may hold: the share times the bound, rounded down, but always the share itself
 * rounded up: below 10 (with a bound of 1.10) whole numbers are too coarse for the bound.
 */
export function boundOf(share: number, bound: number): number {
  return Math.max(roundUp(share), Math.floor(share * bound + 1e-9));
}

/**
 * The most that a broker may keep when replicas are moved: the same, but rounded up, because one replica more or less is
 * not worth a copy.
 */
export function boundToKeep(share: number, bound: number): number {
  return roundUp(share * bound);
}

/** Shares come from divisions: 3.0000000001 is 3. */
function roundUp(share: number): number {
  return Math.ceil(share - 1e-9);
}

function isWithin(
  level: number,
  weights: readonly number[],
  racks: Racks,
  limits: ShareLimits,
): boolean {
  const inRack = (members: readonly number[]): number =>
    sum(members.map((index) => level * weights[index]));
  return (
    weights.every((weight) => level * weight <= limits.perBroker) &&
    racks.members.every((members) => inRack(members) <= limits.perRack)
  );
}

function sharesAt(
  level: number,
  weights: readonly number[],
  racks: Racks,
  limits: ShareLimits,
): number[] {
  const shares = weights.map(() => 0);
  for (const members of racks.members) {
    const at = (tried: number): number[] =>
      members.map((index) => Math.min(limits.perBroker, tried * weights[index]));
    const isFull = sum(at(level)) > limits.perRack;
    const own = isFull ? bisect((tried) => sum(at(tried)) >= limits.perRack) : level;
    at(own).forEach((share, position) => (shares[members[position]] = share));
  }
  return shares;
}

/** The smallest level (within rounding) that is enough; additions and halvings only, so equal on every machine. */
function bisect(isEnough: (level: number) => boolean): number {
  let high = 1;
  for (let doublings = 0; doublings < 64 && !isEnough(high); doublings++) high *= 2;
  let low = 0;
  for (let halvings = 0; halvings < 60; halvings++) {
    const middle = (low + high) / 2;
    if (isEnough(middle)) high = middle;
    else low = middle;
  }
  return high;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
